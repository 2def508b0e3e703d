// Einsum: products of elements of all inputs, summed over the letters that the result does not name.
#include <algorithm>
#include <map>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

/// The terms of an equation; the axes of "..." are named by control characters.
struct Equation {
  std::vector<std::string> inputs;
  std::string output;
};

/// "..." replaced by as many reserved labels as the ellipsis spans, aligned at their ends.
std::string withoutEllipsis(const std::string& term, size_t rank, size_t widest) {
  const size_t dots = term.find("...");
  if (dots == std::string::npos) return term;
  const size_t letters = term.size() - 3;
  if (rank < letters) reject("'", displayName(term), "' does not fit rank ", rank);
  std::string labels;
  for (size_t i = widest - (rank - letters); i < widest; ++i) labels += static_cast<char>(1 + i);
  return term.substr(0, dots) + labels + term.substr(dots + 3);
}

std::vector<std::string> termsOf(const std::string& left) {
  std::vector<std::string> terms(1);
  for (const char c : left)
    if (c == ',')
      terms.emplace_back();
    else
      terms.back() += c;
  return terms;
}

/// Letters that appear once, in alphabetical order, after those of the ellipsis: the result where none is written.
std::string impliedOutput(const std::vector<std::string>& terms) {
  std::map<char, int> counts;
  for (const std::string& term : terms)
    for (const char c : term) ++counts[c];
  std::string output;
  for (const auto& [letter, count] : counts)
    if (count == 1 || letter < ' ') output += letter;
  return output;
}

Equation equationOf(const Node& node, const std::vector<size_t>& ranks) {
  std::string text = node.attributes.string("equation", "");
  std::erase(text, ' ');
  const size_t arrow = text.find("->");
  auto terms = termsOf(text.substr(0, arrow));
  if (terms.size() != ranks.size())
    reject("the equation '", displayName(text), "' has ", terms.size(), " terms, the node ", ranks.size(), " inputs");
  size_t widest = 0;
  for (size_t i = 0; i < terms.size(); ++i)
    if (terms[i].find("...") != std::string::npos && ranks[i] + 3 >= terms[i].size())
      widest = std::max(widest, ranks[i] + 3 - terms[i].size());
  if (widest > 30) reject("an ellipsis of ", widest, " axes");
  Equation equation;
  for (size_t i = 0; i < terms.size(); ++i) {
    equation.inputs.push_back(withoutEllipsis(terms[i], ranks[i], widest));
    if (equation.inputs.back().size() != ranks[i]) reject("'", displayName(terms[i]), "' does not fit rank ", ranks[i]);
  }
  if (arrow == std::string::npos)
    equation.output = impliedOutput(equation.inputs);
  else {
    const std::string right = text.substr(arrow + 2);
    equation.output = withoutEllipsis(
        right, right.find("...") == std::string::npos ? right.size() : right.size() - 3 + widest, widest);
  }
  return equation;
}

void inferEinsum(InferContext& context) {
  requireInputs(context, 1);
  context.outputs.at(0) = Type::tensor(dtypeOfInput(context, 0));
  std::vector<size_t> ranks;
  for (const Type& input : context.inputs) {
    if (!input.hasRank()) return;
    ranks.push_back(input.rank());
  }
  const Equation equation = equationOf(context.node, ranks);
  std::map<char, Dim> extents;
  for (size_t i = 0; i < ranks.size(); ++i)
    for (size_t axis = 0; axis < ranks[i]; ++axis) {
      const auto [it, isNew] = extents.try_emplace(equation.inputs[i][axis], (*context.inputs[i].dims)[axis]);
      if (!isNew) it->second = broadcastDim(it->second, (*context.inputs[i].dims)[axis]);
    }
  context.outputs[0].dims.emplace();
  for (const char letter : equation.output) {
    if (!extents.contains(letter)) reject("the result names a letter that no term has");
    context.outputs[0].dims->push_back(extents.at(letter));
  }
}

/// Offsets of all elements of `space` for the given strides, in C order.
std::vector<int64_t> offsetsOver(const Shape& space, const std::vector<int64_t>& strides) {
  std::vector<int64_t> offsets;
  forEachRow(space, strides, [&](int64_t start, int64_t count, int64_t step) {
    for (int64_t k = 0; k < count; ++k) offsets.push_back(start + k * step);
  });
  return offsets;
}

/// One input: its elements, and where those lie that belong to each element of the result and to each term of its sum.
struct Factor {
  std::vector<double> values;
  std::vector<int64_t> resultOffsets, termOffsets;
};

/// Strides of a tensor over the axes that `letters` name; an axis of size 1 is repeated, letters used twice run along a
/// diagonal.
std::vector<int64_t> stridesOver(const std::string& letters, const std::string& term, const Shape& shape) {
  std::vector<int64_t> strides(letters.size(), 0);
  const auto own = stridesOf(shape);
  for (size_t axis = 0; axis < term.size(); ++axis)
    if (const size_t at = letters.find(term[axis]); at != std::string::npos && shape[axis] != 1)
      strides[at] += own[axis];
  return strides;
}

void einsum(ReferenceContext& context) {
  std::vector<size_t> ranks;
  for (const Tensor& input : context.inputs) ranks.push_back(input.shape().rank());
  const Equation equation = equationOf(context.node, ranks);
  std::string summed;
  std::map<char, int64_t> extents;
  for (size_t i = 0; i < ranks.size(); ++i)
    for (size_t axis = 0; axis < ranks[i]; ++axis) {
      const char letter = equation.inputs[i][axis];
      if (equation.output.find(letter) == std::string::npos && summed.find(letter) == std::string::npos)
        summed += letter;
      extents[letter] = std::max(extents[letter], context.inputs[i].shape()[axis]);
    }
  std::vector<int64_t> dims;
  for (const char letter : summed) dims.push_back(extents.at(letter));
  const Shape terms(dims);
  const Shape& result = context.outputs[0].shape();
  std::vector<Factor> factors;
  for (size_t i = 0; i < ranks.size(); ++i) {
    const Tensor& input = context.inputs[i];
    const std::string& term = equation.inputs[i];
    factors.push_back({load<double>(input), offsetsOver(result, stridesOver(equation.output, term, input.shape())),
                       offsetsOver(terms, stridesOver(summed, term, input.shape()))});
  }
  std::vector<double> sums(static_cast<size_t>(result.elementCount()), 0.0);
  const auto termCount = static_cast<size_t>(terms.elementCount());
  parallelFor(static_cast<int64_t>(sums.size()), [&](int64_t o) {
    for (size_t k = 0; k < termCount; ++k) {
      double product = 1;
      for (const Factor& factor : factors)
        product *=
            factor.values[static_cast<size_t>(factor.resultOffsets[static_cast<size_t>(o)] + factor.termOffsets[k])];
      sums[static_cast<size_t>(o)] += product;
    }
  });
  store(std::span<const double>(sums), context.outputs[0]);
}

}  // namespace

std::vector<OpSpec> einsumOps() {
  return {{"Einsum", "", inferEinsum, einsum, {}, "sums of products, as an equation of index letters says"}};
}

}  // namespace compress
