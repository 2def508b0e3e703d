#include "lib/runtime/session.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ops/upgrade.h"

namespace compress {
namespace {

/// Throws Error(input) when the tensor is not of the declared type; unknown and symbolic dimensions take any size.
void requireType(const std::string& name, const Type& declared, const Tensor& tensor) {
  if (declared.kind == Type::Kind::unknown) return;
  const auto refuse = [&] {
    throw Error(ErrorKind::input, text("input '", displayName(name), "' is ", nameOf(tensor.dtype()),
                                       print(tensor.shape()), ", the model expects ", print(declared)));
  };
  const bool isSequence = tensor.dtype() == DType::sequence;
  if (isSequence != (declared.kind == Type::Kind::sequence) && declared.kind != Type::Kind::optional) refuse();
  if (declared.dtype != DType::undefined && declared.dtype != tensor.dtype()) refuse();
  if (!declared.hasRank()) return;
  if (declared.rank() != tensor.shape().rank()) refuse();
  for (size_t i = 0; i < declared.rank(); ++i)
    if (const Dim& dim = (*declared.dims)[i]; dim.isKnown() && dim.value != tensor.shape()[i]) refuse();
}

}  // namespace

Session::Session(const Model& model, Backend& backend, SessionOptions options)
    : model_(upgraded(model)), backend_(backend), options_(std::move(options)) {
  const Graph& graph = model_.graph;
  for (const ValueId id : graph.runtimeInputs()) {
    inputNames_.push_back(graph.value(id).name);
    inputTypes_.push_back(graph.value(id).type);
  }
  for (const ValueId id : graph.outputs()) outputNames_.push_back(graph.value(id).name);
  for (const std::string& name : options_.observed) {
    const ValueId id = graph.findValue(name);
    if (!id || !model.graph.findValue(name))
      throw Error(ErrorKind::input, text("the model has no value '", displayName(name), "' to observe"));
    observed_.push_back(id);
    outputNames_.push_back(name);
  }
}

void Session::run(Bindings& bindings) {
  plan(bindings.inputs).run(bindings);
}

Executable& Session::plan(std::span<const Tensor> inputs) {
  if (inputs.size() != inputNames_.size())
    throw Error(ErrorKind::input, text(inputs.size(), " inputs given, the model expects ", inputNames_.size(), ": ",
                                       join(inputNames_, ", ")));
  std::vector<Shape> shapes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    requireType(inputNames_[i], inputTypes_[i], inputs[i]);
    shapes.push_back(inputs[i].shape());
  }
  const auto found = std::ranges::find(plans_, shapes, &Plan::shapes);
  if (found != plans_.end()) {
    plans_.splice(plans_.begin(), plans_, found);
    return *plans_.front().executable;
  }
  const CompileOptions options{options_.threads, observed_, options_.disabledFusions, options_.profile,
                               options_.observedInAnyOrder};
  auto executable = backend_.compile(model_.graph, shapes, options);
  plans_.push_front({std::move(shapes), std::move(executable)});
  if (plans_.size() > std::max<size_t>(options_.planLimit, 1)) plans_.pop_back();
  return *plans_.front().executable;
}

}  // namespace compress
