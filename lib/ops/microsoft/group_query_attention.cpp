// GroupQueryAttention: attention of a decoder with a cache. Each sample has a length of its own, so that where its new
// keys go is known only when it runs: plain loops, no lowering.
#include <cmath>
#include <limits>

#include "lib/ops/access.h"
#include "lib/ops/elementwise.h"
#include "lib/ops/heads.h"
#include "lib/ops/microsoft/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

enum Input : size_t {
  kQuery,
  kKey,
  kValue,
  kPastKey,
  kPastValue,
  kLastKeys,
  kTotal,
  kCosines,
  kSines,
  kPositions,
  kScoreBias,
  kFirstUnsupported,
};

void inferGroupQuery(InferContext& context) {
  requireInputs(context, 1);
  requireRank(context, kQuery, 3);
  const DType dtype = dtypeOfInput(context, kQuery);
  const int64_t heads = headCount(context.node, "num_heads"), keyHeads = headCount(context.node, "kv_num_heads");
  const bool isPacked = !context.has(kKey);
  const Dim headSize = divided(dimOfInput(context, kQuery, 2), isPacked ? heads + 2 * keyHeads : heads);
  context.outputs.at(0) = Type::tensor(
      dtype, std::vector<Dim>{dimOfInput(context, kQuery, 0), dimOfInput(context, kQuery, 1), times(headSize, heads)});
  const auto total = knownInts(context, kTotal);
  const Dim past = context.has(kPastKey) ? dimOfInput(context, kPastKey, 2) : Dim::of(0);
  const Dim length = total && past.isKnown() ? Dim::of(std::max(past.value, total->at(0))) : Dim{};
  for (size_t i = 1; i < context.outputs.size(); ++i)
    context.outputs[i] =
        Type::tensor(dtype, std::vector<Dim>{dimOfInput(context, kQuery, 0), Dim::of(keyHeads), length, headSize});
}

void requireSupported(const ReferenceContext& context) {
  for (size_t i = kFirstUnsupported; i < context.inputs.size(); ++i)
    if (context.has(i)) throw Error(ErrorKind::unsupported, text("input ", i, " is not supported"));
  for (const char* name : {"smooth_softmax", "qk_output", "sliding_window_cache"})
    if (context.node.attributes.integer(name, 0) > 0)
      throw Error(ErrorKind::unsupported, text("attribute ", name, " is not supported"));
  for (const char* name : {"k_quant_type", "v_quant_type"})
    if (context.node.attributes.string(name, "NONE") != "NONE")
      throw Error(ErrorKind::unsupported, text("attribute ", name, " is not supported"));
}

/// Heads [first, first + count) of all.
Heads someOf(const Heads& all, int64_t first, int64_t count) {
  Heads out(all.batch, count, all.length, all.size);
  for (int64_t b = 0; b < all.batch; ++b)
    std::copy_n(all.row(b, first, 0), count * all.length * all.size, out.row(b, 0, 0));
  return out;
}

/// What came before in each sample, and how far all of it reaches.
struct Lengths {
  std::vector<int64_t> past;
  int64_t cache = 0;  ///< of the present keys

  Lengths(const ReferenceContext& context, const Heads& q) {
    const int64_t total = toInts(context.inputs[kTotal]).at(0);
    for (const int64_t last : toInts(context.inputs[kLastKeys])) {
      past.push_back(last + 1 - q.length);
      if (past.back() < 0) past.back() = 0;  // a prompt that is padded behind
    }
    if (static_cast<int64_t>(past.size()) != q.batch) reject(past.size(), " lengths for a batch of ", q.batch);
    cache = std::max(total, context.has(kPastKey) ? context.inputs[kPastKey].shape()[2] : 0);
  }
};

/// Turns each row by the angles of its position.
void turn(const ReferenceContext& context, Heads& x, const Lengths& lengths) {
  const auto cosines = load<double>(context.inputs[kCosines]), sines = load<double>(context.inputs[kSines]);
  const auto positions = context.has(kPositions) ? toInts(context.inputs[kPositions]) : std::vector<int64_t>{};
  const int64_t half = context.inputs[kCosines].shape()[1];
  const bool isInterleaved = context.node.attributes.integer("rotary_interleaved", 0) != 0;
  if (2 * half > x.size) reject("angles of ", half, " pairs for heads of ", x.size, " elements");
  for (int64_t b = 0; b < x.batch; ++b)
    for (int64_t i = 0; i < x.length; ++i) {
      const int64_t position = positions.size() > static_cast<size_t>(b * x.length + i)
                                   ? positions[static_cast<size_t>(b * x.length + i)]
                                   : lengths.past[static_cast<size_t>(b)] + i;
      if (position < 0 || (position + 1) * half > static_cast<int64_t>(cosines.size()))
        reject("position ", position, " is outside the tables of angles");
      for (int64_t h = 0; h < x.heads; ++h)
        rotate(x.row(b, h, i), 2 * half, cosines.data() + position * half, sines.data() + position * half,
               isInterleaved);
    }
}

/// The cache with the new rows behind each sample's past.
Heads withNew(const Heads& past, const Heads& next, const Lengths& lengths) {
  Heads out(next.batch, next.heads, lengths.cache, next.size);
  for (int64_t b = 0; b < out.batch; ++b) {
    const int64_t held = lengths.past[static_cast<size_t>(b)];
    if (held > past.length || held + next.length > out.length)
      reject("a past of ", held, " and ", next.length, " new keys do not fit into a cache of ", out.length);
    for (int64_t h = 0; h < out.heads; ++h) {
      if (past.length > 0) std::copy_n(past.row(b, h, 0), past.length * past.size, out.row(b, h, 0));
      std::copy_n(next.row(b, h, 0), next.length * next.size, out.row(b, h, held));
    }
  }
  return out;
}

/// Hides keys that lie ahead of a query, or behind its window, and adds the attention bias.
class GroupQueryBias {
 public:
  GroupQueryBias(const ReferenceContext& context, const Lengths& lengths)
      : past_(lengths.past), window_(context.node.attributes.integer("local_window_size", -1)) {
    isCausal_ = context.node.attributes.integer("causal", 1) != 0;
    for (const int64_t last : toInts(context.inputs[kLastKeys])) lastKeys_.push_back(last);
    if (!context.has(kScoreBias)) return;
    bias_ = load<double>(context.inputs[kScoreBias]);
    const Shape& shape = context.inputs[kScoreBias].shape();
    if (shape.rank() != 4) reject("the attention bias has rank ", shape.rank(), ", expected 4");
    columns_ = shape[3];
    strides_ = stridesOf(shape);
    for (size_t axis = 0; axis < 2; ++axis)
      if (shape[axis] == 1) strides_[axis] = 0;
  }

  double operator()(int64_t b, int64_t h, int64_t i, int64_t j) const {
    const int64_t position = past_[static_cast<size_t>(b)] + i;
    const bool isHidden = (isCausal_ && j > position) || (window_ >= 0 && j <= position - window_) ||
                          (!isCausal_ && j > lastKeys_[static_cast<size_t>(b)]);
    if (isHidden) return -std::numeric_limits<double>::infinity();
    if (bias_.empty() || j >= columns_) return 0;
    return bias_[static_cast<size_t>(b * strides_[0] + h * strides_[1] + i * strides_[2] + j)];
  }

 private:
  std::vector<int64_t> past_, lastKeys_, strides_;
  int64_t window_, columns_ = 0;
  bool isCausal_ = true;
  std::vector<double> bias_;
};

void put(ReferenceContext& context, size_t output, const Heads& heads) {
  if (!context.wants(output)) return;
  context.outputs[output] =
      Buffer(context.inputs[kQuery].dtype(), Shape{heads.batch, heads.heads, heads.length, heads.size});
  storeHeads(heads, context.outputs[output]);
}

void groupQueryAttention(ReferenceContext& context) {
  requireSupported(context);
  const int64_t heads = headCount(context.node, "num_heads"), keyHeads = headCount(context.node, "kv_num_heads");
  const bool isPacked = !context.has(kKey);
  const Heads given = headsOf(context.inputs[kQuery], isPacked ? heads + 2 * keyHeads : heads);
  Heads q = isPacked ? someOf(given, 0, heads) : given;
  Heads k = isPacked ? someOf(given, heads, keyHeads) : headsOf(context.inputs[kKey], keyHeads);
  const Heads v = isPacked ? someOf(given, heads + keyHeads, keyHeads) : headsOf(context.inputs[kValue], keyHeads);
  const Lengths lengths(context, q);
  if (context.node.attributes.integer("do_rotary", 0) != 0) {
    if (!context.has(kCosines) || !context.has(kSines)) reject("the tables of angles are missing");
    turn(context, q, lengths);
    turn(context, k, lengths);
  }
  const auto cached = [&](size_t input, const Heads& next) {
    return withNew(context.has(input) ? headsOf(context.inputs[input], keyHeads) : Heads(), next, lengths);
  };
  const Heads keys = cached(kPastKey, k), values = cached(kPastValue, v);
  const float named = context.node.attributes.real("scale", 0);
  const ScoreRule rule{named != 0 ? static_cast<double>(named) : 1 / std::sqrt(static_cast<double>(q.size)),
                       static_cast<double>(context.node.attributes.real("softcap", 0)),
                       GroupQueryBias(context, lengths)};
  storeHeads(attend(q, keys, values, rule), context.outputs[0]);
  put(context, 1, keys);
  put(context, 2, values);
}

}  // namespace

std::vector<OpSpec> microsoftGroupQueryOps() {
  return {{"GroupQueryAttention",
           kMicrosoft,
           inferGroupQuery,
           groupQueryAttention,
           {},
           "softmax(scale q k^T + masks) v over a cache, heads of k and v shared"}};
}

}  // namespace compress
