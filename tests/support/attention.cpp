#include "tests/support/attention.h"

#include <cmath>

namespace compress::test {

ValueId splitHeads(Net& net, ValueId x, const Heads& heads) {
  return net.transpose(net.reshape(x, {0, 0, heads.count, heads.width}), {0, 2, 1, 3});
}

ValueId joinHeads(Net& net, ValueId x) {
  const Net::Dims d = net.dims(x);
  return net.reshape(net.transpose(x, {0, 2, 1, 3}), {0, 0, d[1] * d[3]});
}

ValueId attend(Net& net, ValueId q, ValueId k, ValueId v, ValueId bias) {
  const auto width = static_cast<float>(net.size(q, 3));
  ValueId scores = net.op("Div", {net.op("MatMul", {q, net.transpose(k, {0, 1, 3, 2})}), net.number(std::sqrt(width))});
  if (bias) scores = net.add(scores, bias);
  return net.op("MatMul", {net.op("Softmax", {scores}, {{"axis", int64_t{-1}}}), v});
}

ValueId separateAttention(Net& net, ValueId x, const Heads& heads, ValueId bias) {
  const int64_t all = heads.count * heads.width, width = net.dims(x).back();
  const auto part = [&] { return splitHeads(net, net.linear(x, all), heads); };
  const ValueId q = part(), k = part(), v = part();
  return net.linear(joinHeads(net, attend(net, q, k, v, bias)), width);
}

ValueId gatheredAttention(Net& net, ValueId x, const Heads& heads, ValueId bias) {
  const ValueId joint = net.reshape(net.linear(x, 3 * heads.count * heads.width), {0, 0, 3, heads.count, heads.width});
  const ValueId apart = net.transpose(joint, {2, 0, 3, 1, 4});
  const auto part = [&](int64_t i) { return net.op("Gather", {apart, net.number64(i)}, {{"axis", int64_t{0}}}); };
  const ValueId q = part(0), k = part(1), v = part(2);
  return net.linear(joinHeads(net, attend(net, q, k, v, bias)), net.dims(x).back());
}

ValueId dividedAttention(Net& net, ValueId x, const Heads& heads, ValueId bias) {
  const int64_t all = heads.count * heads.width;
  const Net::Values parts = net.split(net.linear(x, 3 * all), {all, all, all}, 2);
  const ValueId q = splitHeads(net, parts[0], heads), k = splitHeads(net, parts[1], heads),
                v = splitHeads(net, parts[2], heads);
  return net.linear(joinHeads(net, attend(net, q, k, v, bias)), net.dims(x).back());
}

}  // namespace compress::test
