// The list of all operators: one line per family.
#include <algorithm>
#include <unordered_map>

#include "lib/ops/families.h"
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

std::vector<OpSpec> collect() {
  std::vector<OpSpec> all;
  for (const Family family : kFamilies) std::ranges::move(family(), std::back_inserter(all));
  std::ranges::sort(
      all, [](const OpSpec& a, const OpSpec& b) { return std::tie(a.domain, a.op) < std::tie(b.domain, b.op); });
  return all;
}

}  // namespace

std::span<const OpSpec> allOps() {
  static const std::vector<OpSpec> all = collect();
  return all;
}

const OpSpec* findOp(std::string_view op, std::string_view domain) {
  static const auto byName = [] {
    std::unordered_map<std::string_view, std::vector<const OpSpec*>> map;
    for (const OpSpec& spec : allOps()) map[spec.op].push_back(&spec);
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
