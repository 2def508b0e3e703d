// LSTM, GRU, RNN: alone, stacked, in both directions, behind convolutions and embeddings.
#include "tests/support/architectures.h"

namespace compress::test {
namespace {

using Values = Net::Values;

struct Recurrent {
  std::string_view op = "LSTM";
  int64_t hidden = 4, directions = 1;
  bool hasBias = true, hasState = false, hasPeepholes = false;
};

int64_t gatesOf(std::string_view op) {
  return op == "LSTM" ? 4 : op == "GRU" ? 3 : 1;
}

/// `x` [T, N, I]; results [T, dirs, N, H], [dirs, N, H] and, of an LSTM, [dirs, N, H].
Values recurrent(Net& net, ValueId x, const Recurrent& shape) {
  const int64_t gates = gatesOf(shape.op), inputs = net.size(x, 2), batch = net.size(x, 1), dirs = shape.directions;
  Values operands = {x, net.weight({dirs, gates * shape.hidden, inputs}, inputs),
                     net.weight({dirs, gates * shape.hidden, shape.hidden}, shape.hidden)};
  operands.push_back(shape.hasBias ? net.normal({dirs, 2 * gates * shape.hidden}, 0.3) : kNoValue);
  operands.push_back(kNoValue);
  if (shape.hasState)
    for (int64_t i = 0; i < (shape.op == "LSTM" ? 2 : 1); ++i)
      operands.push_back(net.normal({dirs, batch, shape.hidden}, 0));
  if (shape.hasPeepholes) {
    operands.resize(7, kNoValue);
    operands.push_back(net.normal({dirs, 3 * shape.hidden}, 0.3));
  }
  return net.ops(shape.op, operands, shape.op == "LSTM" ? 3 : 2,
                 {{"hidden_size", shape.hidden}, {"direction", std::string(dirs == 1 ? "forward" : "bidirectional")}});
}

/// [T, dirs, N, H] -> [T, N, dirs * H].
ValueId joined(Net& net, ValueId y) {
  const Net::Dims d = net.dims(y);
  return net.reshape(net.transpose(y, {0, 2, 1, 3}), {0, 0, d[1] * d[3]});
}

ValueId last(Net& net, ValueId state) {
  const Net::Dims d = net.dims(state);
  return net.reshape(net.transpose(state, {1, 0, 2}), {d[1], d[0] * d[2]});
}

Architecture simple(std::string name, const Recurrent& shape) {
  return pictureNet(std::move(name), {5, 2, 3}, [shape](Net& net, ValueId x) -> Values {
    const Values y = recurrent(net, net.relu(net.linear(x, 6)), shape);
    return {net.linear(joined(net, y[0]), 3), net.gemm(last(net, y[1]), 2)};
  });
}

}  // namespace

std::vector<Architecture> recurrentArchitectures() {
  return {
      simple("lstm", {}),
      simple("lstm with peepholes", {.hasPeepholes = true}),
      simple("lstm both ways", {.directions = 2}),
      simple("gru", {.op = "GRU", .hasState = true}),
      simple("gru both ways", {.op = "GRU", .directions = 2, .hasBias = false}),
      simple("rnn", {.op = "RNN", .hasState = true}),
      pictureNet("stacked lstm", {5, 1, 4},
                 [](Net& net, ValueId x) -> Values {
                   const ValueId first = joined(net, recurrent(net, x, {.directions = 2})[0]);
                   const ValueId second =
                       net.op("Squeeze", {recurrent(net, first, {.hidden = 5, .hasState = true})[0], net.ints({1})});
                   return {net.linear(second, 3)};
                 }),
      pictureNet("convolutions and gru", {1, 4, 10},
                 [](Net& net, ValueId x) -> Values {
                   const ValueId y =
                       net.relu(net.norm(net.op("Conv", {x, net.weight({6, 4, 3}, 12)}, {{"pads", Net::Dims{1, 1}}})));
                   return {net.gemm(last(net, recurrent(net, net.transpose(y, {2, 0, 1}), {.op = "GRU"})[1]), 3)};
                 }),
      {"tagger",
       [] {
         Net net;
         const ValueId words = net.input({6, 1}, DType::i64);
         const ValueId embedded = net.op("Gather", {net.normal({9, 5}), words});
         return std::move(net).finish(
             {net.op("LogSoftmax", {net.linear(joined(net, recurrent(net, embedded, {.directions = 2})[0]), 4)},
                     {{"axis", int64_t{-1}}})});
       }},
  };
}

}  // namespace compress::test
