// Control flow: If, Loop and Scan run bodies. What a body captures are its last inputs and the last inputs of its node.
#include <algorithm>
#include <limits>

#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

/// The body that takes `inputs` inputs.
Body bodyOf(const Node& node, std::string_view name, size_t inputs) {
  const Body body = node.attributes.body(name);
  if (!body) reject("the body '", name, "' is missing");
  const size_t taken = body->runtimeInputs().size();
  if (taken != inputs) reject("the body '", name, "' takes ", taken, " inputs, the node gives ", inputs);
  return body;
}

bool isTrue(const Tensor& condition) {
  const auto values = toInts(condition);
  if (values.size() != 1) reject("the condition has ", values.size(), " elements, expected 1");
  return values[0] != 0;
}

// If ------------------------------------------------------------------------------------------------------------------

void inferIf(InferContext& context) {
  requireInputs(context, 1);
  const std::span<const Type> captured = std::span<const Type>(context.inputs).subspan(1);
  const std::span<const Tensor* const> constants = std::span<const Tensor* const>(context.constants).subspan(1);
  const auto infer = [&](std::string_view name) {
    return context.inferBody(*bodyOf(context.node, name, captured.size()), captured, constants);
  };
  if (const Tensor* condition = context.constant(0)) {
    context.outputs = infer(isTrue(*condition) ? "then_branch" : "else_branch");
    return;
  }
  const auto whenTrue = infer("then_branch"), whenFalse = infer("else_branch");
  for (size_t i = 0; i < context.outputs.size() && i < whenTrue.size() && i < whenFalse.size(); ++i)
    context.outputs[i] = commonType(whenTrue[i], whenFalse[i]);
}

void runIf(ReferenceContext& context) {
  const Body body =
      bodyOf(context.node, isTrue(context.inputs[0]) ? "then_branch" : "else_branch", context.inputs.size() - 1);
  const auto results = context.runBody(*body, context.inputs.subspan(1));
  if (results.size() != context.outputs.size())
    reject("the body has ", results.size(), " outputs, the node ", context.outputs.size());
  for (size_t i = 0; i < results.size(); ++i) assign(results[i], context.outputs[i]);
}

// Loop ----------------------------------------------------------------------------------------------------------------

size_t carriedCount(const Node& node) {
  const size_t formal = node.inputs.size() - static_cast<size_t>(node.captureCount);
  if (formal < 2) reject(formal, " inputs, expected at least 2");
  if (node.outputs.size() < formal - 2) reject(node.outputs.size(), " outputs, expected at least ", formal - 2);
  return formal - 2;
}

constexpr int kMostRounds = 4;

/// Carried values may change shape from one iteration to the next: their types are those that a body maps to
/// themselves, found by giving up what differs; in the last round nothing is assumed of their shapes.
void inferLoop(InferContext& context) {
  const Body body = bodyOf(context.node, "body", context.inputs.size());
  const size_t carried = carriedCount(context.node);
  std::vector<Type> inputs = {Type::tensor(DType::i64, Shape{}), Type::tensor(DType::boolean, Shape{})};
  inputs.insert(inputs.end(), context.inputs.begin() + 2, context.inputs.end());
  std::vector<const Tensor*> constants(2 + carried, nullptr);
  constants.insert(constants.end(), context.constants.begin() + 2 + static_cast<std::ptrdiff_t>(carried),
                   context.constants.end());
  std::vector<Type> results;
  bool isStable = false;
  for (int round = 0; round < kMostRounds && !isStable; ++round) {
    if (round == kMostRounds - 1)
      for (size_t i = 0; i < carried; ++i) inputs[i + 2] = Type::tensor(inputs[i + 2].dtype);
    results = context.inferBody(*body, inputs, constants);
    if (results.size() < carried + 1)
      reject("the body has ", results.size(), " outputs, expected at least ", carried + 1);
    isStable = true;
    for (size_t i = 0; i < carried; ++i) {
      const Type both = commonType(inputs[i + 2], results[i + 1]);
      isStable = isStable && both == inputs[i + 2];
      inputs[i + 2] = both;
    }
  }
  for (size_t i = 0; i < context.outputs.size() && i + 1 < results.size(); ++i) {
    context.outputs[i] = i < carried ? inputs[i + 2] : results[i + 1];
    if (i >= carried && context.outputs[i].hasRank())
      context.outputs[i].dims->insert(context.outputs[i].dims->begin(), Dim{});
  }
}

/// Tensors of one shape become one with a new first axis.
void stack(const std::vector<Tensor>& parts, const Type& element, Buffer& output) {
  if (parts.empty()) {
    std::vector<int64_t> dims = {0};
    if (element.hasRank())
      for (const Dim& dim : *element.dims) dims.push_back(dim.isKnown() ? dim.value : 0);
    output = Buffer(element.dtype, Shape(dims));
    return;
  }
  std::vector<int64_t> dims = parts[0].shape().dims();
  dims.insert(dims.begin(), static_cast<int64_t>(parts.size()));
  output = Buffer(parts[0].dtype(), Shape(dims));
  const int64_t count = parts[0].elementCount();
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].shape() != parts[0].shape())
      reject("iterations give ", print(parts[0].shape()), " and ", print(parts[i].shape()), ", expected one shape");
    Mover(parts[i], output).copy(0, static_cast<int64_t>(i) * count, count);
  }
}

void runLoop(ReferenceContext& context) {
  const Body body = bodyOf(context.node, "body", context.inputs.size());
  const size_t carried = carriedCount(context.node);
  const int64_t trips = context.has(0) ? toInts(context.inputs[0]).at(0) : std::numeric_limits<int64_t>::max();
  bool goesOn = !context.has(1) || isTrue(context.inputs[1]);
  std::vector<Tensor> inputs = {Tensor{}, Tensor{}};
  inputs.insert(inputs.end(), context.inputs.begin() + 2, context.inputs.end());
  std::vector<std::vector<Tensor>> scanned(context.outputs.size() - carried);
  for (int64_t trip = 0; goesOn && trip < trips; ++trip) {
    inputs[0] = Tensor::scalar(trip);
    inputs[1] = Tensor::scalar(goesOn);
    std::vector<Tensor> results = context.runBody(*body, inputs);
    goesOn = isTrue(results.at(0));
    for (size_t i = 0; i < carried; ++i) inputs[i + 2] = results.at(i + 1);
    for (size_t i = 0; i < scanned.size(); ++i) scanned[i].push_back(results.at(carried + 1 + i));
  }
  for (size_t i = 0; i < carried; ++i) assign(inputs[i + 2], context.outputs[i]);
  for (size_t i = 0; i < scanned.size(); ++i)
    stack(scanned[i], body->value(body->outputs().at(carried + 1 + i)).type, context.outputs[carried + i]);
}

// Scan ----------------------------------------------------------------------------------------------------------------

/// How a Scan's inputs and outputs divide, and along which axes it goes.
struct ScanLayout {
  size_t scanInputs, states, scanOutputs;
  std::vector<int64_t> inputAxes, inputDirections, outputAxes, outputDirections;

  explicit ScanLayout(const Node& node) {
    scanInputs = static_cast<size_t>(node.attributes.integer("num_scan_inputs", 0));
    const size_t formal = node.inputs.size() - static_cast<size_t>(node.captureCount);
    if (scanInputs == 0 || scanInputs > formal) reject("num_scan_inputs is ", scanInputs, " of ", formal, " inputs");
    states = formal - scanInputs;
    if (node.outputs.size() < states) reject(node.outputs.size(), " outputs for ", states, " states");
    scanOutputs = node.outputs.size() - states;
    const auto list = [&](std::string_view name, size_t count) {
      auto values = node.attributes.integers(name, std::vector<int64_t>(count, 0));
      if (values.size() != count) reject(name, " has ", values.size(), " elements, expected ", count);
      return values;
    };
    inputAxes = list("scan_input_axes", scanInputs);
    inputDirections = list("scan_input_directions", scanInputs);
    outputAxes = list("scan_output_axes", scanOutputs);
    outputDirections = list("scan_output_directions", scanOutputs);
  }
};

void inferScan(InferContext& context) {
  const ScanLayout layout(context.node);
  std::vector<Type> inputs = context.inputs;
  Dim length;
  for (size_t i = 0; i < layout.scanInputs; ++i) {
    Type& input = inputs[layout.states + i];
    if (!input.hasRank()) continue;
    const size_t axis = normalizedAxis(layout.inputAxes[i], input.rank());
    length = merged(length, (*input.dims)[axis]);
    input.dims->erase(input.dims->begin() + static_cast<std::ptrdiff_t>(axis));
  }
  std::vector<const Tensor*> constants(inputs.size(), nullptr);
  for (size_t i = layout.states + layout.scanInputs; i < inputs.size(); ++i) constants[i] = context.constant(i);
  const auto results = context.inferBody(*bodyOf(context.node, "body", context.inputs.size()), inputs, constants);
  for (size_t i = 0; i < context.outputs.size() && i < results.size(); ++i) {
    context.outputs[i] = i < layout.states ? commonType(inputs[i], results[i]) : results[i];
    if (i < layout.states || !results[i].hasRank()) continue;
    const size_t axis = normalizedAxis(layout.outputAxes[i - layout.states], results[i].rank() + 1);
    context.outputs[i].dims->insert(context.outputs[i].dims->begin() + static_cast<std::ptrdiff_t>(axis), length);
  }
}

/// The slice at `index` along `axis`, without that axis.
Tensor sliceAt(const Tensor& tensor, size_t axis, int64_t index) {
  std::vector<int64_t> dims = tensor.shape().dims(), strides = stridesOf(tensor.shape());
  const int64_t offset = index * strides[axis];
  dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  strides.erase(strides.begin() + static_cast<std::ptrdiff_t>(axis));
  Buffer buffer(tensor.dtype(), Shape(dims));
  copyStrided(tensor, offset, strides, buffer);
  return std::move(buffer).freeze();
}

/// Axis 0 moved to position `axis`.
Tensor withFirstAxisAt(const Tensor& tensor, size_t axis) {
  std::vector<int64_t> dims = tensor.shape().dims(), strides = stridesOf(tensor.shape());
  const auto to = static_cast<std::ptrdiff_t>(axis);
  std::rotate(dims.begin(), dims.begin() + 1, dims.begin() + to + 1);
  std::rotate(strides.begin(), strides.begin() + 1, strides.begin() + to + 1);
  Buffer buffer(tensor.dtype(), Shape(dims));
  copyStrided(tensor, 0, strides, buffer);
  return std::move(buffer).freeze();
}

void runScan(ReferenceContext& context) {
  const ScanLayout layout(context.node);
  const Body body = bodyOf(context.node, "body", context.inputs.size());
  std::vector<size_t> axes;
  for (size_t i = 0; i < layout.scanInputs; ++i)
    axes.push_back(normalizedAxis(layout.inputAxes[i], context.inputs[layout.states + i].shape().rank()));
  const int64_t length = context.inputs[layout.states].shape()[axes[0]];
  std::vector<Tensor> inputs(context.inputs.begin(), context.inputs.end());
  std::vector<std::vector<Tensor>> scanned(layout.scanOutputs);
  for (int64_t step = 0; step < length; ++step) {
    for (size_t i = 0; i < layout.scanInputs; ++i) {
      const Tensor& whole = context.inputs[layout.states + i];
      if (whole.shape()[axes[i]] != length)
        reject("scan inputs have ", length, " and ", whole.shape()[axes[i]], " steps");
      inputs[layout.states + i] = sliceAt(whole, axes[i], layout.inputDirections[i] != 0 ? length - 1 - step : step);
    }
    std::vector<Tensor> results = context.runBody(*body, inputs);
    for (size_t i = 0; i < layout.states; ++i) inputs[i] = results.at(i);
    for (size_t i = 0; i < layout.scanOutputs; ++i) scanned[i].push_back(results.at(layout.states + i));
  }
  for (size_t i = 0; i < layout.states; ++i) assign(inputs[i], context.outputs[i]);
  for (size_t i = 0; i < layout.scanOutputs; ++i) {
    if (layout.outputDirections[i] != 0) std::ranges::reverse(scanned[i]);
    Buffer stacked;
    stack(scanned[i], body->value(body->outputs().at(layout.states + i)).type, stacked);
    const Tensor tensor = std::move(stacked).freeze();
    assign(withFirstAxisAt(tensor, normalizedAxis(layout.outputAxes[i], tensor.shape().rank())),
           context.outputs[layout.states + i]);
  }
}

/// Opset 9: before, a Scan had a batch axis and sequence lengths of its own.
void refuseBatchedScan(Graph&, NodeId) {
  throw Error(ErrorKind::unsupported, "the batched Scan of opset 8 has no newer form");
}

}  // namespace

std::vector<OpSpec> controlOps() {
  return {
      {"If", "", inferIf, runIf, {}, "one of two bodies"},
      {"Loop", "", inferLoop, runLoop, {}, "a body again and again, with carried values and collected ones"},
      {"Scan",
       "",
       inferScan,
       runScan,
       {{9, refuseBatchedScan}},
       "a body over slices, with states and collected results"},
  };
}

}  // namespace compress
