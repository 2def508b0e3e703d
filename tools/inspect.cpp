// inspect: what a model is, without running it: interface, operators, parameters, bytes, multiply-accumulates, and its
// heaviest nodes. A model of an opset or with operators that this program does not know is shown as far as it can be
// read.
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/facts.h"
#include "lib/eval/report.h"
#include "lib/ops/infer_types.h"
#include "lib/ops/upgrade.h"
#include "tools/graph_walk.h"
#include "tools/input_model.h"
#include "tools/verbs.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

/// One node of the main graph.
struct NodeRow {
  std::string name, op, type;  ///< type of the first output
  int64_t parameters = 0;
  int64_t bytes = 0;  ///< of its constant inputs
  std::optional<int64_t> macs;
};

std::string opName(const Node& node) {
  return node.domain.empty() ? node.op : text(node.domain, ":", node.op);
}

std::string nameOf(const Graph& graph, const Node& node) {
  if (!node.name.empty()) return node.name;
  return node.output(0) ? text("(", graph.value(node.output(0)).name, ")") : "";
}

/// Declared input types with open dimensions as 1.
std::map<ValueId, Type> fixedInputs(const Graph& graph) {
  std::map<ValueId, Type> types;
  for (const ValueId id : graph.runtimeInputs()) {
    Type type = graph.value(id).type;
    if (type.hasRank())
      for (Dim& dim : *type.dims)
        if (!dim.isKnown()) dim = Dim::of(1);
    types.emplace(id, std::move(type));
  }
  return types;
}

/// The graph whose nodes are listed, with the types of its values: in the newest form where the model can be brought to
/// it.
struct View {
  Model model;
  std::vector<Type> types;
  std::string limitation;  ///< why shapes and MACs are not those for open dimensions of 1; empty where they are
};

/// Types of all values; nothing, with the reason in `limitation`, where the model contradicts them or is not known well
/// enough.
std::optional<std::vector<Type>> inferredTypes(const Graph& graph, const std::map<ValueId, Type>& inputs,
                                               std::string& limitation) {
  try {
    return inferTypes(graph, inputs).types;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported && error.kind() != ErrorKind::input) throw;
    if (limitation.empty()) limitation = error.message();
    return std::nullopt;
  }
}

std::vector<Type> declaredTypes(const Graph& graph) {
  std::vector<Type> types;
  for (const ValueId id : graph.values()) {
    types.resize(static_cast<size_t>(id.index) + 1);
    types.back() = graph.value(id).type;
  }
  return types;
}

View viewOf(const Model& model) {
  View view{model, {}, {}};
  try {
    view.model = upgraded(model);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported && error.kind() != ErrorKind::input) throw;
    view.limitation = error.message();
  }
  const Graph& graph = view.model.graph;
  auto types = view.limitation.empty() ? inferredTypes(graph, fixedInputs(graph), view.limitation) : std::nullopt;
  if (!types) types = inferredTypes(graph, {}, view.limitation);
  view.types = types ? *types : declaredTypes(graph);
  return view;
}

std::vector<NodeRow> nodeRows(const View& view) {
  const Graph& graph = view.model.graph;
  const auto typesOf = [&](const std::vector<ValueId>& ids) {
    std::vector<Type> types;
    for (const ValueId id : ids) types.push_back(id ? view.types.at(static_cast<size_t>(id.index)) : Type{});
    return types;
  };
  std::vector<NodeRow> rows;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    NodeRow row{nameOf(graph, node),
                opName(node),
                node.output(0) ? print(typesOf({node.output(0)}).front()) : "",
                0,
                0,
                macsOf(node, typesOf(node.inputs), typesOf(node.outputs))};
    for (const ValueId input : node.inputs)
      if (const Tensor* constant = graph.constant(input)) {
        row.parameters += constant->elementCount();
        row.bytes += static_cast<int64_t>(constant->bytes().size());
      }
    rows.push_back(std::move(row));
  }
  return rows;
}

/// Operators that neither this program nor the model's own functions explain. With the number of nodes.
std::map<std::string, int64_t> unknownOps(const Model& model) {
  std::map<std::string, int64_t> unknown;
  forEachGraph(model.graph, [&](const Graph& graph) {
    for (const NodeId id : graph.nodes())
      if (const Node& node = graph.node(id); findOp(node.op, node.domain) == nullptr) ++unknown[opName(node)];
  });
  return unknown;
}

/// Initializers with NaN or Inf, and how many of them.
std::vector<std::pair<std::string, int64_t>> nonFiniteConstants(const Model& model) {
  std::vector<std::pair<std::string, int64_t>> found;
  forEachGraph(model.graph, [&](const Graph& graph) {
    for (const ValueId id : graph.values()) {
      const Tensor* constant = graph.constant(id);
      if (constant == nullptr || !isFloating(constant->dtype()) || bitsOf(constant->dtype()) < 16) continue;
      withBytes(*constant, [&] {
        const auto values = toDoubles(*constant);
        const auto count = std::ranges::count_if(values, [](double v) { return !std::isfinite(v); });
        if (count > 0) found.emplace_back(graph.value(id).name, count);
      });
    }
  });
  return found;
}

std::string millions(std::optional<int64_t> count) {
  return count ? fixed(static_cast<double>(*count) / 1e6, 3) + " M" : "-";
}

class Inspect : public Verb {
 public:
  void options(OptionVisitor& visitor) override {
    visitor.visit(top_, {.name = "top",
                         .help = "how many of the heaviest nodes to list, by multiply-accumulates, then bytes",
                         .min = 0,
                         .max = 1e6,
                         .placeholder = "N"});
    visitor.visit(shapes_, {.name = "shape",
                            .help = "shape of an input, as in x:1x3x32x32, repeatable; open dimensions count as 1",
                            .placeholder = "NAME:SHAPE"});
  }

  int run(VerbContext& context) override {
    InputModel input = readInputModel(context, context.operands[0]);
    setInputShapes(input.model, shapes_);
    const Model& model = input.model;
    const ModelFacts facts = describe(model, inputShapes(model.graph));
    const View view = viewOf(model);
    const std::vector<NodeRow> rows = nodeRows(view);
    const auto unknown = unknownOps(model);
    record(context, input, facts, rows, unknown);
    showHead(context, input, facts);
    showOps(context, facts, unknown);
    showNodes(context, rows);
    warn(context, view, unknown, facts.opset);
    return 0;
  }

 private:
  static std::vector<Shape> inputShapes(const Graph& graph) {
    std::vector<Shape> shapes;
    for (const auto& [id, type] : fixedInputs(graph)) {
      const auto shape = type.shape();
      if (!shape) return {};
      shapes.push_back(*shape);
    }
    return shapes;
  }

  static Json valuesToJson(const Graph& graph, const std::vector<ValueId>& ids) {
    Json list = Json::array();
    for (const ValueId id : ids)
      list.push_back({{"name", graph.value(id).name}, {"type", print(graph.value(id).type)}});
    return list;
  }

  static void record(VerbContext& context, const InputModel& input, const ModelFacts& facts,
                     const std::vector<NodeRow>& rows, const std::map<std::string, int64_t>& unknown) {
    const Graph& graph = input.model.graph;
    const std::string sha = context.document["inputs"][0].value("sha256", "");
    context.document["models"].push_back(toJson(ModelRecord{"model", input.shown, sha, input.bytes, 0}, facts));
    Json opsets = Json::object();
    for (const auto& [domain, version] : input.model.opsets) opsets[domain] = version;
    context.document["graph"] = {{"name", graph.name},
                                 {"nodes", graph.nodeCount()},
                                 {"opsets", opsets},
                                 {"inputs", valuesToJson(graph, graph.runtimeInputs())},
                                 {"outputs", valuesToJson(graph, graph.outputs())},
                                 {"unknown_ops", unknown}};
    for (const auto& [key, value] : input.model.metadata) context.document["graph"]["metadata"][key] = value;
    for (const NodeRow& row : rows) {
      Json layer = {
          {"name", row.name}, {"op", row.op}, {"type", row.type}, {"params", row.parameters}, {"bytes", row.bytes}};
      if (row.macs) layer["macs"] = *row.macs;
      context.document["layers"].push_back(std::move(layer));
    }
  }

  static void showHead(VerbContext& context, const InputModel& input, const ModelFacts& facts) {
    const Graph& graph = input.model.graph;
    std::string opsets;
    for (const auto& [domain, version] : input.model.opsets)
      opsets += text(opsets.empty() ? "" : ", ", domain.empty() ? "" : displayName(domain) + " ", version);
    context.console.result(
        text(displayName(input.shown), ": ", humanBytes(input.bytes), ", IR ", facts.irVersion, ", opset ", opsets));
    for (const ValueId id : graph.runtimeInputs())
      context.console.result(text("  input   ", displayName(graph.value(id).name), ": ", print(graph.value(id).type)));
    for (const ValueId id : graph.outputs())
      context.console.result(text("  output  ", displayName(graph.value(id).name), ": ", print(graph.value(id).type)));
    std::string types;
    for (const auto& [dtype, bytes] : facts.dtypeBytes)
      types += text(types.empty() ? "" : ", ", dtype, " ", humanBytes(bytes));
    const double zeros =
        facts.parameters == 0 ? 0 : 100.0 * static_cast<double>(facts.zeros) / static_cast<double>(facts.parameters);
    context.console.result(text("  ", facts.parameters, " parameters (", fixed(zeros, 1), " % zero; ",
                                types.empty() ? "none" : types, "), ", millions(facts.macs), " multiply-accumulates, ",
                                graph.nodeCount(), " nodes"));
  }

  static void showOps(VerbContext& context, const ModelFacts& facts, const std::map<std::string, int64_t>& unknown) {
    std::vector<std::pair<std::string, int64_t>> ops(facts.ops.begin(), facts.ops.end());
    std::ranges::stable_sort(ops, std::greater(), &std::pair<std::string, int64_t>::second);
    std::vector<std::vector<std::string>> rows;
    for (const auto& [op, count] : ops)
      rows.push_back({op, text(count), unknown.contains(op) ? "unknown here" : "yes"});
    context.console.result(renderTable({"operator", "nodes", "runs"}, rows));
  }

  void showNodes(VerbContext& context, const std::vector<NodeRow>& all) const {
    std::vector<const NodeRow*> heaviest;
    for (const NodeRow& row : all) heaviest.push_back(&row);
    std::ranges::stable_sort(heaviest, std::greater(),
                             [](const NodeRow* row) { return std::pair(row->macs.value_or(0), row->bytes); });
    heaviest.resize(std::min(heaviest.size(), static_cast<size_t>(top_)));
    std::vector<std::vector<std::string>> rows;
    for (const NodeRow* row : heaviest)
      rows.push_back(
          {row->name, row->op, row->type, text(row->parameters), text(row->bytes), row->macs ? text(*row->macs) : "-"});
    if (!rows.empty())
      context.console.result(
          renderTable({"heaviest nodes", "operator", "output", "parameters", "bytes", "MACs"}, rows));
  }

  static void warn(VerbContext& context, const View& view, const std::map<std::string, int64_t>& unknown,
                   int64_t opset) {
    if (opset > kNewestOpset)
      warnAs(context,
             text("W-OPSET: opset ", opset, " is newer than ", kNewestOpset,
                  ", the newest known: its operators are shown, other verbs will refuse what they would have to run"));
    for (const auto& [op, count] : unknown)
      warnAs(context, text("W-UNKNOWN-OP: ", displayName(op), " (", count, count == 1 ? " node" : " nodes",
                           ") is not known: it can be carried, not run"));
    if (!view.limitation.empty())
      warnAs(context, text("W-SHAPES: some shapes and multiply-accumulates are not known (--shape may help): ",
                           view.limitation));
    for (const auto& [name, count] : nonFiniteConstants(view.model))
      warnAs(context, text("W-NON-FINITE: initializer '", displayName(name), "' has ", count, " NaN or Inf"), name);
  }

  int64_t top_ = 10;
  std::vector<std::string> shapes_;
};

}  // namespace

VerbSpec inspectVerb() {
  return {.name = "inspect",
          .summary = "show what a model is: interface, operators, parameters, bytes, multiply-accumulates",
          .example = "--top 20 model.onnx",
          .operands = "MODEL",
          .groups = kReading | kReporting | kForce,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<Inspect>(); }};
}

}  // namespace compress
