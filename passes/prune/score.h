// How much each class of slices matters: criteria, by name.
#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "lib/pass/pass.h"
#include "passes/prune/classes.h"

namespace compress {

/// By family and class, as in Prunable::families. Comparable within a family.
using Scores = std::vector<std::vector<double>>;

struct ScoreContext {
  const Model& model;
  const KnownTypes& known;
  const Prunable& prunable;
  PassContext& pass;
};

struct Criterion {
  std::string_view name;
  std::string_view summary;
  bool needsData = false;
  bool isGlobal = false;  ///< comparable over families, as a share of what is lost; else relative to the family's mean
  Scores (*score)(const ScoreContext&) = nullptr;
};

std::span<const Criterion> criteria();
/// Null when there is none of that name.
const Criterion* findCriterion(std::string_view name);

/// Calls visit(slice, element) for every element of a float constant that lies in one of `slices` of `axis`.
void forSlices(const Tensor& tensor, size_t axis, std::span<const int64_t> slices,
               const std::function<void(int64_t slice, float element)>& visit);

// One file each in scores/, one line each in score.cpp.
Criterion activationCriterion();
Criterion fpgmCriterion();
Criterion l1Criterion();
Criterion l2Criterion();
Criterion batchNormScaleCriterion();
Criterion obsCriterion();
Criterion randomCriterion();

}  // namespace compress
