// Random quantized networks: every operator between DequantizeLinear and QuantizeLinear runs on bytes, is within a step
// of the reference when fed the same bytes, and gives the same bytes whatever it is fused with and for any thread
// count.
#include <catch2/catch.hpp>

#include <map>

#include "lib/base/text.h"
#include "lib/runtime/cpu/backend.h"
#include "tests/support/build.h"
#include "tests/support/plans.h"
#include "tests/support/quantized.h"
#include "tests/support/random_quantized.h"

using namespace compress;
using namespace compress::test;

namespace {

std::span<const uint8_t> bytesOf(const Buffer& buffer) {
  return {reinterpret_cast<const uint8_t*>(buffer.raw().data()), buffer.raw().size()};
}

struct Tally {
  int64_t islands = 0, elements = 0;
  double differing = 0;
};

/// Each island of `written` alone on the reference, fed what the network made of the islands before.
void checkIslands(const QuantizedNetwork& written, const Tensor& x, const std::vector<Buffer>& results, Tally& tally) {
  const auto reference = makeReferenceBackend();
  std::map<std::string, const Buffer*> known;
  for (size_t i = 0; i < results.size(); ++i) {
    const Island& island = written.islands[i];
    const std::string source = written.alone(island);
    CAPTURE(source);
    std::map<std::string, const Buffer*> sources;
    for (const Bytes4& from : island.sources) sources[from.name] = known[from.name];
    std::vector<Tensor> inputs;
    for (const auto& [name, buffer] : sources) inputs.push_back(buffer->snapshot());
    if (inputs.empty()) inputs.push_back(x);
    const std::vector<Buffer> expected = runOn(*reference, buildModel(source), inputs);
    const Difference difference = differenceOf(bytesOf(results[i]), bytesOf(expected[0]), island.result.dtype);
    CHECK(difference.largest <= island.tolerance);
    known[island.result.name] = &results[i];
    const auto count = static_cast<int64_t>(results[i].raw().size());
    ++tally.islands;
    tally.elements += count;
    tally.differing += difference.share * static_cast<double>(count);
  }
}

void checkSeeds(uint64_t first, uint64_t last) {
  const auto cpu = makeCpuBackend(true);
  CompileOptions three;
  three.threads = 3;
  Tally tally;
  for (uint64_t seed = first; seed < last; ++seed) {
    const QuantizedNetwork written = randomQuantized(seed);
    const std::string source = written.network(true);
    CAPTURE(seed, source);
    const Model model = buildModel(source);
    Bindings bindings{randomInputs(model, seed), {}};
    const Shape shape = bindings.inputs[0].shape();
    const auto executable = cpu->compile(model.graph, {&shape, 1}, {});
    executable->run(bindings);
    for (const StepInfo& step : executable->steps()) {
      CAPTURE(step.name, step.op);
      CHECK((step.dtype == DType::u8 || step.dtype == DType::i8));
    }
    checkIslands(written, bindings.inputs[0], bindings.outputs, tally);
    const std::vector<Buffer> fused = runOn(*cpu, buildModel(written.network(false)), bindings.inputs, three);
    CHECK(std::ranges::equal(bytesOf(fused[0]), bytesOf(bindings.outputs.back())));
  }
  WARN(tally.islands << " quantized operators, share of elements a step off: "
                     << tally.differing / static_cast<double>(tally.elements));
  CHECK(tally.differing / static_cast<double>(tally.elements) < 1e-3);
}

}  // namespace

TEST_CASE("random quantized networks run on bytes, each operator within a step", "[int8][plan][property]") {
  checkSeeds(0, 600);
}
TEST_CASE("many random quantized networks run on bytes", "[int8][plan][property][slow]") {
  checkSeeds(600, 6000);
}
