// What the project knows of an operator: shape rule, plain-loop reference, and how older forms become the newest one.
// Each op has one meaning here, that of the newest opset that we know; lib/ops/upgrade.h brings older forms to it.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/ir/model.h"

namespace compress {

/// An element of an integer tensor that is known in part: a number, the symbol of a dimension, or neither.
struct PartialInt {
  std::optional<int64_t> value;
  std::string symbol;
};
using PartialInts = std::vector<PartialInt>;

/// What a shape rule sees and fills in. A rule throws Error(input) for inputs that the op does not allow, and leaves
/// unknown what it cannot know.
struct InferContext {
  const Graph& graph;
  const Node& node;
  std::vector<Type> inputs;                  ///< unknown where absent
  std::vector<const Tensor*> constants;      ///< the value of each input where it is known, else null
  std::vector<Type> outputs;                 ///< one per node output; the rule fills them in
  std::vector<const PartialInts*> partials;  ///< elements of inputs of rank 0 or 1 that are known in part, else null
  std::vector<std::optional<PartialInts>> outputPartials;  ///< the same of the outputs; a rule may fill them in
  /// Types of a body's outputs when its inputs have the given types and, where not null, values (If, Loop, Scan).
  std::function<std::vector<Type>(const Graph& body, std::span<const Type> inputs,
                                  std::span<const Tensor* const> constants)>
      inferBody;

  bool has(size_t i) const { return node.input(i).index >= 0; }
  const Type& input(size_t i) const { return inputs.at(i); }
  const Tensor* constant(size_t i) const { return i < constants.size() ? constants[i] : nullptr; }
};

/// What a reference kernel sees and fills in. Inputs are given; an output whose type the shape rule knows is allocated,
/// zero-filled; any other is allocated by the kernel (outputs[i] = Buffer(dtype, shape)).
struct ReferenceContext {
  const Node& node;
  std::span<const Tensor> inputs;  ///< an absent input is an empty Tensor
  std::span<Buffer> outputs;
  /// Runs a body (If, Loop, Scan).
  std::function<std::vector<Tensor>(const Graph& body, std::span<const Tensor> inputs)> runBody;

  bool has(size_t i) const { return i < inputs.size() && inputs[i]; }
  bool wants(size_t output) const { return output < node.outputs.size() && node.outputs[output]; }
};

using Infer = void (*)(InferContext&);
using Reference = void (*)(ReferenceContext&);

/// Brings a node from its form before opset `version` to the form that `version` introduced, by editing its graph.
struct Upgrade {
  int64_t version;
  void (*apply)(Graph&, NodeId);
};

class Lowering;
/// Expresses a node by ops of the default domain (lib/ops/lowering.h); false: more must be known of its inputs.
using Lower = bool (*)(Lowering&);

class Backward;
/// Extends the graph by the gradients of a node's inputs (lib/ops/gradient.h).
using Gradient = void (*)(Backward&);

struct OpSpec {
  std::string_view op;
  std::string_view domain;        ///< empty: ai.onnx
  Infer infer;                    ///< null: outputs stay unknown
  Reference reference;            ///< null: the op exists only to be upgraded to another
  std::vector<Upgrade> upgrades;  ///< ascending; empty when the form never changed in a way that matters to us
  std::string_view doc;           ///< one line: the formula
  Lower lower = nullptr;          ///< null: the op has kernels of its own
  Gradient gradient = nullptr;    ///< null: nothing can be trained through it
};

/// All operators that a file may hold, sorted by domain and name.
std::span<const OpSpec> allOps();
/// Operators of private domains, that gradients are made of.
std::span<const OpSpec> privateOps();
/// Null when the op is not known. Private operators are found too.
const OpSpec* findOp(std::string_view op, std::string_view domain = "");
/// The newest opset of the default domain whose meaning the ops implement.
constexpr int64_t kNewestOpset = 28;

}  // namespace compress
