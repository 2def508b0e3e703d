#include "passes/quantize/integer_io.h"

#include <optional>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

bool isFloat(const Graph& graph, ValueId id) {
  return graph.value(id).type.dtype == DType::f32;
}

/// What a per-tensor QuantizeLinear or DequantizeLinear declares; nothing for other nodes.
std::optional<Encoding> encodingOf(const Graph& graph, const Node& node) {
  if ((node.op != "QuantizeLinear" && node.op != "DequantizeLinear") || !node.input(2)) return std::nullopt;
  const Tensor* scale = graph.constant(node.inputs[1]);
  const Tensor* zeroPoint = graph.constant(node.inputs[2]);
  if (scale == nullptr || zeroPoint == nullptr || scale->elementCount() != 1 || scale->dtype() != DType::f32)
    return std::nullopt;
  if (zeroPoint->dtype() != DType::u8 && zeroPoint->dtype() != DType::i8) return std::nullopt;
  const int32_t zero =
      zeroPoint->dtype() == DType::u8 ? int32_t{zeroPoint->as<uint8_t>()[0]} : int32_t{zeroPoint->as<int8_t>()[0]};
  return Encoding{zeroPoint->dtype(), {scale->as<float>()[0]}, {zero}, std::nullopt};
}

/// The one encoding that all readers quantize an input with, and nothing else reads it.
std::optional<Encoding> inputEncoding(const Graph& graph, ValueId input) {
  std::optional<Encoding> common;
  if (graph.isOutput(input)) return std::nullopt;
  for (const Use& use : graph.uses(input)) {
    const Node& node = graph.node(use.node);
    const auto found = node.op == "QuantizeLinear" && use.index == 0 ? encodingOf(graph, node) : std::nullopt;
    if (!found || (common && *common != *found)) return std::nullopt;
    common = found;
  }
  return common;
}

/// The encoding of an output that a DequantizeLinear makes of a node's integers, for the caller alone.
std::optional<Encoding> outputEncoding(const Graph& graph, ValueId output) {
  const NodeId maker = graph.producer(output);
  if (!maker || graph.node(maker).op != "DequantizeLinear" || !graph.uses(output).empty()) return std::nullopt;
  if (!graph.producer(graph.node(maker).inputs[0])) return std::nullopt;
  return encodingOf(graph, graph.node(maker));
}

class Borders {
 public:
  Borders(Model& model, DType dtype, const std::map<std::string, Encoding>& encodings)
      : graph_(model.graph), dtype_(dtype), encodings_(encodings) {}

  std::vector<BorderEncoding> run() {
    for (const ValueId id : graph_.runtimeInputs())
      if (isFloat(graph_, id)) convertInput(id);
    for (const ValueId id : std::vector<ValueId>(graph_.outputs()))
      if (isFloat(graph_, id)) convertOutput(id);
    graph_.eraseDead();
    return std::move(borders_);
  }

 private:
  /// Its own encoding, or the one given for it.
  Encoding chosen(std::string_view role, ValueId id, const std::optional<Encoding>& own) const {
    const std::string& name = graph_.value(id).name;
    if (own && own->dtype != dtype_)
      throw Error(ErrorKind::unsupported,
                  text("--io-dtype ", nameOf(dtype_), ": ", role, " '", displayName(name), "' is quantized to ",
                       nameOf(own->dtype)),
                  text("quantize with --activations ", nameOf(dtype_)));
    if (own) return *own;
    const auto given = encodings_.find(name);
    if (given == encodings_.end())
      throw Error(ErrorKind::unsupported,
                  text("--io-dtype ", nameOf(dtype_), ": ", role, " '", displayName(name),
                       "' is float in the model, and its range is not known"),
                  "give --calib PATH");
    return given->second;
  }

  Node quantizer(std::string_view op, ValueId from, ValueId to, const Encoding& encoding) {
    const std::string name = graph_.value(from).name;
    const int32_t zero = encoding.zeroPoints[0];
    const Tensor zeroPoint =
        dtype_ == DType::u8 ? Tensor::scalar(static_cast<uint8_t>(zero)) : Tensor::scalar(static_cast<int8_t>(zero));
    Node node;
    node.op = op;
    node.name = text(name, '/', op);
    node.inputs = {from, graph_.addConstant(name + ".scale", Tensor::scalar(encoding.scales[0])),
                   graph_.addConstant(name + ".zero_point", zeroPoint)};
    node.outputs = {to};
    return node;
  }

  ValueId fresh(ValueId like, std::string_view suffix) {
    Value value;
    value.name = text(graph_.value(like).name, suffix);
    value.type = graph_.value(like).type;
    return graph_.add(std::move(value));
  }

  void convertInput(ValueId input) {
    const std::optional<Encoding> own = inputEncoding(graph_, input);
    if (!own && graph_.uses(input).empty() && !graph_.isOutput(input)) return;
    const Encoding encoding = chosen("input", input, own);
    if (own) {
      for (const Use& use : std::vector<Use>(graph_.uses(input))) {
        graph_.replaceUses(graph_.node(use.node).outputs[0], input);
        graph_.erase(use.node);
      }
    } else {
      const ValueId real = fresh(input, ".dequantized");
      graph_.replaceUses(input, real);
      graph_.append(quantizer("DequantizeLinear", input, real, encoding));
    }
    note(input, true, encoding);
  }

  void convertOutput(ValueId output) {
    const std::optional<Encoding> own = outputEncoding(graph_, output);
    const Encoding encoding = chosen("output", output, own);
    if (!graph_.producer(output))
      throw Error(ErrorKind::unsupported,
                  text("--io-dtype: output '", displayName(graph_.value(output).name), "' is computed by no node"));
    if (own) {
      const NodeId maker = graph_.producer(output);
      const ValueId integer = graph_.node(maker).inputs[0];
      graph_.erase(maker);
      giveTo(output, integer);
    } else {
      const ValueId real = fresh(output, ".float");
      giveTo(real, output);
      graph_.append(quantizer("QuantizeLinear", real, output, encoding));
      for (size_t i = 0; i < graph_.outputs().size(); ++i) restoreOutput(i, real, output);
    }
    note(output, false, encoding);
  }

  /// The node that computes `from` computes `to`, which all readers then read.
  void giveTo(ValueId to, ValueId from) {
    const NodeId source = graph_.producer(from);
    std::vector<ValueId> made = source ? graph_.node(source).outputs : std::vector<ValueId>{};
    for (ValueId& id : made)
      if (id == from) id = to;
    if (source) graph_.setOutputs(source, made);
    graph_.replaceUses(from, to);
  }

  void restoreOutput(size_t index, ValueId from, ValueId to) {
    std::vector<ValueId> outputs = graph_.outputs();
    if (outputs[index] == from) outputs[index] = to;
    graph_.setOutputs(std::move(outputs));
  }

  void note(ValueId id, bool isInput, const Encoding& encoding) {
    Type type = graph_.value(id).type;
    type.dtype = dtype_;
    graph_.setType(id, type);
    borders_.push_back({graph_.value(id).name, isInput, encoding.scales[0], encoding.zeroPoints[0]});
  }

  Graph& graph_;
  DType dtype_;
  const std::map<std::string, Encoding>& encodings_;
  std::vector<BorderEncoding> borders_;
};

}  // namespace

std::vector<BorderEncoding> makeBordersInteger(Model& model, DType dtype,
                                               const std::map<std::string, Encoding>& encodings) {
  const std::vector<BorderEncoding> borders = Borders(model, dtype, encodings).run();
  for (const BorderEncoding& border : borders)
    model.setMetadata(text("compress.io.", border.name), text(nameOf(dtype), ' ', border.scale, ' ', border.zeroPoint));
  return borders;
}

std::vector<std::string> floatBorders(const Model& model, DType dtype) {
  const Graph& graph = model.graph;
  std::vector<std::string> names;
  const auto add = [&](ValueId id, const std::optional<Encoding>& own) {
    if (isFloat(graph, id) && !(own && own->dtype == dtype)) names.push_back(graph.value(id).name);
  };
  for (const ValueId id : graph.runtimeInputs()) add(id, inputEncoding(graph, id));
  for (const ValueId id : graph.outputs()) add(id, outputEncoding(graph, id));
  return names;
}

}  // namespace compress
