// A node that has no fast kernel, wrapped: memory becomes tensors, the reference runs, tensors become memory.
#include "lib/runtime/cpu/reference_kernel.h"

#include <cstring>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ops/evaluate.h"

namespace compress {
namespace {

/// Holds a graph of the one node, since plans outlive the graph that they were made from.
class ReferenceKernel : public Kernel {
 public:
  ReferenceKernel(const KernelRequest& request, const PlanCompiler& compile) {
    for (size_t i = 0; i < request.node.inputs.size(); ++i) {
      constants_.push_back(request.constant(i) != nullptr ? *request.constant(i) : Tensor());
      types_.push_back(request.has(i) ? Type::tensor(request.dtype(i), request.shape(i)) : Type());
    }
    Node node = request.node;
    for (ValueId& input : node.inputs)
      if (input)
        input = graph_.add(
            {request.graph.graph.value(input).name, request.graph.graph.value(input).type, std::nullopt, {}});
    for (ValueId& output : node.outputs)
      if (output)
        output = graph_.add(
            {request.graph.graph.value(output).name, request.graph.graph.value(output).type, std::nullopt, {}});
    node_ = graph_.append(std::move(node));
    CompileOptions options;
    options.threads = request.threads;
    if (hasBodies(request.node))
      bodies_ = std::make_unique<BodyRunner>(request.graph.graph, request.node, compile, options);
  }

  std::string name() const override { return bodies_ ? "body plans" : "ref"; }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) override {
    inputs_.assign(inputs.begin(), inputs.end());
    outputs_.assign(outputs.begin(), outputs.end());
  }

  void run() override {
    std::vector<Tensor> inputs = constants_;
    for (size_t i = 0; i < inputs.size(); ++i)
      if (!inputs[i] && types_[i].isTensor()) inputs[i] = copyIn(types_[i], inputs_[i]);
    const std::vector<Tensor> results = bodies_ ? bodies_->run(inputs) : evaluate(graph_, graph_.node(node_), inputs);
    for (size_t i = 0; i < results.size(); ++i)
      if (i < outputs_.size() && outputs_[i] != nullptr) copyOut(i, results[i]);
  }

 private:
  static Tensor copyIn(const Type& type, const std::byte* data) {
    const Shape shape = *type.shape();
    AlignedBytes block(static_cast<size_t>(bytesOf(type.dtype, shape.elementCount())));
    if (block.size() > 0) std::memcpy(block.data(), data, block.size());
    return {type.dtype, shape, Bytes::own(std::move(block))};
  }

  void copyOut(size_t index, const Tensor& result) {
    const Type& type = graph_.value(graph_.node(node_).outputs[index]).type;
    if (result.dtype() != type.dtype || !(result.shape() == *type.shape()))
      throw Error(ErrorKind::bug, text("node '", graph_.node(node_).name, "' gave ", nameOf(result.dtype()),
                                       print(result.shape()), ", its shape rule said ", print(type)));
    if (!result.raw().empty()) std::memcpy(outputs_[index], result.raw().data(), result.raw().size());
  }

  Graph graph_;
  NodeId node_;
  std::vector<Tensor> constants_;
  std::vector<Type> types_;
  std::vector<std::byte*> inputs_;
  std::vector<std::byte*> outputs_;
  std::unique_ptr<BodyRunner> bodies_;  ///< for nodes with bodies
};

}  // namespace

KernelChoice makeReferenceKernel(const KernelRequest& request, const PlanCompiler& compile) {
  const OpSpec* spec = findOp(request.node.op, request.node.domain);
  if (spec == nullptr || spec->reference == nullptr || !request.fused.post.empty())
    throw Error(ErrorKind::unsupported, text("operator ", request.node.domain.empty() ? "" : request.node.domain + ".",
                                             request.node.op, " has no kernel on the cpu backend and no reference"));
  KernelChoice choice;
  choice.kernel = std::make_unique<ReferenceKernel>(request, compile);
  choice.inputLayouts.assign(request.node.inputs.size(), Layout::plain);
  for (size_t i = 0; i < request.node.inputs.size(); ++i) choice.inputUsed.push_back(request.constant(i) == nullptr);
  choice.outputLayouts.assign(request.node.outputs.size(), Layout::plain);
  return choice;
}

}  // namespace compress
