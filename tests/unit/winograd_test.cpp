// Convolutions by Winograd's minimal filtering against the reference: extents that no tile divides, borders, channels
// that no vector divides, post-operations, threads; and Convs that look alike but are not done that way.
#include <catch2/catch.hpp>

#include "lib/base/parallel.h"
#include "lib/runtime/cpu/backend.h"
#include "tests/support/build.h"
#include "tests/support/plans.h"

using namespace compress;
using namespace compress::test;

namespace {

/// A Conv's error is about 1e-13 of its square; a wrong pixel would make it 1e-4 or more.
constexpr double kTolerance = 1e-11;

struct Case {
  const char* name;
  const char* text;
  const char* kernel;  ///< that the plan's kernels must name
};

const Case kCases[] = {
    {"tiles of 4x4 that divide the image",
     "input x: float32[1, 16, 16, 16]\nconst w: float32[16, 16, 3, 3]\nconst b: float32[16]\n"
     "y = Conv[pads=[1, 1, 1, 1]](x, w, b)\noutput y",
     "winograd 4x4"},
    {"odd extents, channels and samples",
     "input x: float32[3, 19, 13, 10]\nconst w: float32[37, 19, 3, 3]\nconst b: float32[37]\n"
     "y = Conv[pads=[1, 1, 1, 1]](x, w, b)\noutput y",
     "winograd 4x4"},
    {"no padding, and none of a bias",
     "input x: float32[2, 16, 15, 19]\nconst w: float32[9, 16, 3, 3]\ny = Conv(x, w)\noutput y", "winograd 4x4"},
    {"padding on one side, and wider than one pixel",
     "input x: float32[1, 20, 14, 17]\nconst w: float32[24, 20, 3, 3]\ny = Conv[pads=[0, 3, 2, 1]](x, w)\noutput y",
     "winograd 4x4"},
    {"few tiles: 2x2",
     "input x: float32[1, 32, 8, 7]\nconst w: float32[40, 32, 3, 3]\nconst b: float32[40]\n"
     "y = Conv[auto_pad=\"SAME_UPPER\"](x, w, b)\noutput y",
     "winograd 2x2"},
    {"relu", "input x: float32[1, 16, 16, 15]\nconst w: float32[16, 16, 3, 3]\nc = Conv(x, w)\ny = Relu(c)\noutput y",
     "winograd 4x4"},
    {"clip of the sum with a residual that dies",
     "input x: float32[1, 16, 17, 16]\nconst w: float32[16, 16, 3, 3]\nconst lo: float32[] = 0\nconst hi: float32[] = "
     "6\n"
     "a = Conv[pads=[1, 1, 1, 1]](x, w)\nb = Conv[pads=[1, 1, 1, 1]](a, w)\nc = Add(b, a)\ny = Clip(c, lo, hi)\noutput "
     "y",
     "winograd 4x4"},
    {"a residual that lives on",
     "input x: float32[1, 18, 12, 16]\nconst w: float32[18, 18, 3, 3]\na = Conv[pads=[1, 1, 1, 1]](x, w)\n"
     "b = Conv[pads=[1, 1, 1, 1]](a, w)\nc = Add(b, a)\ny = Sub(c, a)\noutput y",
     "winograd 4x4"},
    {"stride 2",
     "input x: float32[1, 16, 32, 32]\nconst w: float32[16, 16, 3, 3]\ny = Conv[strides=[2, 2]](x, w)\noutput y",
     nullptr},
    {"dilation",
     "input x: float32[1, 16, 32, 32]\nconst w: float32[16, 16, 3, 3]\ny = Conv[dilations=[2, 2]](x, w)\noutput y",
     nullptr},
    {"groups", "input x: float32[1, 32, 32, 32]\nconst w: float32[32, 16, 3, 3]\ny = Conv[group=2](x, w)\noutput y",
     nullptr},
    {"a window of 3x5", "input x: float32[1, 16, 32, 32]\nconst w: float32[16, 16, 3, 5]\ny = Conv(x, w)\noutput y",
     nullptr},
    {"a volume", "input x: float32[1, 8, 6, 6, 6]\nconst w: float32[8, 8, 3, 3, 3]\ny = Conv(x, w)\noutput y", nullptr},
    {"few channels", "input x: float32[1, 12, 32, 32]\nconst w: float32[16, 12, 3, 3]\ny = Conv(x, w)\noutput y",
     nullptr},
    {"few pixels", "input x: float32[1, 16, 6, 6]\nconst w: float32[16, 16, 3, 3]\ny = Conv(x, w)\noutput y", nullptr},
    {"an activation before the residual",
     "input x: float32[1, 16, 16, 16]\nconst w: float32[16, 16, 3, 3]\nc = Conv[pads=[1, 1, 1, 1]](x, w)\nr = Relu(c)\n"
     "y = Add(r, x)\noutput y",
     nullptr},
};

}  // namespace

TEST_CASE("a convolution 3x3 by minimal filtering is that of the reference", "[runtime][plan][winograd]") {
  const Case& sample = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  INFO(sample.name);
  const Model model = buildModel(sample.text);
  const std::vector<Tensor> inputs = randomInputs(model, 7);
  const auto reference = makeReferenceBackend();
  const auto cpu = makeCpuBackend();
  CHECK(normalizedError(runOn(*cpu, model, inputs), runOn(*reference, model, inputs)) <= kTolerance);
  const std::string kernels = stepKernels(*cpu, model, inputs);
  INFO(kernels);
  CHECK((kernels.find(sample.kernel != nullptr ? sample.kernel : "winograd") != std::string::npos) ==
        (sample.kernel != nullptr));
}

TEST_CASE("minimal filtering gives the same bytes for any thread count and batch, also inside a parallel region",
          "[runtime][plan][winograd]") {
  const Model model = buildModel(
      "input x: float32[2, 32, 41, 38]\nconst w: float32[40, 32, 3, 3]\ny = Conv[pads=[1, 1, 1, 1]](x, w)\noutput y");
  const std::vector<Tensor> inputs = randomInputs(model, 3);
  const auto cpu = makeCpuBackend();
  const auto runWith = [&](int threads) {
    CompileOptions options;
    options.threads = threads;
    return runOn(*cpu, model, inputs, options);
  };
  const std::vector<Buffer> one = runWith(1);
  for (const int threads : {2, 3, 5}) CHECK(sameBytes(runWith(threads), one));
  std::vector<std::vector<Buffer>> results(2);
  const ThreadLimit limit(2);
  parallelFor(2, [&](int64_t i) { results[static_cast<size_t>(i)] = runWith(1 + static_cast<int>(i)); });
  for (const auto& result : results) CHECK(sameBytes(result, one));
}

TEST_CASE("minimal filtering keeps to its buffers", "[runtime][plan][winograd]") {
  const auto cpu = makeCpuBackend(true);
  const Model model = buildModel(
      "input x: float32[1, 19, 13, 10]\nconst w: float32[21, 19, 3, 3]\nconst v: float32[9, 21, 3, 3]\n"
      "a = Conv[pads=[1, 1, 1, 1]](x, w)\nb = Conv[pads=[1, 1, 1, 1]](a, v)\ny = Sigmoid(b)\noutput y");
  Bindings bindings;
  bindings.inputs = randomInputs(model, 5);
  const Shape shape = bindings.inputs[0].shape();
  for (const int threads : {1, 3}) {
    CompileOptions options;
    options.threads = threads;
    const auto executable = cpu->compile(model.graph, {&shape, 1}, options);
    CHECK_NOTHROW(executable->run(bindings));
  }
}
