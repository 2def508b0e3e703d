#include "passes/known_types.h"

#include "lib/base/error.h"
#include "lib/ops/upgrade.h"

namespace compress {

KnownTypes::KnownTypes(const Model& model) {
  try {
    inferred_ = inferTypes(upgraded(model).graph);
  } catch (const Error& error) {
    why_ = error.message();
  }
}

Type KnownTypes::type(ValueId id) const {
  const auto at = static_cast<size_t>(id.index);
  return id && at < inferred_.types.size() ? inferred_.types[at] : Type{};
}

std::optional<size_t> KnownTypes::rank(ValueId id) const {
  const Type found = type(id);
  if (!found.isTensor() || !found.hasRank()) return std::nullopt;
  return found.rank();
}

const Tensor* KnownTypes::value(ValueId id) const {
  const auto at = static_cast<size_t>(id.index);
  return id && at < inferred_.known.size() && inferred_.known[at] ? &*inferred_.known[at] : nullptr;
}

Model loneNode(const Graph& graph, const Node& node, const Opsets& opsets) {
  Model model;
  model.opsets = opsets;
  Node copy = node;
  for (ValueId& input : copy.inputs)
    if (input) input = model.graph.addConstant(graph.value(input).name, *graph.constant(input));
  for (ValueId& output : copy.outputs)
    if (output) {
      output = model.graph.add({graph.value(output).name, {}, std::nullopt, {}});
      model.graph.addOutput(output);
    }
  model.graph.append(std::move(copy));
  return upgraded(model);
}

}  // namespace compress
