#include "lib/ir/print.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "lib/base/text.h"

namespace compress {
namespace {

std::string hex(uint64_t hash) {
  return fmt::format("{:016x}", hash);
}
std::string digest(std::string_view bytes) {
  return hex(XXH64(bytes.data(), bytes.size(), 0));
}

std::string show(int64_t value) {
  return text(value);
}
std::string show(float value) {
  return text(value);
}
std::string show(const std::string& value) {
  return text('"', displayName(value), '"');
}
std::string show(const Tensor& tensor) {
  return text(nameOf(tensor.dtype()), print(tensor.shape()), "#", digest(tensor));
}
std::string show(const Type& type) {
  return print(type);
}
std::string show(std::monostate) {
  return "?";
}
std::string show(const Body& body) {
  return body ? text("graph '", displayName(body->name), "'") : "no graph";
}

template <typename T>
std::string show(const std::vector<T>& items) {
  std::string out = "[";
  for (size_t i = 0; i < items.size(); ++i) out += (i == 0 ? "" : ", ") + show(items[i]);
  return out + "]";
}

std::string showRest(const std::string& rest) {
  return rest.empty() ? "" : text(" rest#", digest(std::string_view(rest)));
}

void printGraph(const Graph& graph, const std::string& indent, bool full, std::string& out);

std::string showValue(const Graph& graph, ValueId id) {
  return id ? displayName(graph.value(id).name) : "_";
}

std::string showValues(const Graph& graph, const std::vector<ValueId>& ids) {
  std::string out;
  for (size_t i = 0; i < ids.size(); ++i) out += (i == 0 ? "" : ", ") + showValue(graph, ids[i]);
  return out;
}

void printBodies(const Node& node, const std::string& indent, bool full, std::string& out) {
  for (const Attribute& attribute : node.attributes) {
    if (const auto* body = std::get_if<Body>(&attribute.data); body && *body) {
      out += text(indent, "  ", attribute.name, ":\n");
      printGraph(**body, indent + "    ", full, out);
    }
    if (const auto* bodies = std::get_if<std::vector<Body>>(&attribute.data))
      for (const Body& body : *bodies) printGraph(*body, indent + "    ", full, out);
  }
}

void printNode(const Graph& graph, const Node& node, const std::string& indent, bool full, std::string& out) {
  std::string attributes;
  for (const Attribute& attribute : node.attributes)
    attributes += text(attributes.empty() ? "" : ", ", displayName(attribute.name), "=",
                       std::visit([](const auto& data) { return show(data); }, attribute.data),
                       full ? showRest(attribute.rest) : "");
  out += text(indent, showValues(graph, node.outputs), " = ", node.domain.empty() ? "" : displayName(node.domain) + ".",
              displayName(node.op));
  if (!node.overload.empty()) out += text(":", displayName(node.overload));
  if (!attributes.empty()) out += text("[", attributes, "]");
  out += text("(", showValues(graph, node.inputs), ")");
  if (node.captureCount > 0) out += text(" captures ", node.captureCount);
  if (full) out += text(node.name.empty() ? "" : text("  '", displayName(node.name), "'"), showRest(node.rest));
  out += "\n";
  printBodies(node, indent, full, out);
}

void printGraph(const Graph& graph, const std::string& indent, bool full, std::string& out) {
  if (full) {
    out += text(indent, "graph '", displayName(graph.name), "'", showRest(graph.rest), "\n");
    for (const ValueId id : graph.values()) {
      const Value& value = graph.value(id);
      const bool declared = value.type.kind != Type::Kind::unknown || value.constant || !value.rest.empty();
      if (!declared) continue;
      out += text(indent, displayName(value.name), ": ", print(value.type));
      if (value.constant) out += text(" = ", show(*value.constant));
      out += showRest(value.rest) + "\n";
    }
    out += text(indent, "inputs ", showValues(graph, graph.inputs()), "\n");
  }
  for (const NodeId id : graph.order()) printNode(graph, graph.node(id), indent, full, out);
  if (full) out += text(indent, "outputs ", showValues(graph, graph.outputs()), "\n");
}

}  // namespace

std::string digest(const Tensor& tensor) {
  XXH64_state_t* state = XXH64_createState();
  XXH64_reset(state, static_cast<XXH64_hash_t>(tensor.dtype()));
  const auto& dims = tensor.shape().dims();
  XXH64_update(state, dims.data(), dims.size() * sizeof(int64_t));
  if (tensor.dtype() == DType::string) {
    for (const std::string& s : tensor.strings()) XXH64_update(state, s.c_str(), s.size() + 1);
  } else {
    const auto raw = tensor.raw();
    XXH64_update(state, raw.data(), raw.size());
  }
  const uint64_t hash = XXH64_digest(state);
  XXH64_freeState(state);
  return hex(hash);
}

std::string print(const Graph& graph) {
  std::string out;
  printGraph(graph, "", false, out);
  return out;
}

std::string print(const Model& model) {
  std::string out = text("ir ", model.irVersion, showRest(model.rest), "\n");
  for (const auto& [domain, version] : model.opsets) out += text("opset '", displayName(domain), "' ", version, "\n");
  for (const auto& [key, value] : model.metadata)
    out += text("metadata '", displayName(key), "' ", digest(std::string_view(value)), "\n");
  printGraph(model.graph, "", true, out);
  return out;
}

}  // namespace compress
