// quantize: plan, calibrate, choose encodings, lower. See docs/quantization.md.
#include "passes/quantize/quantize.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/eval/calibration.h"
#include "lib/ops/upgrade.h"
#include "passes/catalog.h"
#include "passes/finite.h"
#include "passes/quantize/insert.h"
#include "passes/quantize/plan.h"
#include "passes/quantize/refine.h"
#include "passes/select.h"

namespace compress {
namespace {

constexpr int64_t kLeastOpset = 13;  // DequantizeLinear has an axis from here on
constexpr int64_t kLeastIr = 7;

/// Names of the tensors whose values make the ranges.
std::vector<std::string> sourceNames(const Graph& graph, const QuantizePlan& plan) {
  std::vector<std::string> names;
  for (const QuantizePlan::Group& group : plan.groups)
    for (const size_t source : group.sources) names.push_back(graph.value(plan.tensors[source].value).name);
  return names;
}

CalibrationTable tableFor(const Model& model, const QuantizePlan& plan, const QuantizeOptions& options,
                          PassContext& context) {
  const std::vector<std::string> names = sourceNames(model.graph, plan);
  if (!options.calibTable) {
    if (context.calibration == nullptr)
      throw Error(ErrorKind::usage, "static int8 needs calibration data", "give --calib DATA or --calib-table FILE");
    const auto told = [&](int64_t done) {
      context.progress(text("calibrating: ", done, "/", context.calibration->size()));
    };
    return calibrate(model, context.backend, *context.calibration, names,
                     {.threads = context.threads, .progress = told});
  }
  CalibrationTable table =
      within([&] { return *options.calibTable; }, [&] { return parseCalibrationTable(readFile(*options.calibTable)); });
  for (const std::string& name : names)
    if (!table.values.contains(name))
      throw Error(ErrorKind::usage,
                  text("the calibration table '", *options.calibTable, "' has no value '", displayName(name), "'"),
                  "make it from this model with compress calibrate");
  return table;
}

/// Counts of all sources of a group.
Histogram histogramOf(const Graph& graph, const QuantizePlan& plan, size_t group, const CalibrationTable& table) {
  Histogram histogram;
  for (const size_t source : plan.groups[group].sources)
    histogram.merge(table.values.at(graph.value(plan.tensors[source].value).name));
  return histogram;
}

/// One per group of the plan.
std::vector<Histogram> histogramsOf(const Graph& graph, const QuantizePlan& plan, const CalibrationTable& table) {
  std::vector<Histogram> histograms;
  for (size_t group = 0; group < plan.groups.size(); ++group)
    histograms.push_back(histogramOf(graph, plan, group, table));
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

std::map<NodeId, QuantizedWeight> quantizeWeights(const Graph& graph, const QuantizePlan& plan,
                                                  const std::vector<Encoding>& groups, bool perChannel) {
  std::map<NodeId, QuantizedWeight> weights;
  for (const PlannedNode& planned : plan.nodes) {
    if (planned.rule->kind != QuantizeKind::weighted) continue;
    const Node& node = graph.node(planned.node);
    const Tensor& weight = *graph.constant(node.inputs[1]);
    const int64_t axis = weightAxis(node);
    const float inputScale = groups[plan.tensors[*plan.findTensor(node.inputs[0])].group].scales[0];
    weights.emplace(planned.node, quantizeWeight(weight, axis, minmaxScales(weight, axis, perChannel),
                                                 biasOf(graph, node), inputScale));
  }
  return weights;
}

/// One way to quantize the model, with what it led to.
struct Attempt {
  QuantizePlan plan;
  std::vector<RangeChoice> ranges;  ///< of the plan's groups
  WeightFit fit;
};

std::vector<Encoding> encodingsOf(const std::vector<RangeChoice>& ranges) {
  std::vector<Encoding> encodings;
  for (const RangeChoice& choice : ranges) encodings.push_back(choice.encoding);
  return encodings;
}

/// SQNR of the graph's first float output.
double outputSqnr(const Graph& graph, const WeightFit& fit) {
  for (const ValueId output : graph.outputs())
    if (const auto it = fit.sqnrDb.find(output); it != fit.sqnrDb.end()) return it->second;
  return 0;
}

QuantizeReport makeReport(const Graph& graph, const Lowering& lowering, const Attempt& attempt,
                          const CalibrationTable& table) {
  const QuantizePlan& plan = attempt.plan;
  const std::vector<Histogram> histograms = histogramsOf(graph, plan, table);
  QuantizeReport report;
  for (const PlannedTensor& tensor : plan.tensors)
    report.encodings[graph.value(tensor.value).name] = lowering.groups[tensor.group];
  for (const auto& [node, weight] : lowering.weights)
    report.encodings[graph.value(graph.node(node).inputs[1]).name] = weight.encoding;
  for (const PlannedNode& planned : plan.nodes) {
    const Node& node = graph.node(planned.node);
    const ValueId output = planned.output ? planned.output : node.outputs[0];
    LayerReport layer{
        .node = nameOf(graph, node), .op = node.op, .output = graph.value(output).name, .rangeMethod = {}};
    if (const auto it = attempt.fit.sqnrDb.find(output); it != attempt.fit.sqnrDb.end()) layer.sqnrDb = it->second;
    if (const auto tensor = plan.findTensor(output)) {
      const size_t group = plan.tensors[*tensor].group;
      layer.scale = static_cast<double>(lowering.groups[group].scales[0]);
      layer.zeroPoint = lowering.groups[group].zeroPoints[0];
      layer.clippedShare = shareOutside(histograms[group], attempt.ranges[group].range);
      layer.rangeMethod = attempt.ranges[group].method;
    }
    report.layers.push_back(std::move(layer));
  }
  report.quantizedNodes = static_cast<int64_t>(plan.nodes.size());
  report.floatNodes = static_cast<int64_t>(plan.skipped.size());
  report.sqnrDb = outputSqnr(graph, attempt.fit);
  report.clipped = widestClipped(graph, plan, histograms, attempt.ranges, 5);
  return report;
}

/// SHA-256 over names, types, scales and zero points.
std::string digestOf(const std::map<std::string, Encoding>& encodings) {
  std::string all;
  for (const auto& [name, encoding] : encodings) {
    all += text(name, " ", nameOf(encoding.dtype), " ", encoding.axis.value_or(-1));
    for (size_t i = 0; i < encoding.scales.size(); ++i)
      all += text(" ", encoding.scales[i], ":", encoding.zeroPoints[i]);
    all += '\n';
  }
  return sha256(all);
}

/// The whole of one quantization, short of inserting.
class Workshop {
 public:
  Workshop(const Model& model, const QuantizeOptions& options, PassContext& context)
      : model_(model),
        options_(options),
        context_(context),
        inferred_(inferTypes(upgraded(model).graph)),
        dtype_(options.activations == "int8" ? DType::i8 : DType::u8) {}

  QuantizePlan plan(const std::map<NodeId, std::string>& keptFloat) const {
    const auto excluded = [&](NodeId id) {
      const auto it = keptFloat.find(id);
      if (it != keptFloat.end()) return it->second;
      return whyNotSelected(model_.graph, model_.graph.node(id), options_.include, options_.exclude);
    };
    return planQuantization(model_.graph, inferred_, {options_.target, excluded});
  }

  Attempt plain(QuantizePlan plan, const CalibrationTable& table) const {
    Attempt attempt{std::move(plan), {}, {}};
    const std::string method = options_.method == "auto" ? "minmax" : options_.method;
    for (size_t group = 0; group < attempt.plan.groups.size(); ++group) {
      const Range range = rangeBy(method, histogramOf(model_.graph, attempt.plan, group, table), options_);
      attempt.ranges.push_back({encodeRange(range, dtype_, options_.symmetric), range, method});
    }
    return attempt;
  }

  /// Each range by the error downstream, and minimum and maximum for all: what gives the better output stays. Where the
  /// output is far from float the search is wide, and layers at whose tensors 8 bits do not suffice are tried as float.
  Attempt refined(const QuantizePlan& plan, const CalibrationTable& table) const {
    std::vector<Attempt> attempts{plain(plan, table)};
    if (options_.method == "auto") {
      attempts.push_back({plan, chosenRanges(plan, table, RangeSearch::named), {}});
      if (encodingsOf(attempts[0].ranges) == encodingsOf(attempts[1].ranges)) attempts.pop_back();
    }
    fit(attempts);
    const bool isGood = outputSqnr(model_.graph, attempts[0].fit) >= kGoodDb;
    Attempt best =
        attempts.size() == 1 ? std::move(attempts[0]) : better(std::move(attempts[0]), std::move(attempts[1]), 0);
    return isGood || options_.method != "auto" ? best : searched(std::move(best), table);
  }

  /// Weights by minimum and maximum, biases as they are.
  void quantizePlainly(Attempt& attempt) const {
    attempt.fit.weights = quantizeWeights(model_.graph, attempt.plan, encodingsOf(attempt.ranges),
                                          options_.perChannel && options_.level >= 1);
  }

 private:
  using NodeReasons = std::map<NodeId, std::string>;
  static constexpr double kGoodDb = 25;       // above, no wide search and no layer kept float
  static constexpr double kWorthFloatDb = 2;  // what layers kept float must bring at the output
  static constexpr double kTooMuchError = 4e-3;

  RefineContext context(const QuantizePlan& plan) const {
    return {model_, inferred_, plan, context_, dtype_, options_.symmetric};
  }
  std::vector<RangeChoice> chosenRanges(const QuantizePlan& plan, const CalibrationTable& table,
                                        RangeSearch search) const {
    return chooseRanges(context(plan), histogramsOf(model_.graph, plan, table), search);
  }
  /// Of one plan.
  void fit(std::span<Attempt> attempts) const {
    releaseFreedMemory();
    std::vector<std::vector<Encoding>> ranges;
    for (const Attempt& attempt : attempts) ranges.push_back(encodingsOf(attempt.ranges));
    std::vector<WeightFit> fits = fitWeights(context(attempts.front().plan), ranges, options_.perChannel);
    for (size_t i = 0; i < attempts.size(); ++i) attempts[i].fit = std::move(fits[i]);
  }

  /// What a wide search makes of it, with and without the layers that 8 bits do not hold.
  Attempt searched(Attempt best, const CalibrationTable& table) const {
    Attempt wide{best.plan, chosenRanges(best.plan, table, RangeSearch::wide), {}};
    fit({&wide, 1});
    const NodeReasons tooWide = nodesTooWide(wide, table);
    if (tooWide.empty()) return better(std::move(best), std::move(wide), 0);
    Attempt without = plain(plan(tooWide), table);
    takeRanges(without, wide);
    fit({&without, 1});
    best = better(std::move(best), std::move(wide), 0);
    return better(std::move(best), std::move(without), kWorthFloatDb);
  }

  /// Ranges that another plan found for the same tensors.
  static void takeRanges(Attempt& attempt, const Attempt& from) {
    for (size_t group = 0; group < attempt.plan.groups.size(); ++group) {
      const ValueId first = attempt.plan.tensors[attempt.plan.groups[group].tensors.front()].value;
      if (const auto tensor = from.plan.findTensor(first))
        attempt.ranges[group] = from.ranges[from.plan.tensors[*tensor].group];
    }
  }

  Attempt better(Attempt first, Attempt second, double margin) const {
    return outputSqnr(model_.graph, second.fit) > outputSqnr(model_.graph, first.fit) + margin ? std::move(second)
                                                                                               : std::move(first);
  }

  /// Weighted nodes that read or give a tensor whose best range still costs too much, with the reason.
  NodeReasons nodesTooWide(const Attempt& attempt, const CalibrationTable& table) const {
    NodeReasons nodes;
    for (const PlannedTensor& tensor : attempt.plan.tensors) {
      const RangeChoice& choice = attempt.ranges[tensor.group];
      if (choice.error <= kTooMuchError) continue;
      const Range all = minmaxRange(histogramOf(model_.graph, attempt.plan, tensor.group, table));
      const std::string reason = text("8 bits do not hold '", displayName(model_.graph.value(tensor.value).name),
                                      "', which spans ", all.min, " to ", all.max);
      std::set<ValueId> behind;
      collectBehind(tensor.value, attempt.plan, behind);
      for (const PlannedNode& planned : attempt.plan.nodes)
        if (planned.rule->kind == QuantizeKind::weighted &&
            (model_.graph.node(planned.node).inputs[0] == tensor.value || behind.contains(planned.output)))
          nodes.emplace(planned.node, reason);
    }
    return nodes;
  }

  /// `value` and what reaches it through float operators alone.
  void collectBehind(ValueId value, const QuantizePlan& plan, std::set<ValueId>& behind) const {
    if (!value || !behind.insert(value).second) return;
    const NodeId producer = model_.graph.producer(value);
    if (!producer || std::ranges::find(plan.nodes, producer, &PlannedNode::node) != plan.nodes.end()) return;
    for (const ValueId input : model_.graph.node(producer).inputs) collectBehind(input, plan, behind);
  }

  const Model& model_;
  const QuantizeOptions& options_;
  PassContext& context_;
  Inferred inferred_;
  DType dtype_;
};

}  // namespace

void Quantize::setInputModel(const Model& input) {
  input_ = input;
}

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
  Model prepared = model;
  if (prepared.opsets.version("") < kLeastOpset) upgrade(prepared, kLeastOpset);
  rewriteMatMulAdd(prepared.graph, inferTypes(upgraded(prepared).graph));
  const Workshop workshop(prepared, options_, context);
  const QuantizePlan plan = workshop.plan({});
  if (plan.nodes.empty()) {
    context.skipped.insert(context.skipped.end(), plan.skipped.begin(), plan.skipped.end());
    return 0;
  }
  const CalibrationTable table = tableFor(prepared, plan, options_, context);
  const bool refines = options_.level >= 2 && context.calibration != nullptr;
  Attempt attempt = refines ? workshop.refined(plan, table) : workshop.plain(plan, table);
  if (!refines) workshop.quantizePlainly(attempt);
  if (!refines && options_.level >= 2)
    context.warnings.push_back(
        {"W-NO-REFINEMENT",
         "a calibration table alone gives ranges; level 2 also needs samples (--calib): done as at level 1", ""});
  const Lowering lowering{encodingsOf(attempt.ranges), std::move(attempt.fit.weights)};
  report_ = makeReport(prepared.graph, lowering, attempt, table);
  report_.calibrationDigest = table.dataDigest();
  context.skipped.insert(context.skipped.end(), attempt.plan.skipped.begin(), attempt.plan.skipped.end());
  insertQuantization(prepared.graph, attempt.plan, lowering);
  prepared.irVersion = std::max(prepared.irVersion, kLeastIr);
  prepared.setMetadata("compress.encodings", digestOf(report_.encodings));
  model = std::move(prepared);
  return report_.quantizedNodes;
}

PassSpec quantizeSpec() {
  return {.name = "quantize",
          .summary = "make int8 of what has integer kernels: Q and DQ with ranges from calibration samples",
          .lossless = false,
          .make = []() -> std::unique_ptr<Pass> { return std::make_unique<Quantize>(); }};
}

}  // namespace compress
