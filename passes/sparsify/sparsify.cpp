#include "passes/sparsify/sparsify.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/eval/run_over.h"
#include "passes/finite.h"
#include "passes/input_rows.h"
#include "passes/select.h"
#include "passes/sparsify/layer.h"
#include "passes/sparsify/obs.h"

namespace compress {
namespace {

using Matrix = NormalEquations::Matrix;
using Kind = Granularity::Kind;

/// Products of fewer inputs (depthwise, the first Conv of an image) have little to spare and run no faster with zeros.
constexpr int64_t kLeastInputs = 32;
/// Multiplications of one layer's least squares up to which weights are fitted, else biases alone.
constexpr double kMostWork = 4e10;
/// Fewer rows would be learnt by heart.
constexpr int64_t kLeastRowsPerUnknown = 4;
/// Scope global leaves every layer at least this share of what it would keep at scope layer.
constexpr double kLeastOfLayer = 0.25;

class Sparsifier {
 public:
  Sparsifier(Model& model, PassContext& context, const SparsifyOptions& options)
      : whole_(model),
        model_(model),
        context_(context),
        options_(options),
        granularity_(Granularity::parse(options.granularity)) {}

  SparsifyReport run() {
    findLayers();
    if (options_.scope == "global") chooseGlobally();
    SparsifyReport report;
    for (SparseLayer& layer : layers_) {
      const Node& node = model_.graph.node(layer.fit().node);
      context_.progress(text("zeros for ", nameOf(model_.graph, node)));
      SparsifiedLayer entry{nameOf(model_.graph, node), node.op, layer.weightCount(), 0, 0};
      entry.zerosBefore = SparseLayer(model_.graph, layer.fit()).zeroCount();
      visit(layer, report);
      entry.zerosAfter = layer.zeroCount();
      report.layers.push_back(std::move(entry));
    }
    return report;
  }

 private:
  void findLayers() {
    for (const NodeId id : model_.graph.order()) {
      const Node& node = model_.graph.node(id);
      if (!node.is("Conv") && !node.is("Gemm") && !node.is("MatMul")) continue;
      const std::string reason = whyNot(id);
      if (reason.empty())
        layers_.emplace_back(model_.graph, *findFitLayer(model_.graph, id));
      else
        context_.skipped.push_back({nameOf(model_.graph, node), node.op, reason});
    }
  }

  /// Why a layer keeps its weights; empty: it does not.
  std::string whyNot(NodeId id) const {
    const Node& node = model_.graph.node(id);
    if (std::string reason = whyNotSelected(model_.graph, node, options_.include, options_.exclude); !reason.empty())
      return reason;
    const auto fit = findFitLayer(model_.graph, id);
    if (!fit) return "its weights are not a constant of its own, or are scaled";
    const SparseLayer layer(model_.graph, *fit);
    if (options_.include.empty() && layer.grid().inputs() < kLeastInputs)
      return text("its outputs sum ", layer.grid().inputs(), " products, fewer than ", kLeastInputs);
    return {};
  }

  /// Magnitudes, times how large the inputs are where `moments` are given.
  static std::vector<double> scoresOf(const SparseLayer& layer, size_t group, const Matrix* moments) {
    const int64_t inputs = layer.grid().inputs();
    std::vector<double> scores(static_cast<size_t>(inputs * layer.grid().outputs));
    for (int64_t o = 0; o < layer.grid().outputs; ++o)
      for (int64_t i = 0; i < inputs; ++i) {
        const double size = moments != nullptr ? std::sqrt(std::max((*moments)(i, i), 0.0)) : 1.0;
        const double score = std::abs(layer.weights[group](i, o)) * size;
        const bool isZero = layer.masks[group][static_cast<size_t>(o * inputs + i)] != 0;
        scores[static_cast<size_t>(o * inputs + i)] = isZero ? -1.0 : score;
      }
    return scores;
  }

  static std::vector<int64_t> allInputs(const SparseLayer& layer) {
    std::vector<int64_t> inputs(static_cast<size_t>(layer.grid().inputs()));
    for (size_t i = 0; i < inputs.size(); ++i) inputs[i] = static_cast<int64_t>(i);
    return inputs;
  }

  /// By magnitude over all layers; none loses so much that hardly anything is left.
  void chooseGlobally() {
    struct Candidate {
      ZeroUnit unit;
      size_t layer, group;
    };
    std::vector<Candidate> all;
    std::vector<int64_t> room(layers_.size(), 0);
    for (size_t l = 0; l < layers_.size(); ++l)
      for (size_t g = 0; g < layers_[l].masks.size(); ++g) {
        const ZeroChooser chooser(granularity_, layers_[l].grid());
        for (const ZeroUnit& unit : chooser.units(scoresOf(layers_[l], g, nullptr), allInputs(layers_[l])))
          all.push_back({unit, l, g}), ++room[l];
      }
    for (int64_t& units : room)
      units = static_cast<int64_t>(static_cast<double>(units) * (1 - kLeastOfLayer * (1 - options_.share())));
    std::ranges::sort(all, [](const Candidate& a, const Candidate& b) {
      return std::tie(a.unit.score, a.layer, a.group, a.unit.output, a.unit.input) <
             std::tie(b.unit.score, b.layer, b.group, b.unit.output, b.unit.input);
    });
    int64_t wanted = std::llround(options_.share() * static_cast<double>(all.size()));
    for (const Candidate& one : all) {
      if (wanted == 0) break;
      if (room[one.layer]-- <= 0) continue;
      ZeroChooser(granularity_, layers_[one.layer].grid()).mark(one.unit, layers_[one.layer].masks[one.group]);
      --wanted;
    }
  }

  void visit(SparseLayer& layer, SparsifyReport& report) {
    const bool hasSamples = context_.calibration != nullptr;
    const std::vector<NormalEquations> equations = hasSamples ? collect(layer) : std::vector<NormalEquations>();
    for (size_t group = 0; group < layer.masks.size(); ++group) {
      const NormalEquations* known = hasSamples ? &equations[group] : nullptr;
      if (options_.scope != "global") choose(layer, group, known);
      if (known != nullptr) fit(layer, group, *known);
    }
    if (hasSamples) ++report.fittedLayers;
    layer.write(model_.graph);
  }

  void choose(SparseLayer& layer, size_t group, const NormalEquations* known) const {
    ZeroMask& mask = layer.masks[group];
    if (options_.criterion == "sparsegpt") {
      const Matrix covariance = known->covariance(layer.hasBias());
      return pruneByObs(layer.weights[group], covariance, granularity_, layer.grid(), options_.share(), mask);
    }
    const ZeroChooser chooser(granularity_, layer.grid());
    const Matrix moments = options_.criterion == "wanda" ? known->covariance(false) : Matrix();
    const std::vector<double> scores = scoresOf(layer, group, moments.size() > 0 ? &moments : nullptr);
    if (granularity_.kind == Kind::pattern) {
      for (int64_t o = 0; o < layer.grid().outputs; ++o)
        for (const auto& inputs : chooser.inputGroups()) chooser.markPattern(scores, o, inputs, mask);
      return;
    }
    std::vector<ZeroUnit> units = chooser.units(scores, allInputs(layer));
    const int64_t count = std::llround(options_.share() * static_cast<double>(units.size()));
    chooser.markLeast(std::move(units), count, mask);
  }

  /// Second moments of what the layer reads in the network as it is by now, and what it answered before.
  std::vector<NormalEquations> collect(const SparseLayer& layer) const {
    const FitLayer& fit = layer.fit();
    const Node& node = model_.graph.node(fit.node);
    const Shape weight = model_.graph.constant(fit.weight)->shape();
    std::vector<NormalEquations> equations(static_cast<size_t>(fit.groups),
                                           NormalEquations(layer.view().inputs(), layer.view().outputs()));
    const int64_t perSample = fitRowsPerSample(layer.view().inputs(), context_.calibration->size());
    const Model before = modelUpTo(whole_, fit.output), now = modelUpTo(model_, fit.input);
    runOver(std::array<const Model*, 2>{&before, &now}, context_.backend, *context_.calibration, context_.threads,
            [&](int64_t, const Sample&, std::span<const std::vector<Tensor>> outputs) {
              const Tensor& answers = outputs[0][0];
              const Tensor& given = outputs[1][0];
              const InputRows reader(node, weight, given.shape(), answers.shape());
              addRows(layer, reader, given.as<float>(), answers.as<float>(), perSample, equations);
            });
    return equations;
  }

  static void addRows(const SparseLayer& layer, const InputRows& reader, std::span<const float> given,
                      std::span<const float> answers, int64_t perSample, std::vector<NormalEquations>& equations) {
    const std::vector<int64_t> places = reader.spread(perSample);
    for (size_t group = 0; group < equations.size(); ++group) {
      std::vector<float> rows, results;
      const int64_t first = static_cast<int64_t>(group) * layer.view().outputs();
      for (const int64_t place : places) {
        reader.append(given, place, static_cast<int64_t>(group), rows);
        for (int64_t o = first; o < first + layer.view().outputs(); ++o)
          results.push_back(answers[reader.resultIndex(place, o)]);
      }
      equations[group].add(rows, results, static_cast<int64_t>(places.size()));
    }
  }

  void fit(SparseLayer& layer, size_t group, const NormalEquations& known) const {
    Matrix& weights = layer.weights[group];
    const ZeroMask& mask = layer.masks[group];
    const int64_t inputs = layer.grid().inputs();
    for (int64_t o = 0; o < layer.grid().outputs; ++o)
      for (int64_t i = 0; i < inputs; ++i)
        if (mask[static_cast<size_t>(o * inputs + i)] != 0) weights(i, o) = 0;
    if (options_.reconstruct && canFit(layer, mask, known))
      fitWeights(layer, weights, mask, known);
    else if (layer.hasBias())
      weights.row(inputs) = known.fittingBias(weights);
  }

  static std::vector<Eigen::Index> keptInputs(const ZeroMask& mask, int64_t output, int64_t inputs) {
    std::vector<Eigen::Index> kept;
    for (int64_t i = 0; i < inputs; ++i)
      if (mask[static_cast<size_t>(output * inputs + i)] == 0) kept.push_back(i);
    return kept;
  }

  /// Are there rows enough for the unknowns of every output, and time enough?
  bool canFit(const SparseLayer& layer, const ZeroMask& mask, const NormalEquations& known) const {
    double work = 0;
    for (int64_t o = 0; o < layer.grid().outputs; o += granularity_.height()) {
      const auto kept = static_cast<int64_t>(keptInputs(mask, o, layer.grid().inputs()).size());
      if (kept * kLeastRowsPerUnknown > known.rowCount()) return false;
      work += std::pow(static_cast<double>(kept), 3) / 3;
    }
    return work <= kMostWork;
  }

  /// Neighbouring outputs that keep the same inputs are solved together.
  void fitWeights(const SparseLayer& layer, Matrix& weights, const ZeroMask& mask, const NormalEquations& known) const {
    const int64_t height = granularity_.height(), outputs = layer.grid().outputs, inputs = layer.grid().inputs();
    const Matrix present = weights;
    parallelFor((outputs + height - 1) / height, [&](int64_t block) {
      const int64_t end = std::min((block + 1) * height, outputs);
      for (int64_t first = block * height; first < end;) {
        const std::vector<Eigen::Index> kept = keptInputs(mask, first, inputs);
        int64_t last = first + 1;
        while (last < end && keptInputs(mask, last, inputs) == kept) ++last;
        weights.middleCols(first, last - first) = known.solve(present, layer.hasBias(), kept, first, last);
        first = last;
      }
    });
  }

  const Model whole_;
  Model& model_;
  PassContext& context_;
  const SparsifyOptions& options_;
  Granularity granularity_;
  std::vector<SparseLayer> layers_;
};

}  // namespace

void SparsifyOptions::visit(OptionVisitor& visitor) {
  visitor.visit(granularity, {.name = "granularity",
                              .help = "what becomes zero as one: element, block4 (four output channels), or all but N "
                                      "of each M input channels, as in 2:4",
                              .placeholder = "KIND"});
  visitor.visit(sparsity, {.name = "sparsity",
                           .help = "share of the weights that becomes zero, for element and block4; 0.5 without it",
                           .min = 0,
                           .max = 1,
                           .placeholder = "SHARE"});
  visitor.visit(criterion, {.name = "criterion",
                            .help = "what tells how little a weight matters; wanda and sparsegpt need samples",
                            .choices = {"magnitude", "wanda", "sparsegpt"}});
  visitor.visit(scope, {.name = "scope",
                        .help = "zeros are chosen layer by layer, or over all layers at once by magnitude",
                        .choices = {"layer", "global"}});
  visitor.visit(
      reconstruct,
      {.name = "reconstruct",
       .help = "fit the weights that stay by least squares where there are samples, but correct biases alone"});
  visitor.visit(include, {.name = "include",
                          .help = "make zeros only in what matches: op:TYPE, node:GLOB, tensor:GLOB",
                          .placeholder = "GLOB"});
  visitor.visit(exclude, {.name = "exclude",
                          .help = "keep the weights of what matches: op:TYPE, node:GLOB, tensor:GLOB",
                          .placeholder = "GLOB"});
}

void SparsifyOptions::check() const {
  const Granularity parsed = Granularity::parse(granularity);
  const bool isPattern = parsed.kind == Kind::pattern;
  if (isPattern && sparsity)
    throw Error(ErrorKind::usage, text("--sparsity and --granularity ", granularity, " exclude each other"),
                "the pattern says how much goes");
  if (sparsity && !(*sparsity > 0 && *sparsity < 1))
    throw Error(ErrorKind::usage, text("--sparsity ", *sparsity, " is not between 0 and 1"));
  if (criterion != "magnitude" && criterion != "wanda" && criterion != "sparsegpt")
    throw Error(ErrorKind::usage, text("--criterion ", criterion, ": expected magnitude, wanda or sparsegpt"));
  if (scope == "global" && (isPattern || criterion == "wanda" || criterion == "sparsegpt"))
    throw Error(
        ErrorKind::usage,
        text("--scope global compares magnitudes of weights over layers: not by ", isPattern ? "a pattern" : criterion),
        "leave --scope at layer");
}

int64_t Sparsify::run(Model& model, PassContext& context) {
  report_ = {};
  options_.check();
  for (const auto* patterns : {&options_.include, &options_.exclude}) checkPatterns(model.graph, *patterns);
  if (context.calibration == nullptr && (options_.criterion == "wanda" || options_.criterion == "sparsegpt"))
    throw Error(ErrorKind::usage, text("--criterion ", options_.criterion, " needs samples"), "give --calib DATA");
  requireFiniteWeights(model.graph);
  const Model before = model;
  report_ = Sparsifier(model, context, options_).run();
  int64_t made = 0;
  for (const SparsifiedLayer& layer : report_.layers) made += layer.zerosAfter - layer.zerosBefore;
  if (made == 0) model = before;
  return made;
}

PassSpec sparsifySpec() {
  return {.name = "sparsify",
          .summary = "make weights of Conv, Gemm and MatMul zero; shapes stay",
          .lossless = false,
          .idempotent = false,
          .make = []() -> std::unique_ptr<Pass> { return std::make_unique<Sparsify>(); }};
}

}  // namespace compress
