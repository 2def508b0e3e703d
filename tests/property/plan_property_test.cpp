// Random networks: the cpu backend's plans agree with the reference, for any thread count, and stay inside their
// buffers.
#include <catch2/catch.hpp>

#include "lib/base/random.h"
#include "lib/base/text.h"
#include "lib/runtime/cpu/backend.h"
#include "lib/runtime/plan/executable.h"
#include "tests/support/build.h"
#include "tests/support/plans.h"

using namespace compress;
using namespace compress::test;

namespace {

/// A network of [N, C, H, W] values, written statement by statement.
class Author {
 public:
  explicit Author(uint64_t seed) : random_(seed, "plan property") {
    const Named x{"x", pick({1, 3, 16}), 6 + random_.below(11), 6 + random_.below(11)};
    text_ = text("input x: float32[", 1 + random_.below(2), ", ", x.channels, ", ", x.height, ", ", x.width, "]\n");
    values_.push_back(x);
  }

  std::string write() {
    const int64_t count = 3 + random_.below(9);
    for (int64_t i = 0; i < count; ++i) step();
    if (values_.size() == 1) activation();
    text_ += text("output ", values_.back().name, "\n");
    if (random_.below(3) == 0 && values_.size() > 3) text_ += text("output ", values_[values_.size() / 2].name, "\n");
    return text_;
  }

 private:
  struct Named {
    std::string name;
    int64_t channels, height, width;
  };

  int64_t pick(std::initializer_list<int64_t> choices) {
    return *(choices.begin() + random_.below(static_cast<int64_t>(choices.size())));
  }
  std::string fresh() { return text("v", ++count_); }
  const Named& any() { return values_[static_cast<size_t>(random_.below(static_cast<int64_t>(values_.size())))]; }
  /// Mostly the last one, so that chains come about.
  Named source() { return random_.below(4) == 0 ? any() : values_.back(); }

  void add(const std::string& statement, Named value) {
    text_ += text(value.name, " = ", statement, "\n");
    values_.push_back(std::move(value));
  }

  void step() {
    switch (random_.below(11)) {
      case 0:
      case 1:
      case 2:
        return conv();
      case 3:
        return depthwise();
      case 4:
        return pool();
      case 5:
        return activation();
      case 6:
        return combine("Add");
      case 7:
        return combine("Mul");
      case 8:
        return concat();
      case 9:
        return resize();
      default:
        return affine();
    }
  }

  void conv() {
    const Named from = source();
    const int64_t kernel = pick({1, 1, 3, 3, 5, 2});
    const int64_t stride = pick({1, 1, 2});
    const int64_t dilation = kernel > 1 ? pick({1, 1, 2}) : 1;
    const int64_t before = random_.below(kernel);
    const int64_t after = random_.below(kernel);
    const int64_t groups = from.channels % 2 == 0 ? pick({1, 1, 1, 2}) : 1;
    const int64_t channels = groups * (1 + random_.below(40 / groups));
    const int64_t reach = (kernel - 1) * dilation + 1;
    const int64_t pads = before + after;
    if (from.height + pads < reach || from.width + pads < reach) return;
    const auto extent = [&](int64_t in) { return (in + pads - reach) / stride + 1; };
    const std::string name = fresh();
    text_ += text("const w", name, ": float32[", channels, ", ", from.channels / groups, ", ", kernel, ", ", kernel,
                  "] = uniform(-0.3, 0.3)\n");
    const bool hasBias = random_.below(2) == 0;
    if (hasBias) text_ += text("const b", name, ": float32[", channels, "]\n");
    add(text("Conv[group=", groups, ", strides=[", stride, ", ", stride, "], dilations=[", dilation, ", ", dilation,
             "], pads=[", before, ", ", before, ", ", after, ", ", after, "]](", from.name, ", w", name,
             hasBias ? text(", b", name) : std::string(), ")"),
        {name, channels, extent(from.height), extent(from.width)});
    if (random_.below(2) == 0) activation();
  }

  void depthwise() {
    const Named from = source();
    const std::string name = fresh();
    text_ += text("const w", name, ": float32[", from.channels, ", 1, 3, 3] = uniform(-0.5, 0.5)\n");
    add(text("Conv[group=", from.channels, ", pads=[1, 1, 1, 1]](", from.name, ", w", name, ")"),
        {name, from.channels, from.height, from.width});
    if (random_.below(2) == 0) activation();
  }

  void pool() {
    const Named from = source();
    if (from.height < 3 || from.width < 3) return;
    const char* op = random_.below(2) == 0 ? "MaxPool" : "AveragePool";
    add(text(op, "[kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]](", from.name, ")"),
        {fresh(), from.channels, (from.height - 1) / 2 + 1, (from.width - 1) / 2 + 1});
  }

  void activation() {
    static constexpr const char* kOps[] = {"Relu", "Sigmoid", "Tanh", "HardSwish", "LeakyRelu", "Elu", "Abs", "Neg"};
    const Named from = values_.back();
    if (random_.below(3) == 0) {
      const std::string gate = fresh();
      text_ += text(gate, " = Sigmoid(", from.name, ")\n");
      return add(text("Mul(", from.name, ", ", gate, ")"), {fresh(), from.channels, from.height, from.width});
    }
    add(text(kOps[random_.below(8)], "(", from.name, ")"), {fresh(), from.channels, from.height, from.width});
  }

  void combine(const char* op) {
    const Named a = values_.back();
    for (int attempt = 0; attempt < 8; ++attempt) {
      const Named b = any();
      if (a.channels != b.channels || a.height != b.height || a.width != b.width) continue;
      const bool isSwapped = random_.below(2) == 0;
      return add(text(op, "(", isSwapped ? b.name : a.name, ", ", isSwapped ? a.name : b.name, ")"),
                 {fresh(), a.channels, a.height, a.width});
    }
  }

  void concat() {
    const Named a = values_.back();
    const Named b = any();
    if (a.height != b.height || a.width != b.width || a.channels + b.channels > 80) return;
    add(text("Concat[axis=1](", a.name, ", ", b.name, ")"), {fresh(), a.channels + b.channels, a.height, a.width});
  }

  void resize() {
    const Named from = source();
    if (from.height > 20 || from.width > 20) return;
    const std::string name = fresh();
    text_ += text("const s", name, ": float32[4] = 1, 1, 2, 2\n");
    const bool isNearest = random_.below(2) == 0;
    add(text("Resize[mode=\"", isNearest ? "nearest" : "linear", "\"](", from.name, ", _, s", name, ")"),
        {name, from.channels, from.height * 2, from.width * 2});
  }

  void affine() {
    const Named from = values_.back();
    const std::string name = fresh();
    text_ += text("const k", name, ": float32[", from.channels, ", 1, 1]\n");
    add(text(random_.below(2) == 0 ? "Mul(" : "Add(", from.name, ", k", name, ")"),
        {name, from.channels, from.height, from.width});
  }

  Random random_;
  std::string text_;
  int64_t count_ = 0;
  std::vector<Named> values_;
};

void checkSeeds(uint64_t first, uint64_t last) {
  const auto cpu = makeCpuBackend(true);
  const auto reference = makeReferenceBackend();
  CompileOptions two;
  two.threads = 2;
  CompileOptions plain;
  for (const Fusion& fusion : allFusions()) plain.disabledFusions.insert(std::string(fusion.name));
  for (uint64_t seed = first; seed < last; ++seed) {
    const std::string source = Author(seed).write();
    CAPTURE(seed, source);
    const Model model = buildModel(source);
    Bindings bindings{randomInputs(model, seed), {}};
    const Shape shape = bindings.inputs[0].shape();
    const auto executable = cpu->compile(model.graph, {&shape, 1}, {});
    executable->run(bindings);
    // Kernels sum floats, the reference doubles; deep products of both stay within this.
    CHECK(normalizedError(bindings.outputs, runOn(*reference, model, bindings.inputs)) <= 1e-9);
    CHECK(sameBytes(runOn(*cpu, model, bindings.inputs, two), bindings.outputs));
    CHECK(normalizedError(runOn(*cpu, model, bindings.inputs, plain), bindings.outputs) <= 1e-9);
  }
}

}  // namespace

TEST_CASE("plans of random networks agree with the reference", "[runtime][plan][property]") {
  checkSeeds(0, 40);
}
TEST_CASE("plans of many random networks agree with the reference", "[runtime][plan][property][slow]") {
  checkSeeds(40, 600);
}
