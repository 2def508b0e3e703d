// Attention of the default domain: caches, masks, causal and sliding windows around softmax(scale q k^T) v;
// FlexAttention, whose bodies edit scores and weights; RotaryEmbedding.
#include "lib/ops/heads.h"

#include <cmath>
#include <limits>

#include "lib/ops/access.h"
#include "lib/ops/elementwise.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

constexpr double kHidden = -std::numeric_limits<double>::infinity();

enum Input : size_t { kQuery, kKey, kValue, kMask, kPastKey, kPastValue, kKeyCounts };

/// Dimensions of input `i` as [batch, heads, length, size].
std::vector<Dim> headDims(const InferContext& context, size_t i, std::string_view headsAttribute) {
  if (!context.input(i).hasRank()) return std::vector<Dim>(4);
  const auto& dims = *context.input(i).dims;
  if (dims.size() == 4) return dims;
  if (dims.size() != 3) reject("input ", i, " has rank ", dims.size(), ", expected 3 or 4");
  const int64_t heads = context.node.attributes.integer(headsAttribute, 0);
  if (heads < 1) reject(headsAttribute, " is ", heads, ", expected at least 1 for inputs of rank 3");
  return {dims[0], Dim::of(heads), dims[1], divided(dims[2], heads)};
}

void inferAttention(InferContext& context) {
  requireInputs(context, 3);
  const auto q = headDims(context, kQuery, "q_num_heads"), k = headDims(context, kKey, "kv_num_heads"),
             v = headDims(context, kValue, "kv_num_heads");
  const DType dtype = dtypeOfInput(context, kQuery);
  const Dim lengths[] = {dimOfInput(context, kPastKey, 2), k[2]};
  const Dim total = context.has(kPastKey) ? sumOf(lengths) : k[2];
  if (context.input(kQuery).hasRank()) {
    const bool isPacked = context.input(kQuery).rank() == 3;
    const Dim packed[] = {q[1], v[3]};
    context.outputs.at(0) = isPacked ? Type::tensor(dtype, std::vector<Dim>{q[0], q[2], productOf(packed)})
                                     : Type::tensor(dtype, std::vector<Dim>{q[0], q[1], q[2], v[3]});
  } else {
    context.outputs.at(0) = Type::tensor(dtype);
  }
  const std::vector<Dim> further[] = {{k[0], k[1], total, k[3]}, {v[0], v[1], total, v[3]}, {q[0], q[1], q[2], total}};
  for (size_t i = 1; i < context.outputs.size() && i < 4; ++i)
    context.outputs[i] = Type::tensor(i == 2 ? dtypeOfInput(context, kValue) : dtype, further[i - 1]);
}

/// What is added to the scores: the mask, the causal order and the window, and the padding behind the valid keys.
class AttentionBias {
 public:
  AttentionBias(const ReferenceContext& context, const Heads& q, const Heads& k, int64_t pastLength) {
    const Attributes& attributes = context.node.attributes;
    isCausal_ = attributes.integer("is_causal", 0) != 0;
    left_ = attributes.integer("left_window_size", -1);
    right_ = attributes.integer("right_window_size", -1);
    offsets_.assign(static_cast<size_t>(q.batch), pastLength);
    if (context.has(kKeyCounts)) {
      counts_ = toInts(context.inputs[kKeyCounts]);
      if (counts_.size() != offsets_.size()) reject(counts_.size(), " key counts for a batch of ", q.batch);
      for (size_t b = 0; b < counts_.size() && pastLength == 0; ++b) offsets_[b] = counts_[b] - q.length;
    }
    if (context.has(kMask)) readMask(context.inputs[kMask], Shape{q.batch, q.heads, q.length, k.length});
  }

  double operator()(int64_t b, int64_t h, int64_t i, int64_t j) const {
    const auto at = static_cast<size_t>(b);
    const int64_t position = offsets_[at] + i;
    if (isCausal_ && j > position) return kHidden;
    if ((left_ >= 0 && j < position - left_) || (right_ >= 0 && j > position + right_)) return kHidden;
    if (!counts_.empty() && j >= counts_[at]) return kHidden;
    if (mask_.empty()) return 0;
    if (j >= maskLength_) return kHidden;
    return mask_[static_cast<size_t>(b * strides_[0] + h * strides_[1] + i * strides_[2] + j * strides_[3])];
  }

 private:
  /// A mask may end before the last key: what is behind it is hidden.
  void readMask(const Tensor& mask, const Shape& scores) {
    mask_ = load<double>(mask);
    if (mask.dtype() == DType::boolean)
      for (double& value : mask_) value = value != 0 ? 0 : kHidden;
    const Shape& shape = mask.shape();
    if (shape.rank() == 0 || shape.rank() > 4) reject("the mask has rank ", shape.rank(), ", expected 1 to 4");
    std::vector<int64_t> dims = scores.dims();
    maskLength_ = shape[shape.rank() - 1] == 1 ? dims[3] : std::min(dims[3], shape[shape.rank() - 1]);
    dims[3] = maskLength_;
    const auto spread = broadcast(shape, Shape(dims));
    if (!spread || *spread != Shape(dims))
      reject("the mask has shape ", print(shape), ", which does not broadcast to ", print(scores));
    strides_ = broadcastStrides(shape, Shape(dims));
  }

  bool isCausal_ = false;
  int64_t left_ = -1, right_ = -1, maskLength_ = 0;
  std::vector<int64_t> offsets_, counts_, strides_;
  std::vector<double> mask_;
};

double scaleOf(const Node& node, int64_t headSize) {
  if (node.attributes.has("scale")) return static_cast<double>(node.attributes.real("scale", 1));
  return 1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, headSize)));
}

ScoreStage stageOf(const Node& node) {
  const int64_t mode = node.attributes.integer("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3) reject("qk_matmul_output_mode is ", mode, ", expected 0 to 3");
  return static_cast<ScoreStage>(mode);
}

void attention(ReferenceContext& context) {
  const Attributes& attributes = context.node.attributes;
  const Heads q = headsOf(context.inputs[kQuery], attributes.integer("q_num_heads", 0));
  Heads k = headsOf(context.inputs[kKey], attributes.integer("kv_num_heads", 0)),
        v = headsOf(context.inputs[kValue], attributes.integer("kv_num_heads", 0));
  int64_t pastLength = 0;
  if (context.has(kPastKey) != context.has(kPastValue)) reject("past_key and past_value come together");
  if (context.has(kPastKey)) {
    const Heads pastKey = headsOf(context.inputs[kPastKey], k.heads);
    pastLength = pastKey.length;
    k = appended(pastKey, k);
    v = appended(headsOf(context.inputs[kPastValue], v.heads), v);
  }
  Heads scores;
  const ScoreRule rule{scaleOf(context.node, q.size), static_cast<double>(attributes.real("softcap", 0)),
                       AttentionBias(context, q, k, pastLength)};
  const Heads y = attend(q, k, v, rule, context.wants(3) ? &scores : nullptr, stageOf(context.node));
  storeHeads(y, context.outputs[0]);
  if (context.wants(1)) storeHeads(k, context.outputs[1]);
  if (context.wants(2)) storeHeads(v, context.outputs[2]);
  if (context.wants(3)) storeHeads(scores, context.outputs[3]);
}

// FlexAttention -------------------------------------------------------------------------------------------------------

void inferFlexAttention(InferContext& context) {
  requireInputs(context, 3);
  for (const size_t i : {kQuery, kKey, kValue}) requireRank(context, i, 4);
  context.outputs.at(0) = Type::tensor(
      dtypeOfInput(context, kQuery), std::vector<Dim>{dimOfInput(context, kQuery, 0), dimOfInput(context, kQuery, 1),
                                                      dimOfInput(context, kQuery, 2), dimOfInput(context, kValue, 3)});
}

/// The scores as the body `name` leaves them; as they are where there is none.
void modify(const ReferenceContext& context, std::string_view name, Heads& scores, DType dtype) {
  const Body body = context.node.attributes.body(name);
  if (!body) return;
  Buffer buffer(dtype, Shape{scores.batch, scores.heads, scores.length, scores.size});
  storeHeads(scores, buffer);
  std::vector<Tensor> inputs = {std::move(buffer).freeze()};
  inputs.insert(inputs.end(), context.inputs.begin() + 3, context.inputs.end());
  const Tensor result = context.runBody(*body, inputs).at(0);
  if (result.elementCount() != static_cast<int64_t>(scores.values.size()))
    reject(name, " gives ", print(result.shape()), ", expected the shape that it is given");
  scores.values = load<double>(result);
}

void flexAttention(ReferenceContext& context) {
  const Heads q = headsOf(context.inputs[kQuery], 0), k = headsOf(context.inputs[kKey], 0),
              v = headsOf(context.inputs[kValue], 0);
  const DType given = context.inputs[kQuery].dtype();
  const DType dtype = dtypeAttribute(context.node, "softmax_precision", given == DType::f64 ? DType::f64 : DType::f32);
  Heads scores = scoresOf(q, k, scaleOf(context.node, q.size));
  modify(context, "score_mod", scores, dtype);
  for (int64_t row = 0; row < scores.batch * scores.heads * scores.length; ++row)
    softmaxInPlace(
        std::span(scores.values).subspan(static_cast<size_t>(row * scores.size), static_cast<size_t>(scores.size)));
  modify(context, "prob_mod", scores, dtype);
  context.outputs[0] = Buffer(given, Shape{q.batch, q.heads, q.length, v.size});
  storeHeads(weightedSum(scores, v), context.outputs[0]);
}

// RotaryEmbedding -----------------------------------------------------------------------------------------------------

void rotaryEmbedding(ReferenceContext& context) {
  const Attributes& attributes = context.node.attributes;
  Heads x = headsOf(context.inputs[0], attributes.integer("num_heads", 0));
  const auto cosines = load<double>(context.inputs[1]), sines = load<double>(context.inputs[2]);
  const auto positions = context.has(3) ? toInts(context.inputs[3]) : std::vector<int64_t>{};
  const int64_t named = attributes.integer("rotary_embedding_dim", 0), turned = named > 0 ? named : x.size;
  const Shape& table = context.inputs[1].shape();
  if (turned % 2 != 0 || turned > x.size || table.rank() == 0 || table[table.rank() - 1] != turned / 2)
    reject("a table of ", print(table), " for ", turned, " turned elements of ", x.size);
  if (!positions.empty() && static_cast<int64_t>(positions.size()) != x.batch * x.length)
    reject(positions.size(), " positions, expected ", x.batch * x.length);
  const bool isInterleaved = attributes.integer("interleaved", 0) != 0;
  for (int64_t b = 0; b < x.batch; ++b)
    for (int64_t i = 0; i < x.length; ++i) {
      const int64_t token = b * x.length + i;
      const int64_t row = (positions.empty() ? token : positions[static_cast<size_t>(token)]) * (turned / 2);
      if (row < 0 || row + turned / 2 > static_cast<int64_t>(cosines.size()))
        reject("position ", row / (turned / 2), " is outside the table of ", print(table));
      for (int64_t h = 0; h < x.heads; ++h)
        rotate(x.row(b, h, i), turned, cosines.data() + row, sines.data() + row, isInterleaved);
    }
  storeHeads(x, context.outputs[0]);
}

void inferRotary(InferContext& context) {
  requireInputs(context, 3);
  sameAsFirst(context);
}

}  // namespace

std::vector<OpSpec> attentionOps() {
  return {
      {"Attention", "", inferAttention, attention, {}, "y = softmax(cap(scale q k^T) + bias) v, per head"},
      {"FlexAttention",
       "ai.onnx.preview",
       inferFlexAttention,
       flexAttention,
       {},
       "y = p(softmax(s(scale q k^T))) v, where s and p are bodies"},
      {"RotaryEmbedding", "", inferRotary, rotaryEmbedding, {}, "pairs of elements turned by angles of their position"},
  };
}

}  // namespace compress
