// MLP-Mixer, gMLP, ResMLP, squeeze by Einsum: products along the places as well as along the channels.
#include "tests/support/architectures.h"

namespace compress::test {
namespace {

using Values = Net::Values;

ValueId patches(Net& net, ValueId x, int64_t width) {
  const ValueId y =
      net.op("Conv", {x, net.weight({width, net.size(x, 1), 2, 2}, 4 * net.size(x, 1)), net.normal({width}, 0.3)},
             {{"strides", Net::Dims{2, 2}}});
  return net.transpose(net.reshape(y, {1, width, -1}), {0, 2, 1});
}

ValueId mlp(Net& net, ValueId x, int64_t hidden) {
  return net.linear(net.gelu(net.linear(x, hidden)), net.dims(x).back());
}

ValueId mixer(Net& net, ValueId x) {
  const ValueId places = net.transpose(mlp(net, net.transpose(net.layerNorm(x), {0, 2, 1}), 5), {0, 2, 1});
  const ValueId sum = net.add(x, places);
  return net.add(sum, mlp(net, net.layerNorm(sum), 10));
}

/// Half of the channels gate the others, mixed over the places.
ValueId gatedMlp(Net& net, ValueId x) {
  const Values parts = net.split(net.gelu(net.linear(x, 12)), {6, 6}, 2);
  const int64_t places = net.size(x, 1);
  const ValueId mixed = net.op("MatMul", {net.weight({places, places}, places), net.layerNorm(parts[1])});
  return net.add(x, net.linear(net.mul(parts[0], mixed), net.dims(x).back()));
}

ValueId affine(Net& net, ValueId x) {
  return net.add(net.mul(x, net.uniform({net.dims(x).back()}, 0.5, 1.5)), net.normal({net.dims(x).back()}, 0.3));
}

ValueId pooled(Net& net, ValueId x) {
  return net.gemm(net.op("ReduceMean", {x}, {{"axes", Net::Dims{1}}, {"keepdims", int64_t{0}}}), 4);
}

const Net::Dims kPicture = {1, 3, 6, 6};

}  // namespace

std::vector<Architecture> mixerArchitectures() {
  return {
      pictureNet(
          "mlp-mixer", kPicture,
          [](Net& net, ValueId x) -> Values { return {pooled(net, net.layerNorm(mixer(net, patches(net, x, 8))))}; }),
      pictureNet("gated mlp", kPicture,
                 [](Net& net, ValueId x) -> Values { return {pooled(net, gatedMlp(net, patches(net, x, 8)))}; }),
      pictureNet("res-mlp", kPicture,
                 [](Net& net, ValueId x) -> Values {
                   const ValueId tokens = patches(net, x, 8);
                   const int64_t places = net.size(tokens, 1);
                   const ValueId mixed = net.op("MatMul", {net.weight({places, places}, places), affine(net, tokens)});
                   const ValueId sum = net.add(tokens, mixed);
                   return {pooled(net, net.add(sum, mlp(net, affine(net, sum), 12)))};
                 }),
      pictureNet(
          "products by letters", {2, 5, 4},
          [](Net& net, ValueId x) -> Values {
            const auto product = [&](std::string equation, Values operands) {
              return net.op("Einsum", std::move(operands), {{"equation", std::move(equation)}});
            };
            const ValueId q = product("btc,chd->bthd", {x, net.weight({4, 2, 3}, 4)});
            const ValueId k = product("btc,chd->bthd", {x, net.weight({4, 2, 3}, 4)});
            const ValueId v = product("btc,chd->bthd", {x, net.weight({4, 2, 3}, 4)});
            const ValueId weights = net.op("Softmax", {product("bqhd,bkhd->bhqk", {q, k})}, {{"axis", int64_t{-1}}});
            return {product("bqhd,hdc->bqc", {product("bhqk,bkhd->bqhd", {weights, v}), net.weight({2, 3, 4}, 6)})};
          }),
      pictureNet("factorised", {2, 6},
                 [](Net& net, ValueId x) -> Values {
                   const ValueId a = net.linear(x, 5, false), b = net.op("Sigmoid", {net.linear(x, 5, false)});
                   return {net.op("ReduceSum", {net.mul(a, b), net.ints({1})}),
                           net.op("ReduceMean", {net.relu(a)}, {{"axes", Net::Dims{1}}})};
                 }),
  };
}

}  // namespace compress::test
