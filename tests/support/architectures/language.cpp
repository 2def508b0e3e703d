// BERT, GPT-2, LLaMA, T5 and relatives: embeddings, masks, norms written out, rotary positions, shared keys.
#include "tests/support/architectures.h"
#include "tests/support/attention.h"

namespace compress::test {
namespace {

using Values = Net::Values;
constexpr int64_t kPlaces = 5, kWords = 11;

ValueId embedded(Net& net, int64_t width) {
  const ValueId words = net.input({1, kPlaces}, DType::i64);
  return net.add(net.op("Gather", {net.normal({kWords, width}), words}), net.normal({1, kPlaces, width}));
}

ValueId mlp(Net& net, ValueId x, int64_t hidden) {
  return net.linear(net.gelu(net.linear(x, hidden)), net.dims(x).back());
}

ValueId bertBlock(Net& net, ValueId x) {
  x = net.decomposedLayerNorm(net.add(x, separateAttention(net, x, {})));
  return net.decomposedLayerNorm(net.add(x, mlp(net, x, 10)));
}

ValueId causalMask(Net& net) {
  std::vector<float> mask;
  for (int64_t i = 0; i < kPlaces; ++i)
    for (int64_t j = 0; j < kPlaces; ++j) mask.push_back(j <= i ? 0.0F : -1e4F);
  return net.reshape(net.numbers(mask), {1, 1, kPlaces, kPlaces});
}

ValueId gptBlock(Net& net, ValueId x) {
  x = net.add(x, dividedAttention(net, net.layerNorm(x), {}, causalMask(net)));
  const ValueId y = net.linear(net.layerNorm(x), 12);
  const ValueId cubed = net.mul(net.op("Pow", {y, net.number(3)}), net.number(0.044715F));
  const ValueId bent = net.add(net.op("Tanh", {net.mul(net.add(y, cubed), net.number(0.7978845F))}), net.number(1));
  return net.add(x, net.linear(net.mul(net.mul(y, net.number(0.5F)), bent), net.dims(x).back()));
}

ValueId rootMeanSquare(Net& net, ValueId x) {
  const ValueId mean = net.op("ReduceMean", {net.op("Pow", {x, net.number(2)})}, {{"axes", Net::Dims{-1}}});
  const ValueId scale = net.op("Reciprocal", {net.op("Sqrt", {net.add(mean, net.number(1e-5F))})});
  return net.mul(net.mul(x, scale), net.uniform({net.dims(x).back()}, 0.5, 1.5));
}

/// Second half negated in front of the first half.
ValueId rotary(Net& net, ValueId x) {
  const int64_t width = net.size(x, 3), half = width / 2;
  const ValueId turned = net.concat({net.op("Neg", {net.slice(x, 3, half, width)}), net.slice(x, 3, 0, half)}, 3);
  const Net::Dims table = {1, 1, kPlaces, width};
  return net.add(net.mul(x, net.uniform(table, -1, 1)), net.mul(turned, net.uniform(table, -1, 1)));
}

/// [N, shared, T, D] -> [N, shared * times, T, D], as exporters repeat keys and values.
ValueId repeated(Net& net, ValueId x, int64_t times) {
  const Net::Dims d = net.dims(x);
  const ValueId wide =
      net.op("Expand", {net.op("Unsqueeze", {x, net.ints({2})}), net.ints({d[0], d[1], times, d[2], d[3]})});
  return net.reshape(wide, {d[0], d[1] * times, d[2], d[3]});
}

ValueId llamaBlock(Net& net, ValueId x, int64_t heads, int64_t shared) {
  const int64_t width = 4, model = net.dims(x).back();
  const ValueId y = rootMeanSquare(net, x);
  const ValueId q = rotary(net, splitHeads(net, net.linear(y, heads * width, false), {heads, width}));
  ValueId k = rotary(net, splitHeads(net, net.linear(y, shared * width, false), {shared, width}));
  ValueId v = splitHeads(net, net.linear(y, shared * width, false), {shared, width});
  if (heads != shared) {
    k = repeated(net, k, heads / shared);
    v = repeated(net, v, heads / shared);
  }
  x = net.add(x, net.linear(joinHeads(net, attend(net, q, k, v, causalMask(net))), model, false));
  const ValueId z = rootMeanSquare(net, x);
  return net.add(x, net.linear(net.mul(net.swish(net.linear(z, 10, false)), net.linear(z, 10, false)), model, false));
}

constexpr std::string_view kMicrosoft = "com.microsoft";

/// Attention of one node, its three products inside.
ValueId jointAttention(Net& net, ValueId x) {
  const int64_t width = net.dims(x).back();
  const Values operands = {x, net.weight({width, 18}, width), net.normal({18}, 0.3)};
  return net.linear(net.op("Attention", operands, {{"num_heads", int64_t{2}}}, kMicrosoft), width);
}

ValueId multiHeadAttention(Net& net, ValueId x) {
  const ValueId q = net.linear(x, 6, false), k = net.linear(x, 6, false), v = net.linear(x, 9, false);
  const Values operands = {q, k, v, net.normal({21}, 0.3)};
  return net.linear(net.op("MultiHeadAttention", operands, {{"num_heads", int64_t{3}}}, kMicrosoft),
                    net.dims(x).back());
}

ValueId groupQueryAttention(Net& net, ValueId x) {
  const Values operands = {net.linear(x, 12), net.linear(x, 6),          net.linear(x, 6),     kNoValue,
                           kNoValue,          net.ints32({kPlaces - 1}), net.ints32({kPlaces})};
  const ValueId y =
      net.op("GroupQueryAttention", operands, {{"num_heads", int64_t{4}}, {"kv_num_heads", int64_t{2}}}, kMicrosoft);
  return net.linear(y, net.dims(x).back());
}

/// Of the default domain, by counts of heads.
ValueId plainAttention(Net& net, ValueId x) {
  const Values operands = {net.linear(x, 12), net.linear(x, 6), net.linear(x, 8)};
  return net.linear(net.op("Attention", operands, {{"q_num_heads", int64_t{4}}, {"kv_num_heads", int64_t{2}}}),
                    net.dims(x).back());
}

ValueId splitAttention(Net& net, ValueId x) {
  const auto part = [&](int64_t heads, int64_t width) {
    return splitHeads(net, net.linear(x, heads * width), {heads, width});
  };
  const ValueId q = part(4, 3), k = part(2, 3), v = part(2, 4);
  return net.linear(joinHeads(net, net.op("Attention", {q, k, v})), net.dims(x).back());
}

ValueId skipNorm(Net& net, ValueId x, ValueId skip) {
  const Net::Dims width = {net.dims(x).back()};
  return net.op("SkipLayerNormalization", {x, skip, net.uniform(width, 0.5, 1.5), net.normal(width, 0.3)}, {},
                kMicrosoft);
}

/// `opset`: attention in one node of the default domain is of opset 23.
Architecture fusedNet(std::string name, ValueId (*attention)(Net&, ValueId), int64_t opset = 17) {
  return {std::move(name), [attention, opset] {
            Net net(0, opset);
            const ValueId x = embedded(net, 8), y = skipNorm(net, x, attention(net, x));
            return std::move(net).finish({net.linear(skipNorm(net, y, mlp(net, y, 10)), kWords)});
          }};
}

ValueId head(Net& net, ValueId x) {
  return net.linear(x, kWords, false);
}

template <typename Body>
Architecture wordNet(std::string name, Body body) {
  return {std::move(name), [body] {
            Net net;
            const Values outputs = body(net);
            return std::move(net).finish(outputs);
          }};
}

}  // namespace

std::vector<Architecture> languageArchitectures() {
  return {
      wordNet("bert",
              [](Net& net) -> Values {
                const ValueId y = bertBlock(net, bertBlock(net, net.decomposedLayerNorm(embedded(net, 8))));
                const ValueId first = net.op("Gather", {y, net.number64(0)}, {{"axis", int64_t{1}}});
                return {net.gemm(net.op("Tanh", {net.gemm(first, 8)}), 3)};
              }),
      wordNet("gpt-2",
              [](Net& net) -> Values {
                return {head(net, net.layerNorm(gptBlock(net, gptBlock(net, embedded(net, 8)))))};
              }),
      wordNet("gpt with shared table",
              [](Net& net) -> Values {
                const ValueId table = net.normal({kWords, 8}), words = net.input({1, kPlaces}, DType::i64);
                const ValueId y = gptBlock(net, net.op("Gather", {table, words}));
                return {net.op("MatMul", {net.layerNorm(y), net.transpose(table, {1, 0})})};
              }),
      wordNet(
          "llama",
          [](Net& net) -> Values { return {head(net, rootMeanSquare(net, llamaBlock(net, embedded(net, 8), 2, 2)))}; }),
      wordNet(
          "llama of shared keys",
          [](Net& net) -> Values { return {head(net, rootMeanSquare(net, llamaBlock(net, embedded(net, 8), 4, 2)))}; }),
      wordNet("encoder and decoder",
              [](Net& net) -> Values {
                const Heads heads;
                const ValueId memory = rootMeanSquare(net, net.add(embedded(net, 8), net.number(0)));
                const ValueId x = embedded(net, 8),
                              q = splitHeads(net, net.linear(rootMeanSquare(net, x), 6, false), heads);
                const ValueId k = splitHeads(net, net.linear(memory, 6, false), heads);
                const ValueId v = splitHeads(net, net.linear(memory, 6, false), heads);
                const ValueId bias =
                    net.op("Unsqueeze",
                           {net.transpose(net.op("Gather", {net.normal({7, 2}), net.ints({0, 1, 2, 3, 4})}), {1, 0}),
                            net.ints({0, 2})});
                const ValueId y = net.add(x, net.linear(joinHeads(net, attend(net, q, k, v, bias)), 8, false));
                return {head(net, net.add(y, net.linear(net.relu(net.linear(y, 10, false)), 8, false)))};
              }),
      wordNet("parallel blocks",
              [](Net& net) -> Values {
                const ValueId x = embedded(net, 8), y = net.layerNorm(x);
                return {head(net, net.add(net.add(x, gatheredAttention(net, y, {})), mlp(net, y, 12)))};
              }),
      fusedNet("joint attention", jointAttention),
      fusedNet("multi-head attention", multiHeadAttention),
      fusedNet("group query attention", groupQueryAttention),
      fusedNet("attention of the default domain", plainAttention, 23),
      fusedNet("attention of split heads", splitAttention, 23),
      wordNet("long convolutions",
              [](Net& net) -> Values {
                const ValueId x = embedded(net, 6), both = net.linear(x, 12);
                const Values parts = net.split(net.transpose(both, {0, 2, 1}), {6, 6});
                const ValueId mixed = net.op("Conv", {parts[0], net.weight({6, 1, 3}, 3)},
                                             {{"group", int64_t{6}}, {"pads", Net::Dims{2, 0}}});
                return {head(net,
                             net.add(x, net.linear(net.transpose(net.mul(net.swish(mixed), parts[1]), {0, 2, 1}), 6)))};
              }),
  };
}

}  // namespace compress::test
