// Layers whose answers can be computed from rows of their input: what scores measure and repair fits again.
#pragma once
#include <optional>

#include <vector>

#include "lib/ir/model.h"

namespace compress {

/// A 2-D Conv, Gemm or MatMul with a constant float weight that nothing else reads.
struct FitLayer {
  NodeId node;
  ValueId input, output, weight, bias;  ///< bias: none where there is none
  bool isConv = false;
  int64_t groups = 1;
};

/// Nothing where the node is none, or does more than weight times input plus bias.
std::optional<FitLayer> findFitLayer(const Graph& graph, NodeId id);

/// Gives the layer this bias, in place of the one it has or as a new input. A MatMul has none.
void setBias(Graph& graph, const FitLayer& layer, const std::vector<float>& bias);

/// `model` as far as it computes `value`.
Model modelUpTo(const Model& model, ValueId value);

/// The weight of a layer as, per convolution group, (what one output sums over) x (outputs).
class WeightView {
 public:
  WeightView(const Node& node, const Shape& weight, int64_t groups);

  int64_t inputs() const { return inputs_; }
  int64_t outputs() const { return outputs_; }
  /// Numbers of a row that belong to one slice of the weight's input axis: the window of a Conv, else 1.
  int64_t window() const { return window_; }
  size_t index(int64_t group, int64_t input, int64_t output) const {
    const int64_t channel = group * outputs_ + output;
    return static_cast<size_t>(isTransposed_ ? input * outputs_ + channel : channel * inputs_ + input);
  }
  /// Axis of the weight that the sum runs over.
  size_t inputAxis() const { return isTransposed_ ? 0 : 1; }

 private:
  bool isTransposed_;
  int64_t outputs_, inputs_, window_;
};

}  // namespace compress
