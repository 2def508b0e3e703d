// lint: which nodes a target will run as integers, and what exactly blocks the others. On a float model that is what
// quantize would do; on a quantized one (Q/DQ), what its rules make of the Q and DQ that are there.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/report.h"
#include "lib/ops/infer_types.h"
#include "lib/ops/upgrade.h"
#include "passes/quantize/insert.h"
#include "passes/quantize/plan.h"
#include "passes/quantize/rules.h"
#include "tools/input_model.h"
#include "tools/passes.h"
#include "tools/verbs.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

/// One node that computes.
struct Finding {
  std::string node, op;
  std::string becomes;  ///< empty: it stays float
  std::string why;      ///< why it does
};

std::string shownName(const Graph& graph, const Node& node) {
  return node.name.empty() && node.output(0) ? graph.value(node.output(0)).name : node.name;
}

std::vector<Finding> plannedFindings(const Graph& graph, const Inferred& inferred, const std::string& target) {
  const QuantizePlan plan = planQuantization(graph, inferred, {target, [](NodeId) { return std::string(); }});
  std::vector<Finding> findings;
  for (const PlannedNode& planned : plan.nodes) {
    const Node& node = graph.node(planned.node);
    findings.push_back({shownName(graph, node), node.op, std::string(planned.rule->becomes), ""});
  }
  for (const Skipped& skipped : plan.skipped) findings.push_back({skipped.node, skipped.op, "", skipped.reason});
  return findings;
}

/// Reads the Q and DQ that stand around a node.
class QuantizedGraph {
 public:
  QuantizedGraph(const Graph& graph, const Inferred& inferred, std::string target)
      : graph_(graph), inferred_(inferred), target_(std::move(target)) {}

  std::vector<Finding> findings() const {
    std::vector<Finding> findings;
    for (const NodeId id : graph_.order()) {
      const Node& node = graph_.node(id);
      if (node.op == "QuantizeLinear" || node.op == "DequantizeLinear" || !computesFloat(node) || isClampBeforeQ(id))
        continue;
      const QuantizeRule* rule = findRule(target_, node);
      const std::string why = rule == nullptr ? reasonWithoutRule(node) : blocked(*rule, node);
      findings.push_back({shownName(graph_, node), node.op, why.empty() ? std::string(rule->becomes) : "", why});
    }
    return findings;
  }

 private:
  bool computesFloat(const Node& node) const {
    if (!node.output(0)) return false;
    const Type& type = inferred_.types[static_cast<size_t>(node.outputs[0].index)];
    return !type.isTensor() || type.dtype == DType::f32 || type.dtype == DType::undefined;
  }

  bool isFrom(ValueId id, std::string_view op) const {
    const NodeId producer = graph_.producer(id);
    return producer && graph_.node(producer).op == op;
  }

  bool isClamp(const Node& node) const { return node.op == "Relu" || node.op == "Clip"; }

  /// The only reader of the value, or none.
  NodeId onlyReader(ValueId id) const {
    const std::optional<Use> use = graph_.onlyUse(id);
    return use ? use->node : NodeId{};
  }

  bool goesToQ(ValueId id) const {
    const NodeId reader = onlyReader(id);
    return reader && graph_.node(reader).op == "QuantizeLinear";
  }

  /// A clamp that the Q behind it takes in, with the node before it.
  bool isClampBeforeQ(NodeId id) const {
    const Node& node = graph_.node(id);
    if (!isClamp(node) || !goesToQ(node.outputs[0])) return false;
    const NodeId before = graph_.producer(node.inputs[0]);
    const QuantizeRule* rule = before ? findRule(target_, graph_.node(before)) : nullptr;
    return rule != nullptr && rule->absorbsClamp;
  }

  std::string blocked(const QuantizeRule& rule, const Node& node) const {
    const size_t operands = rule.kind == QuantizeKind::weighted     ? 2
                            : rule.kind == QuantizeKind::arithmetic ? 2
                            : rule.kind == QuantizeKind::join       ? node.inputs.size()
                                                                    : 1;
    for (size_t i = 0; i < std::min(operands, node.inputs.size()); ++i)
      if (!isFrom(node.inputs[i], "DequantizeLinear"))
        return text("input ", i, " '", displayName(graph_.value(node.inputs[i]).name),
                    "' comes from no DequantizeLinear");
    if (!rule.needsOutput) return {};
    ValueId output = node.outputs[0];
    const NodeId reader = onlyReader(output);
    if (rule.absorbsClamp && reader && isClamp(graph_.node(reader))) output = graph_.node(reader).outputs[0];
    return goesToQ(output)
               ? ""
               : text("output '", displayName(graph_.value(output).name), "' does not go to one QuantizeLinear alone");
  }

  const Graph& graph_;
  const Inferred& inferred_;
  std::string target_;
};

class Lint : public Verb {
 public:
  void options(OptionVisitor& visitor) override {
    visitor.visit(
        target_,
        {.name = "target", .help = "runtime whose integer kernels are asked for", .choices = {"portable", "ort-x86"}});
  }

  int run(VerbContext& context) override {
    const InputModel input = readInputModel(context, context.operands[0]);
    return within([&] { return input.shown; }, [&] { return work(context, input); });
  }

 private:
  int work(VerbContext& context, const InputModel& input) const {
    Model model = upgraded(input.model);
    const bool wasQuantized = isQuantized(model.graph);
    if (!wasQuantized) cleanUp(context, model);
    const Inferred inferred = inferTypes(model.graph);
    const std::vector<Finding> findings = wasQuantized ? QuantizedGraph(model.graph, inferred, target_).findings()
                                                       : plannedFindings(model.graph, inferred, target_);
    show(context, findings, wasQuantized);
    return 0;
  }

  /// What quantize does before it plans.
  static void cleanUp(VerbContext& context, Model& model) {
    const std::unique_ptr<Backend> backend = makeCpuBackend();
    PassContext passes = passContext(context, *backend, nullptr);
    PipelineOptions options;
    options.compareOutputs = false;
    runPipeline(model, losslessSteps({}), passes, options);
    model = upgraded(model);
    rewriteMatMulAdd(model.graph, inferTypes(model.graph));
  }

  void show(VerbContext& context, const std::vector<Finding>& findings, bool wasQuantized) const {
    std::vector<std::vector<std::string>> rows;
    int64_t integers = 0;
    for (const Finding& finding : findings) {
      const bool isInteger = finding.why.empty();
      integers += isInteger;
      rows.push_back(
          {finding.node, finding.op, isInteger ? "integer" : "float", isInteger ? finding.becomes : finding.why});
      Json record = {{"name", finding.node}, {"op", finding.op}, {"integer", isInteger}};
      if (isInteger)
        record["becomes"] = finding.becomes;
      else
        record["reason_kept_float"] = finding.why;
      context.document["layers"].push_back(std::move(record));
    }
    context.document["lint"] = {{"target", target_},
                                {"quantized", wasQuantized},
                                {"integer_nodes", integers},
                                {"float_nodes", static_cast<int64_t>(findings.size()) - integers}};
    context.console.result(renderTable({"node", "op", "runs as", "which becomes, or why not"}, rows));
    context.console.result(text(integers, " of ", findings.size(), " nodes ", wasQuantized ? "run" : "would run",
                                " as integers (--target ", target_, ")"));
  }

  std::string target_ = "portable";
};

}  // namespace

VerbSpec lintVerb() {
  return {.name = "lint",
          .summary = "tell which nodes a target runs as integers, and what blocks the others",
          .example = "--target ort-x86 model.onnx",
          .operands = "MODEL",
          .groups = kReading | kComputing | kSeeded | kReporting | kForce,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<Lint>(); }};
}

}  // namespace compress
