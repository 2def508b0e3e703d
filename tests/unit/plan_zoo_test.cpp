// Plans of real networks: the cpu backend gives what the reference gives, for several batch sizes, image sizes and
// thread counts.
#include <catch2/catch.hpp>

#include "lib/base/random.h"
#include "lib/onnx/read.h"
#include "lib/ops/upgrade.h"
#include "tests/support/build.h"
#include "tests/support/paths.h"
#include "tests/support/plans.h"

using namespace compress;
using namespace compress::test;

namespace {

/// Nothing, after a warning, where the zoo is absent.
std::optional<Model> zooModel(const std::string& name) {
  const auto folder = zoo();
  if (!folder) {
    WARN("skipped: the folder of development models is absent");
    return std::nullopt;
  }
  return upgraded(readModel(*folder / "models" / name).model);
}

Tensor image(const Shape& shape, uint64_t seed) {
  Buffer buffer(DType::f32, shape);
  Random random(seed, "zoo");
  for (float& value : buffer.as<float>()) value = static_cast<float>(random.normal());
  return std::move(buffer).freeze();
}

void checkModel(const std::string& name, const std::vector<Shape>& shapes) {
  const std::optional<Model> model = zooModel(name);
  if (!model) return;
  const auto cpu = makeCpuBackend();
  const auto reference = makeReferenceBackend();
  for (const Shape& shape : shapes) {
    CAPTURE(name, print(shape));
    const std::vector<Tensor> inputs{image(shape, 1)};
    const auto found = runOn(*cpu, *model, inputs);
    CHECK(normalizedError(found, runOn(*reference, *model, inputs)) <= 1e-9);
    for (const int threads : {2, 4}) {
      CompileOptions options;
      options.threads = threads;
      CHECK(sameBytes(runOn(*cpu, *model, inputs, options), found));
    }
    CHECK(stepOps(*cpu, *model, inputs).find("Slice") == std::string::npos);
  }
}

}  // namespace

TEST_CASE("cifar10_resnet20 runs as the reference does, for any batch", "[runtime][plan][zoo]") {
  checkModel("cifar10_resnet20.onnx", {{1, 3, 32, 32}, {7, 3, 32, 32}, {32, 3, 32, 32}});
}
TEST_CASE("mobilenet runs as the reference does", "[runtime][plan][zoo]") {
  checkModel("mobilenet_v1_0.25_128.onnx", {{1, 3, 128, 128}});
}
TEST_CASE("espcn runs as the reference does, for any image size", "[runtime][plan][zoo]") {
  checkModel("espcn_x3.onnx", {{1, 1, 24, 20}, {1, 1, 17, 33}});
}
TEST_CASE("mnist_cntk runs as the reference does", "[runtime][plan][zoo]") {
  checkModel("mnist_cntk.onnx", {{1, 1, 28, 28}});
}
TEST_CASE("yolox_nano runs as the reference does", "[runtime][plan][zoo][slow]") {
  checkModel("yolox_nano.onnx", {{1, 3, 416, 416}});
}
