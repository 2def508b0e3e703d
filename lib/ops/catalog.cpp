// The list of all operators: one line per family.
#include <algorithm>
#include <unordered_map>

#include "lib/ops/families.h"
#include "lib/ops/gradient/rules.h"
#include "lib/ops/microsoft/families.h"

namespace compress {
namespace {

using Family = std::vector<OpSpec> (*)();

constexpr Family kFamilies[] = {
    activationOps,
    affineOps,
    attentionOps,
    binaryOps,
    castOps,
    col2imOps,
    constantOps,
    controlOps,
    convOps,
    convTransposeOps,
    cumulativeOps,
    deformConvOps,
    einsumOps,
    gatherOps,
    linearAttentionOps,
    logicOps,
    lossOps,
    matmulOps,
    mlOps,
    movementOps,
    normalizationOps,
    optimizerOps,
    poolOps,
    quantizeOps,
    randomOps,
    recurrentOps,
    reduceOps,
    resizeOps,
    scatterOps,
    selectionOps,
    sequenceOps,
    shapeOps,
    signalOps,
    slicePadOps,
    softmaxOps,
    stringOps,
    tfIdfOps,
    treeOps,
    unaryOps,
    uniqueOps,
    unpoolOps,
    visionOps,
    microsoftAttentionOps,
    microsoftFusedOps,
    microsoftGeluOps,
    microsoftGroupQueryOps,
    microsoftMatMulOps,
    microsoftNormalizationOps,
    microsoftQLinearOps,
};

constexpr Family kPrivateFamilies[] = {
    activationGradientOps,    convolutionGradientOps, gatherGradientOps, movementGradientOps,
    normalizationGradientOps, poolGradientOps,        resizeGradientOps, softmaxGradientOps,
};

using Rules = std::vector<GradientRule> (*)();

constexpr Rules kGradients[] = {
    activationGradients, arithmeticGradients,    convolutionGradients, gatherGradients,
    movementGradients,   normalizationGradients, poolGradients,        productGradients,
    quantizeGradients,   reductionGradients,     resizeGradients,      softmaxGradients,
};

std::vector<OpSpec> collect(std::span<const Family> families) {
  std::vector<OpSpec> all;
  for (const Family family : families) std::ranges::move(family(), std::back_inserter(all));
  for (const Rules rules : kGradients)
    for (const GradientRule& rule : rules())
      for (OpSpec& spec : all)
        if (spec.op == rule.op && spec.domain.empty()) spec.gradient = rule.gradient;
  std::ranges::sort(
      all, [](const OpSpec& a, const OpSpec& b) { return std::tie(a.domain, a.op) < std::tie(b.domain, b.op); });
  return all;
}

}  // namespace

std::span<const OpSpec> allOps() {
  static const std::vector<OpSpec> all = collect(kFamilies);
  return all;
}

std::span<const OpSpec> privateOps() {
  static const std::vector<OpSpec> all = collect(kPrivateFamilies);
  return all;
}

const OpSpec* findOp(std::string_view op, std::string_view domain) {
  static const auto byName = [] {
    std::unordered_map<std::string_view, std::vector<const OpSpec*>> map;
    for (const auto specs : {allOps(), privateOps()})
      for (const OpSpec& spec : specs) map[spec.op].push_back(&spec);
    return map;
  }();
  const auto it = byName.find(op);
  if (it == byName.end()) return nullptr;
  const std::string_view wanted = domain == "ai.onnx" ? std::string_view{} : domain;
  for (const OpSpec* spec : it->second)
    if (spec->domain == wanted) return spec;
  return nullptr;
}

}  // namespace compress
