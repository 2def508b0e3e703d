// Writes a random graph operator by operator. Every value is computed by its reference as soon as it is written, so
// that generators know shapes and numbers, and operators that would magnify rounding errors are taken back.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/random.h"
#include "lib/ir/model.h"

namespace compress::test {

/// A graph with its inputs and what the references make of it.
struct RandomGraph {
  Model model;
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
};

class GraphAuthor {
 public:
  using Attribute = std::pair<std::string_view, AttributeData>;

  /// Shapes have up to `elements` elements.
  GraphAuthor(uint64_t seed, int64_t elements);

  Random& random() { return random_; }
  int64_t below(int64_t bound) { return random_.below(bound); }
  int64_t from(int64_t low, int64_t high) { return low + below(high - low + 1); }
  bool oneIn(int64_t count) { return below(count) == 0; }
  int64_t pick(std::initializer_list<int64_t> choices);
  std::string pickWord(std::initializer_list<const char*> choices);
  int64_t elements() const { return elements_; }

  /// Dimensions as networks have them, odd ones, ones and, rarely, none; their product is at most elements().
  Shape shape(size_t lowestRank, size_t highestRank);
  /// A shape that broadcasts to `shape`.
  Shape broadcastable(const Shape& shape);

  ValueId input(DType dtype, const Shape& shape, double low = -2, double high = 2);
  ValueId input(Tensor tensor);
  ValueId constant(DType dtype, const Shape& shape, double low = -1, double high = 1);
  ValueId constant(Tensor tensor);
  ValueId integers(const std::vector<int64_t>& values);
  /// A constant, mostly, or an input.
  ValueId parameter(DType dtype, const Shape& shape, double low = -1, double high = 1);
  /// A value of exactly this form: one that is there, a constant or an input.
  ValueId operand(DType dtype, const Shape& shape);
  /// A value of that type and rank without empty dimensions: mostly the newest that is there, else a new input.
  ValueId source(DType dtype, size_t lowestRank, size_t highestRank);
  /// The same, but dimensions may be empty.
  ValueId anySource(DType dtype, size_t lowestRank, size_t highestRank);

  /// The outputs; none where the reference refuses the node, or where its results are not finite, large, or change
  /// visibly when what came before is a rounding error off.
  std::vector<ValueId> nodes(std::string_view op, std::vector<ValueId> inputs, std::vector<Attribute> attributes = {},
                             size_t outputs = 1, int captures = 0);
  /// Its only output, kNoValue where taken back.
  ValueId node(std::string_view op, std::vector<ValueId> inputs, std::vector<Attribute> attributes = {});
  /// The value is finished: it may become an output, and later operators may read it.
  void keep(ValueId id);
  void keep(const std::vector<ValueId>& ids);

  const Tensor& tensor(ValueId id) const { return values_.at(id).exact; }
  const Shape& shapeOf(ValueId id) const { return tensor(id).shape(); }
  DType dtypeOf(ValueId id) const { return tensor(id).dtype(); }
  const Graph& graph() const { return graph_; }

  /// Picks the outputs.
  RandomGraph finish() &&;

 private:
  struct Known {
    Tensor exact;
    Tensor shaken;  ///< computed on values that are a rounding error off
  };
  bool isStable(const std::vector<Tensor>& exact, const std::vector<Tensor>& shaken) const;
  ValueId findSource(DType dtype, size_t lowestRank, size_t highestRank, bool mayBeEmpty);

  Graph graph_;
  Random random_;
  int64_t elements_;
  std::map<ValueId, Known> values_;
  std::vector<ValueId> kept_;  ///< inputs and finished values
};

}  // namespace compress::test
