// quantize: plan, calibrate, choose encodings, lower. See quantization.md 5.1, 5.2 and 6.
#include "passes/quantize/quantize.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/eval/calibration.h"
#include "lib/ops/upgrade.h"
#include "passes/quantize/insert.h"
#include "passes/quantize/plan.h"
#include "passes/quantize/refine.h"
#include "passes/quantize/select.h"

namespace compress {
namespace {

constexpr int64_t kLeastOpset = 13;  // DequantizeLinear has an axis from here on
constexpr int64_t kLeastIr = 7;

void requireFiniteWeights(const Graph& graph) {
  for (const ValueId id : graph.values()) {
    const Tensor* constant = graph.constant(id);
    if (constant == nullptr || constant->dtype() != DType::f32) continue;
    const auto values = constant->as<float>();
    const auto it = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
    if (it == values.end()) continue;
    throw Error(ErrorKind::numeric, text("weight '", displayName(graph.value(id).name), "' holds ", std::isnan(*it) ? "NaN" : "Inf", " at index ", it - values.begin()),
                "quantization needs finite weights; exporting the model again may help");
  }
}

/// Keeps a node float when the user says so.
std::string exclusion(const Graph& graph, NodeId id, const QuantizeOptions& options) {
  const Node& node = graph.node(id);
  const auto hit = [&](const std::string& pattern) { return matches(graph, node, pattern); };
  if (const auto it = std::ranges::find_if(options.exclude, hit); it != options.exclude.end()) return text("excluded by '", *it, "'");
  if (!options.include.empty() && std::ranges::none_of(options.include, hit)) return "not among what --include names";
  return {};
}

std::vector<std::string> sourceNames(const Graph& graph, const QuantizePlan& plan) {
  std::vector<std::string> names;
  for (const auto& group : plan.groups)
    for (const size_t source : group.sources) names.push_back(graph.value(plan.tensors[source].value).name);
  return names;
}

CalibrationTable tableFor(const Model& model, const QuantizePlan& plan, const QuantizeOptions& options, PassContext& context) {
  const std::vector<std::string> names = sourceNames(model.graph, plan);
  if (!options.calibTable) {
    if (context.calibration == nullptr) throw Error(ErrorKind::usage, "static int8 needs calibration data", "give --calib DATA or --calib-table FILE");
    const auto told = [&](int64_t done) { context.progress(text("calibrating: ", done, "/", context.calibration->size())); };
    return calibrate(model, context.backend, *context.calibration, names, {.threads = context.threads, .progress = told});
  }
  CalibrationTable table = within([&] { return *options.calibTable; }, [&] { return parseCalibrationTable(readFile(*options.calibTable)); });
  for (const std::string& name : names)
    if (!table.values.contains(name)) throw Error(ErrorKind::usage, text("the calibration table '", *options.calibTable, "' has no value '", displayName(name), "'"), "make it from this model with compress calibrate");
  return table;
}

/// Counts of all sources of each group.
std::vector<Histogram> groupHistograms(const Graph& graph, const QuantizePlan& plan, const CalibrationTable& table) {
  std::vector<Histogram> histograms(plan.groups.size());
  for (size_t i = 0; i < plan.groups.size(); ++i)
    for (const size_t source : plan.groups[i].sources) histograms[i].merge(table.values.at(graph.value(plan.tensors[source].value).name));
  return histograms;
}

Range rangeBy(const std::string& method, const Histogram& histogram, const QuantizeOptions& options) {
  if (method == "percentile") return percentileRange(histogram, options.percentile);
  if (method == "mse") return mseRange(histogram, 256, options.symmetric);
  if (method == "entropy") return entropyRange(histogram, 256);
  return minmaxRange(histogram);
}

/// A bias of its own where there is one.
std::vector<float> biasOf(const Graph& graph, const Node& node) {
  if (node.op == "MatMul") return {};
  const Tensor* bias = graph.constant(node.input(2));
  if (bias == nullptr) return {};
  return toFloats(*bias);
}

std::map<NodeId, QuantizedWeight> quantizeWeights(const Graph& graph, const QuantizePlan& plan, const std::vector<Encoding>& groups, bool perChannel) {
  std::map<NodeId, QuantizedWeight> weights;
  for (const PlannedNode& planned : plan.nodes) {
    if (planned.rule->kind != QuantizeKind::weighted) continue;
    const Node& node = graph.node(planned.node);
    const Tensor& weight = *graph.constant(node.inputs[1]);
    const int64_t axis = weightAxis(node);
    const float inputScale = groups[plan.tensors[*plan.findTensor(node.inputs[0])].group].scales[0];
    weights.emplace(planned.node, quantizeWeight(weight, axis, minmaxScales(weight, axis, perChannel), biasOf(graph, node), inputScale));
  }
  return weights;
}

}  // namespace

void Quantize::setInputModel(const Model& input) { input_ = input; }

int64_t Quantize::run(Model& model, PassContext& context) {
  report_ = {};
  const Model& named = input_ ? *input_ : model;
  checkPatterns(named.graph, options_.include);
  checkPatterns(named.graph, options_.exclude);
  if (isQuantized(model.graph)) {
    context.skipped.push_back({model.graph.name, "model", "it is quantized already"});
    return 0;
  }
  requireFiniteWeights(model.graph);
  if (model.opsets.version("") < kLeastOpset) upgrade(model, kLeastOpset);
  rewriteMatMulAdd(model.graph, inferTypes(upgraded(model).graph));

  Graph& graph = model.graph;
  const PlanOptions planOptions{options_.target, [&](NodeId id) { return exclusion(graph, id, options_); }};
  const Inferred inferred = inferTypes(upgraded(model).graph);
  const QuantizePlan plan = planQuantization(graph, inferred, planOptions);
  context.skipped.insert(context.skipped.end(), plan.skipped.begin(), plan.skipped.end());
  if (plan.nodes.empty()) return 0;

  const CalibrationTable table = tableFor(model, plan, options_, context);
  const std::vector<Histogram> histograms = groupHistograms(graph, plan, table);
  const DType dtype = options_.activations == "int8" ? DType::i8 : DType::u8;
  const bool perChannel = options_.perChannel && options_.level >= 1;
  const RefineContext refining{model, inferred, plan, context, dtype, options_.symmetric};
  std::vector<RangeChoice> ranges;
  if (options_.level >= 2 && options_.method == "auto" && context.calibration != nullptr) {
    ranges = chooseRanges(refining, histograms);
  } else {
    const std::string method = options_.method == "auto" ? "minmax" : options_.method;
    for (const Histogram& histogram : histograms) {
      const Range range = rangeBy(method, histogram, options_);
      ranges.push_back({encodeRange(range, dtype, options_.symmetric), range, method});
    }
  }
  Lowering lowering;
  for (const RangeChoice& choice : ranges) lowering.groups.push_back(choice.encoding);
  WeightFit fit;
  if (options_.level >= 2 && context.calibration != nullptr) {
    fit = fitWeights(refining, lowering.groups, perChannel);
    lowering.weights = std::move(fit.weights);
  } else {
    lowering.weights = quantizeWeights(graph, plan, lowering.groups, perChannel);
  }
  insertQuantization(graph, plan, lowering);
  model.irVersion = std::max(model.irVersion, kLeastIr);
  return static_cast<int64_t>(plan.nodes.size());
}

}  // namespace compress
