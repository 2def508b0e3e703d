// The graph: nodes in the ONNX sense, joined by values. A value-like object: copying it is cheap, since tensors are
// shared. Ids are indices that are never used again, so an id stays good while others come and go.
#pragma once
#include <compare>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "lib/ir/tensor.h"
#include "lib/ir/type.h"

namespace compress {

class Graph;

template <typename Tag>
struct Id {
  int32_t index = -1;
  explicit operator bool() const { return index >= 0; }
  auto operator<=>(const Id&) const = default;
};
using NodeId = Id<struct NodeTag>;
using ValueId = Id<struct ValueTag>;
/// An optional input or output that is absent.
constexpr ValueId kNoValue{};

/// A subgraph of If, Loop or Scan. Shared and immutable: an edit replaces it. What a body captures from outside is an
/// explicit input: its last `Node::captureCount` inputs, matched with the last inputs of the node.
using Body = std::shared_ptr<const Graph>;

using AttributeData =
    std::variant<int64_t, float, std::string, Tensor, Body, Type, std::vector<int64_t>, std::vector<float>,
                 std::vector<std::string>, std::vector<Tensor>, std::vector<Body>, std::vector<Type>,
                 std::monostate>;  ///< the last: data of a kind that we do not read, kept in `rest`

struct Attribute {
  std::string name;
  AttributeData data;
  std::string rest;            ///< what the file holds beside it and we do not read
  std::string reference = {};  ///< in a function: the attribute of its call that gives the data
};

/// In the file's order; names are unique.
class Attributes {
 public:
  const Attribute* find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }
  /// The value, or `absent`. Throws Error(input) when the attribute has another type.
  int64_t integer(std::string_view name, int64_t absent) const;
  float real(std::string_view name, float absent) const;
  std::string string(std::string_view name, std::string_view absent) const;
  std::vector<int64_t> integers(std::string_view name, std::vector<int64_t> absent = {}) const;
  std::vector<float> reals(std::string_view name, std::vector<float> absent = {}) const;
  /// Null when absent.
  const Tensor* tensor(std::string_view name) const;
  Body body(std::string_view name) const;

  void set(std::string_view name, AttributeData data);
  void erase(std::string_view name);
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  size_t size() const { return items_.size(); }
  /// Keeps the order of the file.
  void append(Attribute attribute) { items_.push_back(std::move(attribute)); }

 private:
  std::vector<Attribute> items_;
};

struct Value {
  std::string name;
  Type type;                       ///< unknown unless declared or inferred
  std::optional<Tensor> constant;  ///< an initializer
  std::string rest;
};

struct Node {
  std::string op;
  std::string name;
  std::vector<ValueId> inputs;  ///< kNoValue for an absent optional input
  std::vector<ValueId> outputs;
  Attributes attributes;
  std::string domain;  ///< empty: ai.onnx
  std::string overload;
  int captureCount = 0;  ///< how many of the last inputs are captures of the bodies
  std::string rest;

  ValueId input(size_t i) const { return i < inputs.size() ? inputs[i] : kNoValue; }
  ValueId output(size_t i) const { return i < outputs.size() ? outputs[i] : kNoValue; }
  bool is(std::string_view type) const { return domain.empty() && op == type; }
};

/// Input number `index` of `node`.
struct Use {
  NodeId node;
  size_t index;
  bool operator==(const Use&) const = default;
};

class Graph {
 public:
  std::string name;
  std::string rest;

  // Questions -------------------------------------------------------------------------------------------------------
  /// Every node, producers before consumers, otherwise in order of addition. A copy: edit while you walk.
  /// Throws Error(input) with the shortest cycle found where there is one. O(n log n).
  std::vector<NodeId> order() const;
  /// Live nodes and values in order of addition.
  std::vector<NodeId> nodes() const;
  std::vector<ValueId> values() const;
  const Node& node(NodeId id) const;
  const Value& value(ValueId id) const;
  bool isAlive(NodeId id) const;
  bool isAlive(ValueId id) const;
  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  /// Graph inputs that the caller must bring: those without an initializer.
  std::vector<ValueId> runtimeInputs() const;
  bool isInput(ValueId id) const;
  bool isOutput(ValueId id) const;
  /// The node that computes the value; none for inputs and initializers.
  NodeId producer(ValueId id) const;
  /// Inputs of nodes that read the value, in order of addition; graph outputs are not among them.
  const std::vector<Use>& uses(ValueId id) const;
  /// The only reader, when exactly one node input reads the value and it is not a graph output.
  std::optional<Use> onlyUse(ValueId id) const;
  /// The initializer of the value, or null.
  const Tensor* constant(ValueId id) const;
  /// O(n).
  ValueId findValue(std::string_view wanted) const;
  NodeId findNode(std::string_view wanted) const;
  size_t nodeCount() const { return liveNodes_; }

  // Edits -----------------------------------------------------------------------------------------------------------
  /// The name is made unique when it is taken or empty.
  ValueId add(Value value);
  ValueId addConstant(std::string_view wanted, Tensor tensor);
  /// Outputs must not have a producer. An unnamed node stays unnamed.
  NodeId append(Node node);
  /// A node of the default domain with one fresh output, both named after `wanted`; the output.
  ValueId emit(std::string_view op, std::vector<ValueId> inputs, std::string_view wanted, Attributes attributes = {});
  /// Removes the node; its outputs stay as values without a producer.
  void erase(NodeId id);
  /// Removes a value that nothing produces, reads or returns. Throws Error(bug) otherwise.
  void erase(ValueId id);
  void setInput(NodeId id, size_t index, ValueId value);
  void setInputs(NodeId id, std::vector<ValueId> inputs);
  void setOutputs(NodeId id, std::vector<ValueId> outputs);
  /// All node inputs and graph outputs that read `from` read `to` instead.
  void replaceUses(ValueId from, ValueId to);
  void setConstant(ValueId id, Tensor tensor);
  void clearConstant(ValueId id);
  void setType(ValueId id, Type type);
  /// Gives `id` the name; a holder of that name gets a fresh one.
  void rename(ValueId id, std::string_view wanted);
  void rename(NodeId id, std::string_view wanted);
  void setAttribute(NodeId id, std::string_view attribute, AttributeData data);
  void eraseAttribute(NodeId id, std::string_view attribute);
  /// Changes op type, domain, rest and the like; inputs and outputs through setInput(s) and setOutputs only.
  void setOp(NodeId id, std::string_view op, std::string_view domain = "");
  void setCaptureCount(NodeId id, int count);
  void setRest(ValueId id, std::string carried);
  void addInput(ValueId id) { inputs_.push_back(id); }
  void addOutput(ValueId id) { outputs_.push_back(id); }
  void setInputs(std::vector<ValueId> ids) { inputs_ = std::move(ids); }
  void setOutputs(std::vector<ValueId> ids) { outputs_ = std::move(ids); }
  /// Removes nodes that reach no graph output and values that nothing uses; the count of removed nodes.
  int64_t eraseDead();
  /// `wanted` when it is free, else wanted_1, wanted_2, ...
  std::string freshName(std::string_view wanted) const;

 private:
  struct NodeSlot {
    Node node;
    bool alive = true;
  };
  struct ValueSlot {
    Value value;
    NodeId producer;
    std::vector<Use> uses;
    bool alive = true;
  };
  Node& mutableNode(NodeId id);
  ValueSlot& slot(ValueId id);
  const ValueSlot& slot(ValueId id) const;
  void addUse(ValueId value, Use use);
  void dropUse(ValueId value, Use use);
  std::string claimName(std::string_view wanted);

  std::deque<NodeSlot> nodes_;
  std::deque<ValueSlot> values_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> outputs_;
  std::unordered_map<std::string, ValueId> names_;
  std::unordered_map<std::string, int>
      suffixes_;  // where the search for a fresh name begins, so that many of one base stay cheap
  size_t liveNodes_ = 0;
};

}  // namespace compress
