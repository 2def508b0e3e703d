// TfIdfVectorizer: how often each n-gram of a pool occurs in a row, its elements being neighbours or up to a number of
// elements apart.
#include <algorithm>
#include <map>

#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

/// The output is as wide as the largest index says, which costs the file nothing.
constexpr int64_t kLargestIndex = (1 << 24) - 1;

/// The n-grams that count, each with its place in the output. Elements are strings; integers are spelled.
struct Pool {
  std::map<std::vector<std::string>, size_t> places;
  int64_t least, most, skips, width = 0;
  std::string mode;
  std::vector<float> weights;

  explicit Pool(const Node& node)
      : least(node.attributes.integer("min_gram_length", 1)),
        most(node.attributes.integer("max_gram_length", 1)),
        skips(node.attributes.integer("max_skip_count", 0)),
        mode(node.attributes.string("mode", "TF")),
        weights(node.attributes.reals("weights")) {
    if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
      reject("mode is '", displayName(mode), "', expected TF, IDF or TFIDF");
    if (least < 1 || most < least || most > 1 << 16 || skips < 0)
      reject("n-grams of ", least, " to ", most, " elements with ", skips, " skipped");
    const auto indices = node.attributes.integers("ngram_indexes");
    for (const int64_t index : indices) {
      if (index < 0 || index > kLargestIndex) reject("ngram_indexes holds ", index, ", expected 0 to ", kLargestIndex);
      width = std::max(width, index + 1);
    }
    if (!weights.empty() && static_cast<int64_t>(weights.size()) < width)
      reject("weights has ", weights.size(), " elements, expected ", width);
    readGrams(elementsOf(node), node.attributes.integers("ngram_counts"), indices);
  }

 private:
  static std::vector<std::string> elementsOf(const Node& node) {
    const Attribute* strings = node.attributes.find("pool_strings");
    if (strings != nullptr)
      if (const auto* list = std::get_if<std::vector<std::string>>(&strings->data); list != nullptr && !list->empty())
        return *list;
    std::vector<std::string> spelled;
    for (const int64_t value : node.attributes.integers("pool_int64s")) spelled.push_back(text(value));
    return spelled;
  }

  /// `counts[n - 1]` says where in the pool the n-grams of n elements begin.
  void readGrams(const std::vector<std::string>& elements, const std::vector<int64_t>& counts,
                 const std::vector<int64_t>& indices) {
    size_t gram = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
      const int64_t end = i + 1 < counts.size() ? counts[i + 1] : static_cast<int64_t>(elements.size());
      if (counts[i] < 0 || counts[i] > end || end > static_cast<int64_t>(elements.size()))
        reject("ngram_counts holds ", counts[i], " for a pool of ", elements.size());
      const auto size = static_cast<int64_t>(i) + 1;
      for (int64_t start = counts[i]; start + size <= end; start += size, ++gram) {
        if (gram >= indices.size()) reject("ngram_indexes has ", indices.size(), " elements, too few");
        if (size < least || size > most) continue;
        places[{elements.begin() + start, elements.begin() + start + size}] = static_cast<size_t>(indices[gram]);
      }
    }
  }
};

void inferTfIdf(InferContext& context) {
  requireInputs(context, 1);
  const Pool pool(context.node);
  context.outputs.at(0) = Type::tensor(DType::f32);
  const Type& x = context.input(0);
  if (!x.hasRank()) return;
  if (x.rank() > 2) reject("x has rank ", x.rank(), ", expected at most 2");
  context.outputs[0].dims =
      x.rank() == 2 ? std::vector<Dim>{(*x.dims)[0], Dim::of(pool.width)} : std::vector<Dim>{Dim::of(pool.width)};
}

/// Adds one for each occurrence in `row`. Single elements count once, whatever may be skipped.
void countGrams(const Pool& pool, std::span<const std::string> row, std::span<double> counts) {
  const auto length = static_cast<int64_t>(row.size());
  for (int64_t size = pool.least; size <= pool.most; ++size)
    for (int64_t step = 1; step <= (size == 1 ? 1 : std::min(pool.skips, length) + 1); ++step)
      for (int64_t start = 0; start + step * (size - 1) < length; ++start) {
        std::vector<std::string> gram;
        for (int64_t i = 0; i < size; ++i) gram.push_back(row[static_cast<size_t>(start + i * step)]);
        if (const auto found = pool.places.find(gram); found != pool.places.end()) ++counts[found->second];
      }
}

void tfIdf(ReferenceContext& context) {
  const Pool pool(context.node);
  const Tensor& x = context.inputs[0];
  std::vector<std::string> elements;
  if (x.dtype() == DType::string)
    elements = x.strings();
  else
    for (const int64_t value : toInts(x)) elements.push_back(text(value));
  const auto rows = static_cast<size_t>(x.shape().rank() == 2 ? x.shape()[0] : 1),
             width = static_cast<size_t>(pool.width);
  const size_t length = rows == 0 ? 0 : elements.size() / rows;
  std::vector<double> y(rows * width);
  for (size_t row = 0; row < rows; ++row)
    countGrams(pool, std::span(elements).subspan(row * length, length), std::span(y).subspan(row * width, width));
  for (size_t i = 0; i < y.size(); ++i) {
    const double weight = pool.weights.empty() ? 1 : static_cast<double>(pool.weights[i % width]);
    if (pool.mode == "IDF") y[i] = y[i] > 0 ? weight : 0;
    if (pool.mode == "TFIDF") y[i] *= weight;
  }
  store(std::span<const double>(y), context.outputs[0]);
}

}  // namespace

std::vector<OpSpec> tfIdfOps() {
  return {{"TfIdfVectorizer", "", inferTfIdf, tfIdf, {}, "how often each n-gram of a pool occurs"}};
}

}  // namespace compress
