// The cut: a value is late when it depends on a shape that is not known. Nodes with late results and no late inputs
// are run one by one between the head and the tail.
#include "lib/runtime/plan/segments.h"

#include <algorithm>
#include <chrono>
#include <list>
#include <set>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/ops/rules.h"
#include "lib/runtime/copy_into.h"

namespace compress {
namespace {

/// Plans of the tail that are kept.
constexpr size_t kPlanLimit = 32;

bool isStaticType(const Type& type) {
  return type.isTensor() && type.dtype != DType::undefined && type.dtype != DType::string && type.shape();
}

bool mayBeFloating(DType dtype) {
  return dtype == DType::undefined || isFloating(dtype);
}

/// A node between head and tail.
struct Between {
  Node node;
  std::unique_ptr<BodyRunner> bodies;  ///< null: the reference runs it
  StepInfo info;
  double seconds = 0;
};

struct TailPlan {
  std::vector<Type> types;
  std::unique_ptr<Executable> executable;
};

}  // namespace

struct SegmentedExecutable::Impl {
  Graph graph;
  PlanCompiler compile;
  CompileOptions options;
  std::vector<ValueId> inputs;  ///< the caller's
  std::vector<ValueId> headInputs;
  std::vector<ValueId> headGives;
  std::unique_ptr<Executable> head;  ///< null where nothing comes first
  std::vector<Between> between;
  Graph tail;
  std::vector<ValueId> tailTakes;
  bool isTailSmall = false;
  std::list<TailPlan> tails;   ///< most recently used first
  std::vector<Tensor> values;  ///< of this run, by ValueId::index
  Bindings headBindings;
  int64_t runs = 0;

  Tensor& at(ValueId id) { return values[static_cast<size_t>(id.index)]; }

  /// Divides the nodes; the late ones are returned.
  std::vector<NodeId> divide(std::vector<NodeId>& early, std::vector<NodeId>& middle) {
    std::set<ValueId> lateValues;
    for (const ValueId id : inputs)
      if (!isStaticType(graph.value(id).type)) lateValues.insert(id);
    std::vector<NodeId> late;
    for (const NodeId id : graph.order()) {
      const Node& node = graph.node(id);
      const bool isLate = std::ranges::any_of(node.inputs, [&](ValueId v) { return lateValues.contains(v); });
      const bool isKnown =
          std::ranges::all_of(node.outputs, [&](ValueId v) { return !v || isStaticType(graph.value(v).type); });
      (isLate ? late : isKnown ? early : middle).push_back(id);
      if (isLate || !isKnown) lateValues.insert(node.outputs.begin(), node.outputs.end());
    }
    return late;
  }

  /// Values of `nodes` that others or the caller read.
  std::vector<ValueId> results(const std::vector<NodeId>& nodes) const {
    const std::set<NodeId> own(nodes.begin(), nodes.end());
    std::vector<ValueId> given;
    for (const NodeId id : nodes)
      for (const ValueId output : graph.node(id).outputs) {
        if (!output) continue;
        const bool isRead =
            std::ranges::any_of(graph.uses(output), [&](const Use& use) { return !own.contains(use.node); });
        if (isRead || graph.isOutput(output)) given.push_back(output);
      }
    return given;
  }

  void makeHead(const std::vector<NodeId>& early) {
    if (early.empty()) return;
    headGives = results(early);
    Graph part = graph;
    part.setOutputs(headGives);
    part.eraseDead();
    // Inputs that only later nodes read are none of the head's.
    std::vector<Type> types;
    for (const ValueId id : inputs)
      if (!part.uses(id).empty()) {
        headInputs.push_back(id);
        types.push_back(graph.value(id).type);
      }
    part.setInputs(headInputs);
    head = compile(part, types, options);
  }

  void makeBetween(const std::vector<NodeId>& middle) {
    for (const NodeId id : middle) {
      Between& item = between.emplace_back();
      item.node = graph.node(id);
      if (hasBodies(item.node)) item.bodies = std::make_unique<BodyRunner>(graph, item.node, compile, options);
      item.info.name = item.node.name;
      item.info.op = item.node.op;
      item.info.kernel = item.bodies ? "body plans" : "ref";
      if (!item.node.outputs.empty() && item.node.outputs[0])
        item.info.dtype = graph.value(item.node.outputs[0]).type.dtype;
    }
  }

  void makeTail(const std::vector<NodeId>& early, const std::vector<NodeId>& middle) {
    tail = graph;
    for (const std::vector<NodeId>* nodes : {&early, &middle})
      for (const NodeId id : *nodes) tail.erase(id);
    for (const ValueId id : tail.values())
      if (tail.constant(id) == nullptr && !tail.producer(id) && (!tail.uses(id).empty() || tail.isOutput(id)))
        tailTakes.push_back(id);
    tail.setInputs(tailTakes);
    tail.eraseDead();
    isTailSmall = std::ranges::none_of(tail.nodes(), [&](NodeId id) {
      return std::ranges::any_of(tail.node(id).outputs,
                                 [&](ValueId v) { return v && mayBeFloating(tail.value(v).type.dtype); });
    });
  }

  void runHead() {
    if (!head) return;
    headBindings.inputs.clear();
    for (const ValueId id : headInputs) headBindings.inputs.push_back(at(id));
    head->run(headBindings);
    for (size_t i = 0; i < headGives.size(); ++i) at(headGives[i]) = std::move(headBindings.outputs[i]).freeze();
    headBindings.outputs.clear();
  }

  void runBetween(Between& item) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<Tensor> given;
    for (const ValueId id : item.node.inputs) given.push_back(id ? valueOf(id) : Tensor());
    std::vector<Tensor> results = item.bodies ? item.bodies->run(given) : evaluate(graph, item.node, given);
    for (size_t i = 0; i < results.size(); ++i)
      if (item.node.outputs[i]) at(item.node.outputs[i]) = std::move(results[i]);
    item.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  Tensor valueOf(ValueId id) {
    const Tensor* constant = graph.constant(id);
    return constant != nullptr ? *constant : at(id);
  }

  Executable& tailFor(const std::vector<Tensor>& given) {
    std::vector<Type> types;
    for (const Tensor& tensor : given) types.push_back(Type::tensor(tensor.dtype(), tensor.shape()));
    const auto found = std::ranges::find(tails, types, &TailPlan::types);
    if (found != tails.end()) {
      tails.splice(tails.begin(), tails, found);
      return *tails.front().executable;
    }
    auto executable = compile(tail, types, options);
    tails.push_front({std::move(types), std::move(executable)});
    if (tails.size() > kPlanLimit) tails.pop_back();
    return *tails.front().executable;
  }

  void runTail(Bindings& bindings) {
    std::vector<Tensor> given;
    for (const ValueId id : tailTakes) given.push_back(at(id));
    if (isTailSmall) {
      const std::vector<Tensor> results = evaluate(tail, given);
      bindings.outputs.resize(results.size());
      for (size_t i = 0; i < results.size(); ++i) copyInto(results[i], bindings.outputs[i]);
      return;
    }
    std::swap(bindings.inputs, given);
    try {
      tailFor(bindings.inputs).run(bindings);
    } catch (...) {
      std::swap(bindings.inputs, given);
      throw;
    }
    std::swap(bindings.inputs, given);
  }
};

SegmentedExecutable::SegmentedExecutable(const FusedGraph& graph, PlanCompiler compile, const CompileOptions& options)
    : impl_(std::make_unique<Impl>()) {
  requireReferences(graph.graph);
  impl_->graph = graph.graph;
  impl_->compile = std::move(compile);
  impl_->options = options;
  impl_->options.observed.clear();
  impl_->inputs = impl_->graph.runtimeInputs();
  size_t count = 0;
  for (const ValueId id : impl_->graph.values()) count = std::max(count, static_cast<size_t>(id.index) + 1);
  impl_->values.resize(count);
  std::vector<NodeId> early;
  std::vector<NodeId> middle;
  const std::vector<NodeId> late = impl_->divide(early, middle);
  // Whoever cut such a graph would cut it again and again.
  if (early.empty() && middle.empty() && !late.empty())
    throw Error(ErrorKind::unsupported, text(describe(impl_->graph.node(late[0])),
                                             ": the element type or the shape of an input cannot be known"));
  impl_->makeHead(early);
  impl_->makeBetween(middle);
  impl_->makeTail(early, middle);
}

SegmentedExecutable::~SegmentedExecutable() = default;

void SegmentedExecutable::run(Bindings& bindings) {
  if (bindings.inputs.size() != impl_->inputs.size())
    throw Error(ErrorKind::bug, text(bindings.inputs.size(), " inputs bound, expected ", impl_->inputs.size()));
  for (size_t i = 0; i < bindings.inputs.size(); ++i) impl_->at(impl_->inputs[i]) = bindings.inputs[i];
  const ThreadLimit limit(impl_->options.threads);
  impl_->runHead();
  for (Between& item : impl_->between) impl_->runBetween(item);
  impl_->runTail(bindings);
  std::ranges::fill(impl_->values, Tensor());
  ++impl_->runs;
}

std::vector<StepInfo> SegmentedExecutable::steps() const {
  std::vector<StepInfo> all;
  if (impl_->head) all = impl_->head->steps();
  for (const Between& item : impl_->between) {
    all.push_back(item.info);
    if (impl_->runs > 0) all.back().ms = item.seconds * 1e3 / static_cast<double>(impl_->runs);
  }
  if (impl_->isTailSmall) {
    for (const NodeId id : impl_->tail.order()) {
      StepInfo info;
      info.name = impl_->tail.node(id).name;
      info.op = impl_->tail.node(id).op;
      info.kernel = "ref";
      all.push_back(std::move(info));
    }
  } else if (!impl_->tails.empty()) {
    const std::vector<StepInfo> more = impl_->tails.front().executable->steps();
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

int64_t SegmentedExecutable::arenaBytes() const {
  int64_t bytes = impl_->head ? impl_->head->arenaBytes() : 0;
  if (!impl_->tails.empty()) bytes += impl_->tails.front().executable->arenaBytes();
  return bytes;
}

}  // namespace compress
