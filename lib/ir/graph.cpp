#include "lib/ir/graph.h"

#include <algorithm>
#include <cassert>
#include <queue>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ir/cycle.h"

namespace compress {

// Questions -----------------------------------------------------------------------------------------------------------

Node& Graph::mutableNode(NodeId id) {
  assert(isAlive(id));
  return nodes_[static_cast<size_t>(id.index)].node;
}

Graph::ValueSlot& Graph::slot(ValueId id) {
  assert(isAlive(id));
  return values_[static_cast<size_t>(id.index)];
}

const Graph::ValueSlot& Graph::slot(ValueId id) const {
  assert(isAlive(id));
  return values_[static_cast<size_t>(id.index)];
}

const Node& Graph::node(NodeId id) const {
  assert(isAlive(id));
  return nodes_[static_cast<size_t>(id.index)].node;
}

const Value& Graph::value(ValueId id) const {
  return slot(id).value;
}

bool Graph::isAlive(NodeId id) const {
  return id && static_cast<size_t>(id.index) < nodes_.size() && nodes_[static_cast<size_t>(id.index)].alive;
}

bool Graph::isAlive(ValueId id) const {
  return id && static_cast<size_t>(id.index) < values_.size() && values_[static_cast<size_t>(id.index)].alive;
}

std::vector<NodeId> Graph::nodes() const {
  std::vector<NodeId> ids;
  ids.reserve(liveNodes_);
  for (int32_t i = 0; i < static_cast<int32_t>(nodes_.size()); ++i)
    if (nodes_[static_cast<size_t>(i)].alive) ids.push_back({i});
  return ids;
}

std::vector<ValueId> Graph::values() const {
  std::vector<ValueId> ids;
  for (int32_t i = 0; i < static_cast<int32_t>(values_.size()); ++i)
    if (values_[static_cast<size_t>(i)].alive) ids.push_back({i});
  return ids;
}

std::vector<ValueId> Graph::runtimeInputs() const {
  std::vector<ValueId> ids;
  for (const ValueId id : inputs_)
    if (constant(id) == nullptr) ids.push_back(id);
  return ids;
}

bool Graph::isInput(ValueId id) const {
  return std::ranges::find(inputs_, id) != inputs_.end();
}
bool Graph::isOutput(ValueId id) const {
  return std::ranges::find(outputs_, id) != outputs_.end();
}
NodeId Graph::producer(ValueId id) const {
  return id ? slot(id).producer : NodeId{};
}
const std::vector<Use>& Graph::uses(ValueId id) const {
  return slot(id).uses;
}

std::optional<Use> Graph::onlyUse(ValueId id) const {
  const auto& all = slot(id).uses;
  if (all.size() != 1 || isOutput(id)) return std::nullopt;
  return all[0];
}

const Tensor* Graph::constant(ValueId id) const {
  if (!id) return nullptr;
  const auto& constant = slot(id).value.constant;
  return constant ? &*constant : nullptr;
}

ValueId Graph::findValue(std::string_view wanted) const {
  const auto it = names_.find(std::string(wanted));
  return it == names_.end() ? kNoValue : it->second;
}

NodeId Graph::findNode(std::string_view wanted) const {
  for (const NodeId id : nodes())
    if (node(id).name == wanted) return id;
  return {};
}

namespace {

/// The shortest cycle, as "'a' -> 'b' -> 'a'"; long ones are cut.
std::string describeCycle(const Graph& graph, size_t nodeSlots) {
  std::vector<std::vector<size_t>> successors(nodeSlots);
  for (const NodeId id : graph.nodes())
    for (const ValueId output : graph.node(id).outputs)
      if (output)
        for (const Use& use : graph.uses(output))
          successors[static_cast<size_t>(id.index)].push_back(static_cast<size_t>(use.node.index));
  const auto cycle = shortestCycle(successors);
  const auto show = [&](size_t index) {
    const Node& node = graph.node({static_cast<int32_t>(index)});
    return text("'", displayName(node.name.empty() ? node.op : node.name), "'");
  };
  constexpr size_t kShown = 10;
  std::string out;
  for (size_t i = 0; i < cycle.size() && i < kShown; ++i) out += show(cycle[i]) + " -> ";
  if (cycle.size() > kShown) out += text("... ", cycle.size() - kShown, " more -> ");
  return out + show(cycle.front());
}

}  // namespace

std::vector<NodeId> Graph::order() const {
  std::vector<int> waiting(nodes_.size(), 0);
  std::priority_queue<int32_t, std::vector<int32_t>, std::greater<>> ready;
  for (const NodeId id : nodes()) {
    for (const ValueId input : node(id).inputs)
      if (input && producer(input)) ++waiting[static_cast<size_t>(id.index)];
    if (waiting[static_cast<size_t>(id.index)] == 0) ready.push(id.index);
  }
  std::vector<NodeId> sorted;
  sorted.reserve(liveNodes_);
  while (!ready.empty()) {
    const NodeId id{ready.top()};
    ready.pop();
    sorted.push_back(id);
    for (const ValueId output : node(id).outputs)
      if (output)
        for (const Use& use : uses(output))
          if (--waiting[static_cast<size_t>(use.node.index)] == 0) ready.push(use.node.index);
  }
  if (sorted.size() != liveNodes_)
    throw Error(ErrorKind::input, text("the graph has a cycle: ", describeCycle(*this, nodes_.size())));
  return sorted;
}

// Edits ---------------------------------------------------------------------------------------------------------------

std::string Graph::freshName(std::string_view wanted) const {
  const std::string base(wanted.empty() ? "value" : wanted);
  if (!names_.contains(base)) return base;
  const auto known = suffixes_.find(base);
  int suffix = known == suffixes_.end() ? 1 : known->second;
  while (names_.contains(text(base, "_", suffix))) ++suffix;
  return text(base, "_", suffix);
}

std::string Graph::claimName(std::string_view wanted) {
  const std::string fresh = freshName(wanted);
  const std::string base(wanted.empty() ? "value" : wanted);
  if (fresh != base) suffixes_[base] = std::stoi(fresh.substr(base.size() + 1)) + 1;
  return fresh;
}

ValueId Graph::add(Value value) {
  const ValueId id{static_cast<int32_t>(values_.size())};
  value.name = claimName(value.name);
  names_.emplace(value.name, id);
  values_.push_back({std::move(value), {}, {}, true});
  return id;
}

ValueId Graph::addConstant(std::string_view wanted, Tensor tensor) {
  Type type = Type::tensor(tensor.dtype(), tensor.shape());
  return add({std::string(wanted), std::move(type), std::move(tensor), {}});
}

NodeId Graph::append(Node node) {
  const NodeId id{static_cast<int32_t>(nodes_.size())};
  for (size_t i = 0; i < node.inputs.size(); ++i) addUse(node.inputs[i], {id, i});
  for (const ValueId output : node.outputs)
    if (output) {
      assert(!slot(output).producer);
      slot(output).producer = id;
    }
  nodes_.push_back({std::move(node), true});
  ++liveNodes_;
  return id;
}

ValueId Graph::emit(std::string_view op, std::vector<ValueId> inputs, std::string_view wanted, Attributes attributes) {
  const ValueId output = add({std::string(wanted), {}, std::nullopt, {}});
  Node node;
  node.op = op;
  node.name = value(output).name;
  node.inputs = std::move(inputs);
  node.outputs = {output};
  node.attributes = std::move(attributes);
  append(std::move(node));
  return output;
}

void Graph::addUse(ValueId value, Use use) {
  if (value) slot(value).uses.push_back(use);
}

void Graph::dropUse(ValueId value, Use use) {
  if (value) std::erase(slot(value).uses, use);
}

void Graph::erase(NodeId id) {
  setInputs(id, {});
  setOutputs(id, {});
  nodes_[static_cast<size_t>(id.index)] = {{}, false};
  --liveNodes_;
}

void Graph::erase(ValueId id) {
  ValueSlot& gone = slot(id);
  if (gone.producer || !gone.uses.empty() || isInput(id) || isOutput(id))
    throw Error(ErrorKind::bug, text("value '", gone.value.name, "' is erased while in use"));
  names_.erase(gone.value.name);
  gone = {{}, {}, {}, false};
}

void Graph::setInput(NodeId id, size_t index, ValueId value) {
  Node& node = mutableNode(id);
  dropUse(node.inputs.at(index), {id, index});
  node.inputs[index] = value;
  addUse(value, {id, index});
}

void Graph::setInputs(NodeId id, std::vector<ValueId> inputs) {
  Node& node = mutableNode(id);
  for (size_t i = 0; i < node.inputs.size(); ++i) dropUse(node.inputs[i], {id, i});
  node.inputs = std::move(inputs);
  for (size_t i = 0; i < node.inputs.size(); ++i) addUse(node.inputs[i], {id, i});
}

void Graph::setOutputs(NodeId id, std::vector<ValueId> outputs) {
  Node& node = mutableNode(id);
  for (const ValueId output : node.outputs)
    if (output) slot(output).producer = {};
  node.outputs = std::move(outputs);
  for (const ValueId output : node.outputs)
    if (output) {
      assert(!slot(output).producer);
      slot(output).producer = id;
    }
}

void Graph::replaceUses(ValueId from, ValueId to) {
  const std::vector<Use> moved = std::move(slot(from).uses);
  slot(from).uses.clear();
  for (const Use& use : moved) {
    mutableNode(use.node).inputs[use.index] = to;
    addUse(to, use);
  }
  std::ranges::replace(outputs_, from, to);
}

void Graph::setConstant(ValueId id, Tensor tensor) {
  ValueSlot& target = slot(id);
  assert(!target.producer);
  target.value.type = Type::tensor(tensor.dtype(), tensor.shape());
  target.value.constant = std::move(tensor);
}

void Graph::clearConstant(ValueId id) {
  slot(id).value.constant.reset();
}
void Graph::setType(ValueId id, Type type) {
  slot(id).value.type = std::move(type);
}

void Graph::rename(ValueId id, std::string_view wanted) {
  ValueSlot& target = slot(id);
  if (target.value.name == wanted) return;
  if (const ValueId holder = findValue(wanted)) {
    const std::string fresh = freshName(wanted);
    names_.erase(std::string(wanted));
    slot(holder).value.name = fresh;
    names_.emplace(fresh, holder);
  }
  names_.erase(target.value.name);
  target.value.name = wanted;
  names_.emplace(target.value.name, id);
}

void Graph::rename(NodeId id, std::string_view wanted) {
  mutableNode(id).name = wanted;
}
void Graph::setAttribute(NodeId id, std::string_view attribute, AttributeData data) {
  mutableNode(id).attributes.set(attribute, std::move(data));
}
void Graph::eraseAttribute(NodeId id, std::string_view attribute) {
  mutableNode(id).attributes.erase(attribute);
}
void Graph::setCaptureCount(NodeId id, int count) {
  mutableNode(id).captureCount = count;
}

void Graph::setRest(ValueId id, std::string carried) {
  slot(id).value.rest = std::move(carried);
}

void Graph::setOp(NodeId id, std::string_view op, std::string_view domain) {
  mutableNode(id).op = op;
  mutableNode(id).domain = domain;
}

int64_t Graph::eraseDead() {
  std::vector<bool> reached(nodes_.size(), false);
  std::vector<NodeId> stack;
  const auto reach = [&](ValueId value) {
    const NodeId from = value ? producer(value) : NodeId{};
    if (!from || reached[static_cast<size_t>(from.index)]) return;
    reached[static_cast<size_t>(from.index)] = true;
    stack.push_back(from);
  };
  for (const ValueId output : outputs_) reach(output);
  while (!stack.empty()) {
    const NodeId id = stack.back();
    stack.pop_back();
    for (const ValueId input : node(id).inputs) reach(input);
  }
  int64_t erased = 0;
  for (const NodeId id : nodes())
    if (!reached[static_cast<size_t>(id.index)]) {
      erase(id);
      ++erased;
    }
  std::vector<bool> kept(values_.size(), false);
  for (const ValueId id : inputs_) kept[static_cast<size_t>(id.index)] = true;
  for (const ValueId id : outputs_) kept[static_cast<size_t>(id.index)] = true;
  for (const ValueId id : values())
    if (!kept[static_cast<size_t>(id.index)] && !slot(id).producer && slot(id).uses.empty()) erase(id);
  return erased;
}

}  // namespace compress
