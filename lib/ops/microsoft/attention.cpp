// Attention and MultiHeadAttention of com.microsoft, expressed by matrix products and Softmax; RotaryEmbedding.
#include <cmath>
#include <limits>

#include "lib/ops/lowering.h"
#include "lib/ops/microsoft/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

constexpr float kHidden = std::numeric_limits<float>::lowest();

[[noreturn]] void refuse(std::string_view what) {
  throw Error(ErrorKind::unsupported, std::string(what));
}

/// Builds one attention; all sizes but those of heads may be unknown.
class Builder {
 public:
  Builder(Lowering& node, DType dtype) : node_(node), dtype_(dtype) {}

  /// [batch, length, heads * size] -> [batch, heads, length, size]
  ValueId split(ValueId x, int64_t heads) {
    const ValueId parts = node_.emit("Reshape", {x, node_.integers({0, 0, heads, -1})});
    return transposed(parts, {0, 2, 1, 3});
  }
  ValueId transposed(ValueId x, std::vector<int64_t> perm) {
    return node_.emit("Transpose", {x}, attributesOf({{"perm", std::move(perm)}}));
  }
  ValueId joined(ValueId first, ValueId second, int64_t axis) {
    return node_.emit("Concat", {first, second}, attributesOf({{"axis", axis}}));
  }
  ValueId lengthOf(ValueId x, int64_t axis) {
    return node_.emit("Shape", {x}, attributesOf({{"start", axis}, {"end", axis + 1}}));
  }
  ValueId sum(ValueId a, ValueId b) { return a && b ? node_.emit("Add", {a, b}) : a ? a : b; }

  /// 0 where `visible`, else `filler`.
  ValueId biasOf(ValueId visible, float filler) {
    return node_.emit("Where", {visible, node_.scalar(0, dtype_), node_.scalar(static_cast<double>(filler), dtype_)});
  }

  /// Query i of `queries` sees key j of `keys`, the last keys belonging to the queries, where j <= i.
  ValueId causalBias(ValueId q, ValueId k) {
    const ValueId queries = lengthOf(q, 2), keys = lengthOf(k, 2);
    const ValueId ones = node_.emit("ConstantOfShape", {joined(queries, keys, 0)},
                                    attributesOf({{"value", Tensor::of<int64_t>(Shape{1}, std::array{int64_t{1}})}}));
    const ValueId diagonal = node_.emit("Squeeze", {node_.emit("Sub", {keys, queries})});
    const ValueId lower = node_.emit("Trilu", {ones, diagonal}, attributesOf({{"upper", int64_t{0}}}));
    return biasOf(node_.emit("Cast", {lower}, attributesOf({{"to", static_cast<int64_t>(DType::boolean)}})), kHidden);
  }

  /// The bias of a padding mask: 1 and 0 for [batch, keys] or [batch, queries, keys]; for [batch] and [2 * batch],
  /// where each sample ends, and where it starts.
  ValueId paddingBias(size_t input, ValueId k, float filler) {
    const ValueId mask = node_.input(input);
    const size_t rank = node_.type(input).rank();
    if (rank == 2 || rank == 3) {
      const ValueId visible = node_.emit("Cast", {mask}, attributesOf({{"to", static_cast<int64_t>(DType::boolean)}}));
      const std::vector<int64_t> axes = rank == 2 ? std::vector<int64_t>{1, 2} : std::vector<int64_t>{1};
      return biasOf(node_.emit("Unsqueeze", {visible, node_.integers(axes)}), filler);
    }
    if (rank != 1) refuse("masks of this rank are not supported");
    const ValueId count = node_.emit("Squeeze", {lengthOf(k, 2)}), batch = lengthOf(k, 0);
    const ValueId ids = node_.emit("Range", {node_.scalar(0, DType::i64), count, node_.scalar(1, DType::i64)});
    const ValueId wide = node_.emit("Cast", {mask}, attributesOf({{"to", static_cast<int64_t>(DType::i64)}}));
    const auto column = [&](ValueId x) { return node_.emit("Unsqueeze", {x, node_.integers({1})}); };
    const ValueId zero = node_.integers({0}), axes = node_.integers({0});
    ValueId visible = node_.emit("Less", {ids, column(node_.emit("Slice", {wide, zero, batch, axes}))});
    const int64_t given = node_.dim(input, 0), samples = node_.dim(0, 0);
    if (given > samples) {
      if (given != 2 * samples) refuse("masks of packed sequences are not supported");
      const ValueId end = node_.integers({std::numeric_limits<int64_t>::max()});
      const ValueId starts = column(node_.emit("Slice", {wide, batch, end, axes}));
      visible = node_.emit("And", {visible, node_.emit("GreaterOrEqual", {ids, starts})});
    }
    return biasOf(node_.emit("Unsqueeze", {visible, node_.integers({1, 2})}), filler);
  }

  /// softmax(scale q k^T + bias) v as [batch, queries, heads * size]; `scores` receives the weights where wanted.
  ValueId attend(ValueId q, ValueId k, ValueId v, double scale, ValueId bias, ValueId* weights = nullptr) {
    ValueId scores = node_.emit("MatMul", {q, transposed(k, {0, 1, 3, 2})});
    scores = node_.emit("Mul", {scores, node_.scalar(scale, dtype_)});
    scores = node_.emit("Softmax", {sum(scores, bias)}, attributesOf({{"axis", int64_t{-1}}}));
    if (weights != nullptr) *weights = scores;
    const ValueId y = transposed(node_.emit("MatMul", {scores, v}), {0, 2, 1, 3});
    return node_.emit("Reshape", {y, node_.integers({0, 0, -1})});
  }

 private:
  Lowering& node_;
  DType dtype_;
};

int64_t headsOf(const Lowering& node) {
  const int64_t heads = node.attributes().integer("num_heads", 0);
  if (heads < 1) reject("num_heads is ", heads, ", expected at least 1");
  return heads;
}

double scaleOf(const Lowering& node, int64_t headSize) {
  const float named = node.attributes().real("scale", 0);
  return named != 0 ? static_cast<double>(named) : 1 / std::sqrt(static_cast<double>(headSize));
}

/// Is what decides the form of a padding mask known?
bool knowsMask(const Lowering& node, size_t input) {
  if (!node.has(input)) return true;
  if (!node.knowsRank(input)) return false;
  return node.type(input).rank() != 1 || (node.dim(input, 0) >= 0 && node.dim(0, 0) >= 0);
}

/// Sizes of q, k and v side by side in the columns of the weights; none where they are not known.
std::vector<int64_t> projectedSizes(const Lowering& node) {
  auto sizes = node.attributes().integers("qkv_hidden_sizes");
  const int64_t columns = node.dim(1, -1);
  if (sizes.empty() && columns >= 0) sizes = {columns / 3, columns / 3, columns / 3};
  if (!sizes.empty() && sizes.size() != 3) reject("qkv_hidden_sizes has ", sizes.size(), " elements, expected 3");
  return sizes;
}

bool lowerAttention(Lowering& node) {
  enum Input : size_t { kX, kWeights, kBias, kMask, kPast, kScoreBias, kPastLength };
  const DType dtype = node.type(kX).dtype;
  const auto sizes = projectedSizes(node);
  if (sizes.empty() || dtype == DType::undefined || !knowsMask(node, kMask)) return false;
  const Attributes& attributes = node.attributes();
  if (attributes.integer("do_rotary", 0) != 0) refuse("rotary embedding inside Attention is not supported");
  if (attributes.integer("past_present_share_buffer", 0) != 0) refuse("shared past buffers are not supported");
  const int64_t heads = headsOf(node);
  Builder build(node, dtype);
  const ValueId projected = build.sum(node.emit("MatMul", {node.input(kX), node.input(kWeights)}), node.input(kBias));
  const auto parts =
      node.emitMany("Split", {projected, node.integers(sizes)}, 3, attributesOf({{"axis", int64_t{-1}}}));
  const ValueId q = build.split(parts[0], heads);
  ValueId k = build.split(parts[1], heads), v = build.split(parts[2], heads);
  if (node.has(kPast)) {
    const auto past = [&](double i) {
      return node.emit("Gather", {node.input(kPast), node.scalar(i, DType::i64)}, attributesOf({{"axis", int64_t{0}}}));
    };
    k = build.joined(past(0), k, 2);
    v = build.joined(past(1), v, 2);
  }
  ValueId bias = node.input(kScoreBias);
  if (node.has(kMask))
    bias = build.sum(bias, build.paddingBias(kMask, k, attributes.real("mask_filter_value", -10000)));
  if (attributes.integer("unidirectional", 0) != 0) bias = build.sum(bias, build.causalBias(q, k));
  const ValueId y = build.attend(q, k, v, scaleOf(node, sizes[0] / heads), bias);
  if (node.wants(1)) {
    const auto layer = [&](ValueId x) { return node.emit("Unsqueeze", {x, node.integers({0})}); };
    node.give(1, build.joined(layer(k), layer(v), 0));
  }
  node.give(0, y);
  return true;
}

/// Element `i` along axis 3 of packed [batch, length, heads, parts, size], as [batch, heads, length, size].
ValueId packedPart(Lowering& node, Builder& build, size_t input, double i) {
  const ValueId part =
      node.emit("Gather", {node.input(input), node.scalar(i, DType::i64)}, attributesOf({{"axis", int64_t{3}}}));
  return build.transposed(part, {0, 2, 1, 3});
}

struct QueryKeyValue {
  ValueId q, k, v;
};

/// The forms in which q, k and v come: flat, packed, or k and v split into heads already.
QueryKeyValue inputsOf(Lowering& node, Builder& build, int64_t heads) {
  enum Input : size_t { kQuery, kKey, kValue, kBias };
  if (node.type(kQuery).rank() == 5)
    return {packedPart(node, build, kQuery, 0), packedPart(node, build, kQuery, 1), packedPart(node, build, kQuery, 2)};
  ValueId q = node.input(kQuery), k = node.input(kKey), v = node.input(kValue);
  const bool isSplit = node.knowsRank(kKey) && node.type(kKey).rank() == 4;
  if (node.has(kBias)) {
    const int64_t hidden = node.dim(kQuery, -1), all = node.dim(kBias, 0);
    const auto parts = node.emitMany("Split", {node.input(kBias), node.integers({hidden, hidden, all - 2 * hidden})}, 3,
                                     attributesOf({{"axis", int64_t{0}}}));
    q = build.sum(q, parts[0]);
    if (node.has(kKey) && node.type(kKey).rank() == 3) {
      k = build.sum(k, parts[1]);
      v = build.sum(v, parts[2]);
    }
  }
  q = build.split(q, heads);
  if (node.type(kKey).rank() == 5) return {q, packedPart(node, build, kKey, 0), packedPart(node, build, kKey, 1)};
  return isSplit ? QueryKeyValue{q, k, v} : QueryKeyValue{q, build.split(k, heads), build.split(v, heads)};
}

bool lowerMultiHeadAttention(Lowering& node) {
  enum Input : size_t { kQuery, kKey, kValue, kBias, kMask, kScoreBias, kPastKey, kPastValue, kPastLength, kBeams };
  const DType dtype = node.type(kQuery).dtype;
  const int64_t hidden = node.dim(kQuery, -1);
  const bool isKnown = dtype != DType::undefined && hidden > 0 && (!node.has(kKey) || node.knowsRank(kKey)) &&
                       knowsMask(node, kMask) && (!node.has(kBias) || node.dim(kBias, 0) >= 0);
  if (!isKnown) return false;
  if (!node.has(kKey) && node.type(kQuery).rank() != 5) reject("key is missing beside a query that is not packed");
  if (node.has(kPastLength) || node.has(kBeams)) refuse("shared past buffers are not supported");
  const bool isPacked = node.type(kQuery).rank() == 5;
  if (isPacked && node.has(kBias)) refuse("a bias of packed inputs is not supported");
  const int64_t heads = headsOf(node);
  Builder build(node, dtype);
  auto [q, k, v] = inputsOf(node, build, heads);
  if (node.has(kPastKey)) {
    k = build.joined(node.input(kPastKey), k, 2);
    v = build.joined(node.input(kPastValue), v, 2);
  }
  ValueId bias = node.input(kScoreBias);
  if (node.has(kMask))
    bias = build.sum(bias, build.paddingBias(kMask, k, node.attributes().real("mask_filter_value", -10000)));
  if (node.attributes().integer("unidirectional", 0) != 0) bias = build.sum(bias, build.causalBias(q, k));
  ValueId weights;
  const ValueId y = build.attend(q, k, v, scaleOf(node, isPacked ? hidden : hidden / heads), bias, &weights);
  node.give(0, y);
  node.give(3, weights);
  node.give(1, k);
  node.give(2, v);
  return true;
}

/// Positions: given for every token, or the first of each sample's, from which they count on.
bool lowerRotary(Lowering& node) {
  enum Input : size_t { kX, kPositions, kCosines, kSines };
  if (!node.knowsRank(kX) || !node.knowsRank(kPositions)) return false;
  const Attributes& attributes = node.attributes();
  if (attributes.integer("is_packed_batching", 0) != 0) refuse("packed batches are not supported");
  const bool isFlat = node.type(kX).rank() == 3;
  int64_t heads = attributes.integer("num_heads", 0);
  if (isFlat && heads == 0) {
    const int64_t hidden = node.dim(kX, 2), half = node.dim(kCosines, 1);
    if (hidden < 0 || half < 1) return false;
    heads = hidden / (2 * half);
  }
  ValueId positions = node.input(kPositions);
  if (node.type(kPositions).rank() == 1) {
    const auto part = [&](int64_t axis) {
      return node.emit("Shape", {node.input(kX)}, attributesOf({{"start", axis}, {"end", axis + 1}}));
    };
    const ValueId length = part(isFlat ? 1 : 2);
    const ValueId steps =
        node.emit("Range", {node.scalar(0, DType::i64), node.emit("Squeeze", {length}), node.scalar(1, DType::i64)});
    const ValueId shape = node.emit("Concat", {part(0), length}, attributesOf({{"axis", int64_t{0}}}));
    positions = node.emit("Expand", {node.emit("Add", {steps, positions}), shape});
  }
  Attributes given = attributesOf({{"interleaved", attributes.integer("interleaved", 0)},
                                   {"rotary_embedding_dim", attributes.integer("rotary_embedding_dim", 0)}});
  if (isFlat) given.set("num_heads", heads);
  node.give(0, node.emit("RotaryEmbedding", {node.input(kX), node.input(kCosines), node.input(kSines), positions},
                         std::move(given)));
  return true;
}

}  // namespace

std::vector<OpSpec> microsoftAttentionOps() {
  return {
      lowered("Attention", kMicrosoft, lowerAttention,
              "softmax(scale q k^T + masks) v, with q, k and v from one product"),
      lowered("MultiHeadAttention", kMicrosoft, lowerMultiHeadAttention, "softmax(scale q k^T + masks) v, per head"),
      lowered("RotaryEmbedding", kMicrosoft, lowerRotary, "pairs of elements turned by angles of their position"),
  };
}

}  // namespace compress
