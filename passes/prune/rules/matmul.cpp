// Matrix products: the summed axis of both operands, and the rows and columns of the result. The same for weights and
// activations: that is what ties the parts of an attention head together.
#include "passes/prune/rules.h"

namespace compress {
namespace {

/// Axes of a product of stacks of matrices; vectors count as one row or one column, by numpy's rule.
void tieProduct(NodeTies& ties, ValueId a, ValueId b, ValueId y) {
  const size_t rankA = ties.rank(a), rankB = ties.rank(b), rankY = ties.rank(y);
  ties.tieAxes({{a, rankA - 1}, {b, rankB >= 2 ? rankB - 2 : 0}});
  if (rankA >= 2) ties.tieAxes({{a, rankA - 2}, {y, rankB >= 2 ? rankY - 2 : rankY - 1}});
  if (rankB >= 2) ties.tieAxes({{b, rankB - 1}, {y, rankY - 1}});
  if (rankA < 2 || rankB < 2) return;
  for (size_t axis = 0; axis + 2 < rankY; ++axis) {
    std::vector<Axis> together = {{y, axis}};
    for (const ValueId operand : {a, b}) {
      const size_t missing = rankY - ties.rank(operand);
      if (axis >= missing && ties.size(operand, axis - missing) > 1) together.push_back({operand, axis - missing});
    }
    ties.tieAxes(together);
  }
}

void tieMatMul(NodeTies& ties) {
  tieProduct(ties, ties.input(0), ties.input(1), ties.output());
}

void tieGemm(NodeTies& ties) {
  const bool transA = ties.node().attributes.integer("transA", 0) != 0;
  const bool transB = ties.node().attributes.integer("transB", 0) != 0;
  const ValueId a = ties.input(0), b = ties.input(1), c = ties.input(2), y = ties.output();
  ties.tieAxes({{a, transA ? 0U : 1U}, {b, transB ? 1U : 0U}});
  std::vector<Axis> rows = {{a, transA ? 1U : 0U}, {y, 0}}, columns = {{b, transB ? 0U : 1U}, {y, 1}};
  if (c && ties.rank(c) >= 1 && ties.size(c, ties.rank(c) - 1) > 1) columns.push_back({c, ties.rank(c) - 1});
  if (c && ties.rank(c) == 2 && ties.size(c, 0) > 1) rows.push_back({c, 0});
  ties.tieAxes(rows);
  ties.tieAxes(columns);
}

/// Inputs A, B, their zero points.
void tieMatMulInteger(NodeTies& ties) {
  tieMatMul(ties);
  const ValueId b = ties.input(1), zeroPoint = ties.input(3);
  if (zeroPoint && ties.rank(zeroPoint) == 1 && ties.size(zeroPoint, 0) > 1)
    ties.tieAxes({{b, ties.rank(b) - 1}, {zeroPoint, 0}});
}

/// Inputs a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point.
void tieQLinearMatMul(NodeTies& ties) {
  const ValueId b = ties.input(3);
  tieProduct(ties, ties.input(0), b, ties.output());
  for (const size_t parameter : {4U, 5U}) {
    const ValueId value = ties.input(parameter);
    if (value && ties.rank(value) == 1 && ties.size(value, 0) > 1) ties.tieAxes({{b, ties.rank(b) - 1}, {value, 0}});
  }
}

}  // namespace

std::vector<PruneRule> matmulPruneRules() {
  return {{"MatMul", "", tieMatMul},
          {"Gemm", "", tieGemm},
          {"MatMulInteger", "", tieMatMulInteger},
          {"QLinearMatMul", "", tieQLinearMatMul}};
}

}  // namespace compress
