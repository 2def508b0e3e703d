// The float network cut at its quantized tensors: small models that run one after another, so that ranges, weights and
// biases can be judged by what follows without running the whole network for each try.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "lib/eval/encoding.h"
#include "lib/runtime/session.h"
#include "passes/quantize/plan.h"

namespace compress {

/// What lies between quantized tensors: it computes one of them, or a graph output.
struct Unit {
  Model model;
  std::vector<ValueId> inputs;      ///< of the whole graph, in the order of the model's inputs
  std::vector<bool> seesQuantized;  ///< per input: the result reads a DQ here
  ValueId output;                   ///< of the whole graph
  NodeId weighted;                  ///< of the whole graph; none
  NodeId weightedHere;              ///< the same node in `model`
  bool movesOnly = false;           ///< output and input share an encoding and values
};

/// Units in topological order. Nodes that serve several outputs are in several units. With `beforeClamps` the results
/// of weighted nodes are cut as well, before the clamp that the Q will replace.
std::vector<Unit> cutIntoUnits(const Model& model, const Inferred& inferred, const QuantizePlan& plan,
                               bool beforeClamps);

/// Puts another weight and bias into the unit; an empty `bias` leaves it as it is.
void setWeight(Unit& unit, Tensor weight, std::span<const float> bias);

/// Sessions of one unit, one per thread.
class UnitRunner {
 public:
  UnitRunner(const Unit& unit, Backend& backend, int threads);
  /// body(sample, run) for each sample, spread over the threads; run(inputs) gives the unit's result.
  using Run = std::function<Tensor(std::vector<Tensor>)>;
  void forEach(size_t samples, const std::function<void(size_t, const Run&)>& body);

 private:
  std::vector<std::unique_ptr<Session>> sessions_;
};

/// Tensors of the samples by value, dropped after their last reader.
class SampleStore {
 public:
  SampleStore(const std::vector<Unit>& units, size_t samples);
  void put(ValueId value, std::vector<Tensor> tensors) { tensors_[value] = std::move(tensors); }
  const Tensor& at(ValueId value, size_t sample) const { return tensors_.at(value)[sample]; }
  size_t samples() const { return samples_; }
  /// To be called after each unit: forgets what no later unit reads.
  void doneWith(const Unit& unit);

 private:
  std::map<ValueId, std::vector<Tensor>> tensors_;
  std::map<ValueId, int> readers_;
  size_t samples_;
};

/// Nearest multiples of the steps, and back: what Q and DQ do to a tensor.
Tensor fakeQuantized(const Tensor& tensor, const Encoding& encoding);

}  // namespace compress
