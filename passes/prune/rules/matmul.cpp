// Matrix products: the summed axis of both operands, and the rows and columns of the result. The same for weights and
// activations: that is what ties the parts of an attention head together. Einsum likewise, letter by letter.
#include <map>

#include "lib/base/text.h"
#include "passes/prune/rules.h"

namespace compress {
namespace {

/// Axes of a product of stacks of matrices; vectors count as one row or one column, by numpy's rule.
void tieProduct(NodeTies& ties, ValueId a, ValueId b, ValueId y) {
  const size_t rankA = ties.rank(a), rankB = ties.rank(b), rankY = ties.rank(y);
  ties.tieSummed({{a, rankA - 1}, {b, rankB >= 2 ? rankB - 2 : 0}});
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
  ties.tieSummed({{a, transA ? 0U : 1U}, {b, transB ? 1U : 0U}});
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

/// The letters of "ij, jk -> ik": of each operand, then of the result; without "->", the letters that occur once,
/// sorted.
std::vector<std::string> lettersOf(const std::string& equation) {
  std::vector<std::string> terms(1);
  bool hasResult = false;
  std::map<char, int> counts;
  for (const char c : equation) {
    if (c == ',')
      terms.emplace_back();
    else if (c == '>')
      hasResult = true, terms.emplace_back();
    else if (c != ' ' && c != '-')
      terms.back() += c, counts[c] += hasResult ? 0 : 1;
  }
  if (hasResult) return terms;
  terms.emplace_back();
  for (const auto& [letter, count] : counts)
    if (count == 1) terms.back() += letter;
  return terms;
}

/// Axes that bear a letter go together; they are summed over where the result has none.
void tieEinsum(NodeTies& ties) {
  const std::string equation = ties.node().attributes.string("equation", "");
  if (equation.find('.') != std::string::npos) return ties.blockAll("its equation has an ellipsis");
  const std::vector<std::string> terms = lettersOf(equation);
  std::vector<ValueId> operands = ties.node().inputs;
  operands.push_back(ties.output());
  if (terms.size() != operands.size()) return ties.blockAll("its equation has another count of operands");
  std::map<char, std::vector<Axis>> axes;
  for (size_t i = 0; i < operands.size(); ++i)
    for (size_t axis = 0; axis < terms[i].size() && axis < ties.rank(operands[i]); ++axis)
      if (ties.size(operands[i], axis) > 1) axes[terms[i][axis]].push_back({operands[i], axis});
  for (const auto& [letter, together] : axes)
    if (terms.back().find(letter) != std::string::npos)
      ties.tieAxes(together);
    else
      ties.tieSummed(together);
}

}  // namespace

std::vector<PruneRule> matmulPruneRules() {
  return {{"MatMul", "", tieMatMul, nullptr, Zeros::ofAny},
          {"Gemm", "", tieGemm, nullptr, Zeros::ofWeights},
          {"Einsum", "", tieEinsum, nullptr, Zeros::ofAny},
          {"MatMulInteger", "", tieMatMulInteger},
          {"QLinearMatMul", "", tieQLinearMatMul}};
}

}  // namespace compress
