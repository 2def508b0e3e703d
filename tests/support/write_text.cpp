#include "tests/support/write_text.h"

#include <cstdio>

#include "lib/base/text.h"
#include "lib/ir/print.h"

namespace compress::test {
namespace {

std::string real(double value, int digits) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%.*g", digits, value);
  const std::string written = buffer;
  return written.find_first_of(".en") == std::string::npos ? written + ".0" : written;
}

template <typename Items, typename Write>
std::string list(const Items& items, const Write& write) {
  std::string all;
  for (const auto& item : items) all += (all.empty() ? "" : ", ") + write(item);
  return all;
}

std::string form(DType dtype, const Shape& shape) {
  return text(nameOf(dtype), print(shape));
}

/// Bodies come before the nodes that use them; each is named once.
class TextWriter {
 public:
  std::string write(const Model& model) {
    std::string main = graph(model.graph);
    for (const auto& [domain, version] : model.opsets)
      bodies_.insert(0, text("opset ", domain, domain.empty() ? "" : " ", version, "\n"));
    return bodies_ + main;
  }

 private:
  std::string graph(const Graph& graph) {
    std::string all;
    for (const ValueId id : graph.inputs()) all += text("input ", declared(graph, id), "\n");
    for (const ValueId id : graph.values())
      if (const Tensor* tensor = graph.constant(id))
        all += text("const ", graph.value(id).name, ": ", form(tensor->dtype(), tensor->shape()), " = ",
                    writeNumbers(*tensor), "\n");
    for (const NodeId id : graph.order()) all += node(graph, graph.node(id)) + "\n";
    for (const ValueId id : graph.outputs()) all += text("output ", declared(graph, id), "\n");
    return all;
  }

  static std::string declared(const Graph& graph, ValueId id) {
    const Type& type = graph.value(id).type;
    if (!type.isTensor() || type.dtype == DType::undefined) return graph.value(id).name;
    if (!type.hasRank()) return text(graph.value(id).name, ": ", nameOf(type.dtype), "[...]");
    return text(graph.value(id).name, ": ", print(type));
  }

  std::string node(const Graph& graph, const Node& node) {
    const auto name = [&](ValueId id) { return id ? graph.value(id).name : std::string("_"); };
    std::string all = text(list(node.outputs, name), " = ", node.domain, node.domain.empty() ? "" : ".", node.op);
    if (node.attributes.size() > 0)
      all += text("[", list(node.attributes, [this](const Attribute& a) { return a.name + "=" + attribute(a); }), "]");
    all += text("(", list(node.inputs, name), ")");
    return node.captureCount > 0 ? text(all, " captures ", node.captureCount) : all;
  }

  std::string attribute(const Attribute& attribute) {
    if (const auto* value = std::get_if<int64_t>(&attribute.data)) return text(*value);
    if (const auto* value = std::get_if<float>(&attribute.data)) return real(static_cast<double>(*value), 9);
    if (const auto* value = std::get_if<std::string>(&attribute.data)) return text('"', *value, '"');
    if (const auto* value = std::get_if<Tensor>(&attribute.data))
      return text(form(value->dtype(), value->shape()), "{", writeNumbers(*value), "}");
    if (const auto* value = std::get_if<std::vector<int64_t>>(&attribute.data))
      return text("[", list(*value, [](int64_t x) { return text(x); }), "]");
    if (const auto* value = std::get_if<std::vector<float>>(&attribute.data))
      return text("[", list(*value, [](float x) { return real(static_cast<double>(x), 9); }), "]");
    if (const auto* value = std::get_if<std::vector<std::string>>(&attribute.data))
      return text("[", list(*value, [](const std::string& x) { return text('"', x, '"'); }), "]");
    const Body* body = std::get_if<Body>(&attribute.data);
    return body != nullptr ? "@" + bodyName(**body) : "?";
  }

  std::string bodyName(const Graph& body) {
    const std::string name = text("body", ++bodyCount_);
    const std::string written = graph(body);
    bodies_ += text("graph ", name, "\n", written, "end\n");
    return name;
  }

  std::string bodies_;
  int bodyCount_ = 0;
};

}  // namespace

std::string writeNumbers(const Tensor& tensor) {
  if (!isFloating(tensor.dtype())) return list(toInts(tensor), [](int64_t x) { return text(x); });
  const int digits = tensor.dtype() == DType::f64 ? 17 : 9;
  return list(toDoubles(tensor), [digits](double x) { return real(x, digits); });
}

std::string writeText(const Model& model) {
  return TextWriter().write(model);
}

}  // namespace compress::test
