// Vision transformers: patches, class token, attention in all its exported forms.
#include "tests/support/architectures.h"
#include "tests/support/attention.h"

namespace compress::test {
namespace {

using Values = Net::Values;
using Attention = ValueId (*)(Net&, ValueId, const Heads&, ValueId);

ValueId patches(Net& net, ValueId x, int64_t width) {
  const ValueId w = net.weight({width, net.size(x, 1), 2, 2}, 4 * net.size(x, 1));
  const ValueId y = net.op("Conv", {x, w, net.normal({width}, 0.3)}, {{"strides", Net::Dims{2, 2}}});
  return net.transpose(net.reshape(y, {1, width, -1}), {0, 2, 1});
}

ValueId mlp(Net& net, ValueId x, int64_t hidden) {
  return net.linear(net.gelu(net.linear(x, hidden)), net.dims(x).back());
}

ValueId block(Net& net, ValueId x, Attention attention) {
  x = net.add(x, attention(net, net.layerNorm(x), {}, kNoValue));
  return net.add(x, mlp(net, net.layerNorm(x), 10));
}

Values withToken(Net& net, ValueId x, Attention attention) {
  const ValueId tokens = net.concat({net.normal({1, 1, 8}), patches(net, x, 8)});
  const ValueId y =
      block(net, block(net, net.add(tokens, net.normal({1, net.size(tokens, 1), 8})), attention), attention);
  return {net.gemm(net.op("Gather", {net.layerNorm(y), net.number64(0)}, {{"axis", int64_t{1}}}), 4)};
}

/// Attention of channels over channels, as in XCiT: head dimensions attend.
ValueId crossCovariance(Net& net, ValueId x) {
  const Heads heads;
  const auto part = [&] { return net.transpose(splitHeads(net, net.linear(x, 6), heads), {0, 1, 3, 2}); };
  const ValueId q = part(), k = part(), v = part();
  return net.linear(joinHeads(net, net.transpose(attend(net, q, k, v), {0, 1, 3, 2})), 8);
}

/// Keys and values of pooled places.
ValueId reduced(Net& net, ValueId x) {
  const Heads heads;
  const ValueId picture = net.reshape(net.transpose(x, {0, 2, 1}), {1, 8, 3, -1});
  const ValueId small = net.op("Conv", {picture, net.weight({8, 8, 2, 2}, 32)}, {{"strides", Net::Dims{2, 2}}});
  const ValueId few = net.layerNorm(net.transpose(net.reshape(small, {1, 8, -1}), {0, 2, 1}));
  const Values kv = net.split(net.linear(few, 12), {6, 6}, 2);
  const ValueId q = splitHeads(net, net.linear(x, 6), heads);
  return net.linear(joinHeads(net, attend(net, q, splitHeads(net, kv[0], heads), splitHeads(net, kv[1], heads))), 8);
}

const Net::Dims kPicture = {1, 3, 6, 6};

}  // namespace

std::vector<Architecture> vitArchitectures() {
  return {
      pictureNet("vit", kPicture, [](Net& net, ValueId x) { return withToken(net, x, gatheredAttention); }),
      pictureNet("vit divided", kPicture, [](Net& net, ValueId x) { return withToken(net, x, dividedAttention); }),
      pictureNet("vit separate", kPicture, [](Net& net, ValueId x) { return withToken(net, x, separateAttention); }),
      pictureNet("xcit", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = patches(net, x, 8);
                   x = net.add(x, crossCovariance(net, net.layerNorm(x)));
                   return {net.linear(net.op("ReduceMean", {x}, {{"axes", Net::Dims{1}}}), 3)};
                 }),
      pictureNet("segformer", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   x = patches(net, x, 8);
                   x = net.add(x, reduced(net, net.layerNorm(x)));
                   return {net.linear(net.add(x, mlp(net, net.layerNorm(x), 10)), 3)};
                 }),
      pictureNet("detr", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const Heads heads;
                   const ValueId memory = patches(net, x, 8), queries = net.normal({1, 4, 8});
                   const ValueId q = splitHeads(net, net.linear(queries, 6), heads),
                                 k = splitHeads(net, net.linear(memory, 6), heads);
                   const ValueId v = splitHeads(net, net.linear(memory, 6), heads);
                   const ValueId y = mlp(net, net.linear(joinHeads(net, attend(net, q, k, v)), 8), 10);
                   return {net.linear(y, 3), net.op("Sigmoid", {net.linear(net.relu(net.linear(y, 7)), 4)})};
                 }),
  };
}

}  // namespace compress::test
