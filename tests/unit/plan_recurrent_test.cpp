// Recurrent layers on the cpu backend: every operator, direction, layout and option, beside the reference.
#include <catch2/catch.hpp>

#include "lib/base/text.h"
#include "lib/runtime/cpu/backend.h"
#include "tests/support/build.h"
#include "tests/support/plans.h"

using namespace compress;
using namespace compress::test;

namespace {

struct Layer {
  const char* op;
  int64_t gates;
  const char* attributes;
  int64_t directions = 1;
  int64_t batch = 1;
  int64_t time = 7;
  int64_t hidden = 19;
  bool hasLengths = false;
  bool hasState = true;
  bool hasPeepholes = false;
};

constexpr int64_t kInput = 5;

std::string textOf(const Layer& l) {
  const bool isBatchFirst = std::string(l.attributes).find("layout=1") != std::string::npos;
  const bool isLstm = l.gates == 4;
  const auto dims = [&](int64_t a, int64_t b) { return isBatchFirst ? text(b, ", ", a) : text(a, ", ", b); };
  std::string out = text("input x: float32[", dims(l.time, l.batch), ", ", kInput, "]\n");
  const int64_t rows = l.gates * l.hidden;
  out += text("const w: float32[", l.directions, ", ", rows, ", ", kInput, "] = uniform(-0.6, 0.6)\n");
  out += text("const r: float32[", l.directions, ", ", rows, ", ", l.hidden, "] = uniform(-0.4, 0.4)\n");
  out += text("const b: float32[", l.directions, ", ", 2 * rows, "] = uniform(-0.5, 0.5)\n");
  if (l.hasLengths) out += text("const n: int32[", l.batch, "] = range(1)\n");
  const std::string state = text("float32[", dims(l.directions, l.batch), ", ", l.hidden, "]");
  if (l.hasState) out += text("input h: ", state, "\n");
  if (l.hasState && isLstm) out += text("input c: ", state, "\n");
  if (l.hasPeepholes) out += text("const p: float32[", l.directions, ", ", 3 * l.hidden, "]\n");
  out += text("y, yh", isLstm ? ", yc" : "", " = ", l.op, "[hidden_size=", l.hidden, l.attributes, "](x, w, r, b, ",
              l.hasLengths ? "n" : "_", l.hasState ? ", h" : ", _");
  if (isLstm) out += text(l.hasState ? ", c" : ", _", l.hasPeepholes ? ", p" : "");
  out += text(")\noutput y\noutput yh\n", isLstm ? "output yc\n" : "");
  return out;
}

}  // namespace

TEST_CASE("recurrent layers run as the reference does", "[runtime][plan]") {
  const Layer layer = GENERATE(Layer{"RNN", 1, ""},
                               Layer{"RNN", 1,
                                     ", direction=\"bidirectional\", activations=[\"Relu\", \"Affine\"], "
                                     "activation_alpha=[0.7], activation_beta=[0.1]",
                                     2, 3},
                               Layer{"GRU", 3, ""}, Layer{"GRU", 3, ", linear_before_reset=1"},
                               Layer{"GRU", 3, ", direction=\"bidirectional\", linear_before_reset=1, clip=0.5", 2, 11},
                               Layer{"GRU", 3, ", direction=\"reverse\", layout=1", 1, 9, 4, 16}, Layer{"LSTM", 4, ""},
                               Layer{"LSTM", 4, ", direction=\"bidirectional\"", 2, 1, 20, 33},
                               Layer{"LSTM", 4, ", direction=\"reverse\", input_forget=1, clip=0.8", 1, 3},
                               Layer{"LSTM", 4, ", direction=\"bidirectional\", layout=1", 2, 17, 3, 8},
                               Layer{"LSTM", 4, "", 1, 4, 6, 12, true, true, true},
                               Layer{"LSTM", 4, ", direction=\"bidirectional\"", 2, 4, 6, 12, true, false},
                               Layer{"LSTM", 4, ", activations=[\"HardSigmoid\", \"LeakyRelu\", \"Elu\"]", 1, 2},
                               Layer{"GRU", 3, ", direction=\"reverse\"", 1, 3, 5, 20, true, false});
  const std::string source = textOf(layer);
  CAPTURE(source);
  const Model model = buildModel(source);
  const auto cpu = makeCpuBackend(true);
  const std::vector<Tensor> inputs = randomInputs(model, 3);
  const std::vector<Buffer> found = runOn(*cpu, model, inputs);
  CHECK(normalizedError(found, runOn(*makeReferenceBackend(), model, inputs)) <= 1e-9);
  CHECK(stepKernels(*cpu, model, inputs).find("ref") == std::string::npos);
  CompileOptions two;
  two.threads = 2;
  CHECK(sameBytes(runOn(*cpu, model, inputs, two), found));
}

TEST_CASE("a recurrent activation without vector loop runs on the reference", "[runtime][plan]") {
  const Model model = buildModel(textOf({"RNN", 1, ", activations=[\"Softsign\"]"}));
  const auto cpu = makeCpuBackend();
  const std::vector<Tensor> inputs = randomInputs(model, 3);
  CHECK(normalizedError(runOn(*cpu, model, inputs), runOn(*makeReferenceBackend(), model, inputs)) <= 1e-9);
  CHECK(stepKernels(*cpu, model, inputs) == "ref");
}

TEST_CASE("a large bidirectional layer gives the same bytes on two threads", "[runtime][plan]") {
  const Model model = buildModel(textOf({"LSTM", 4, ", direction=\"bidirectional\"", 2, 10, 12, 64}));
  const auto cpu = makeCpuBackend(true);
  const std::vector<Tensor> inputs = randomInputs(model, 4);
  CompileOptions two;
  two.threads = 2;
  CHECK(sameBytes(runOn(*cpu, model, inputs, two), runOn(*cpu, model, inputs)));
}
