// The node's own meaning is its reference; only what its bodies do is planned.
#include "lib/runtime/plan/bodies.h"

#include <algorithm>

namespace compress {
namespace {

/// Plans of one body that are kept.
constexpr size_t kPlanLimit = 8;

bool accepts(const std::vector<Type>& planned, const std::vector<Type>& given) {
  return std::ranges::equal(planned, given, [](const Type& plan, const Type& type) {
    if (plan.dtype != type.dtype) return false;
    if (!plan.hasRank()) return true;
    return std::ranges::equal(*plan.dims, *type.dims,
                              [](const Dim& a, const Dim& b) { return !a.isKnown() || a.value == b.value; });
  });
}

/// What both lists of types agree on.
std::vector<Type> common(std::vector<Type> a, const std::vector<Type>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (!a[i].hasRank() || a[i].rank() != b[i].rank()) {
      a[i].dims.reset();
      continue;
    }
    for (size_t k = 0; k < a[i].rank(); ++k)
      if (!((*a[i].dims)[k] == (*b[i].dims)[k])) (*a[i].dims)[k] = {};
  }
  return a;
}

std::vector<const Graph*> bodiesOf(const Node& node) {
  std::vector<const Graph*> bodies;
  for (const Attribute& attribute : node.attributes)
    if (const auto* body = std::get_if<Body>(&attribute.data)) bodies.push_back(body->get());
  return bodies;
}

}  // namespace

bool hasBodies(const Node& node) {
  return !bodiesOf(node).empty();
}

BodyRunner::BodyRunner(const Graph& graph, const Node& node, PlanCompiler compile, const CompileOptions& options)
    : compile_(std::move(compile)), options_(options) {
  options_.observed.clear();
  options_.profile = false;
  std::vector<const Tensor*> captured;
  for (size_t i = node.inputs.size() - static_cast<size_t>(node.captureCount); i < node.inputs.size(); ++i)
    captured.push_back(graph.constant(node.inputs[i]));
  Node copy = node;
  for (std::vector<ValueId>* list : {&copy.inputs, &copy.outputs})
    for (ValueId& id : *list)
      if (id) id = holder_.add({graph.value(id).name, graph.value(id).type, std::nullopt, {}});
  node_ = holder_.append(std::move(copy));
  for (const Graph* body : bodiesOf(holder_.node(node_))) specialize(*body, captured);
}

void BodyRunner::specialize(const Graph& body, const std::vector<const Tensor*>& captured) {
  Special& special = bodies_[&body];
  special.graph = body;
  const std::vector<ValueId> inputs = body.runtimeInputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const size_t fromEnd = inputs.size() - i;
    const Tensor* constant = fromEnd <= captured.size() ? captured[captured.size() - fromEnd] : nullptr;
    if (constant != nullptr)
      special.graph.setConstant(inputs[i], *constant);
    else
      special.inputs.push_back(i);
  }
}

std::vector<Tensor> BodyRunner::run(std::span<const Tensor> inputs) {
  for (auto& [body, special] : bodies_) special.hasRun = false;
  return evaluate(holder_, holder_.node(node_), inputs,
                  [this](const Graph& body, std::span<const Tensor> given) { return runBody(body, given); });
}

BodyRunner::Plan& BodyRunner::planFor(Special& special, const std::vector<Type>& types) {
  std::list<Plan>& plans = special.plans;
  auto found = std::ranges::find(plans, types, &Plan::types);
  if (found == plans.end() && special.hasRun)
    found = std::ranges::find_if(plans, [&](const Plan& plan) { return accepts(plan.types, types); });
  if (found != plans.end()) {
    plans.splice(plans.begin(), plans, found);
    return plans.front();
  }
  std::vector<Type> wanted = special.hasRun ? common(plans.front().types, types) : types;
  auto executable = compile_(special.graph, wanted, options_);
  plans.push_front({std::move(wanted), std::move(executable), {}});
  if (plans.size() > kPlanLimit) plans.pop_back();
  return plans.front();
}

std::vector<Tensor> BodyRunner::runBody(const Graph& body, std::span<const Tensor> inputs) {
  Special& special = bodies_.at(&body);
  std::vector<Tensor> given;
  std::vector<Type> types;
  for (const size_t i : special.inputs) {
    given.push_back(inputs[i]);
    types.push_back(Type::tensor(inputs[i].dtype(), inputs[i].shape()));
  }
  Plan& plan = planFor(special, types);
  special.hasRun = true;
  plan.bindings.inputs = std::move(given);
  plan.executable->run(plan.bindings);
  std::vector<Tensor> results;
  for (Buffer& output : plan.bindings.outputs) results.push_back(std::move(output).freeze());
  plan.bindings.inputs.clear();
  plan.bindings.outputs.clear();
  return results;
}

}  // namespace compress
