// The smallest model of each rule of the quantization table, against what ONNX Runtime makes of it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <set>

#include "lib/base/text.h"
#include "lib/eval/run_over.h"
#include "lib/onnx/write.h"
#include "passes/quantize/quantize.h"
#include "passes/quantize/rules.h"
#include "tests/support/build.h"
#include "tests/support/paths.h"
#include "tests/support/python.h"

using namespace compress;
using namespace compress::test;

namespace {

struct RuleModel {
  std::string op;        ///< of the rule
  std::string lines;     ///< of the graph, between "a", the result of a Conv, and "z", what a Conv reads
  int64_t channels = 4;  ///< of "z"
};

const std::string kDense =
    "f = Flatten(a)\nconst g: float32[256, 64]\nconst c: float32[64]\nh = Gemm(f, g, c)\nconst s: int64[4] = 1, 4, 4, "
    "4\nz = Reshape(h, s)";

/// Each rule's node stands between two Convs, as it does in networks.
const std::vector<RuleModel> kModels = {
    {"Conv", "z = Conv[pads=[1, 1, 1, 1]](a, w)"},
    {"MatMul", "const p: float32[8, 8]\nz = MatMul(a, p)"},
    {"Add", "b = Conv[pads=[1, 1, 1, 1]](a, w)\nz = Add(a, b)"},
    {"Mul", "b = Conv[pads=[1, 1, 1, 1]](a, w)\nz = Mul(a, b)"},
    {"AveragePool", "z = AveragePool[kernel_shape=[2, 2]](a)"},
    {"GlobalAveragePool", "z = GlobalAveragePool(a)"},
    {"LeakyRelu", "z = LeakyRelu[alpha=0.1](a)"},
    {"Concat", "b = Conv[pads=[1, 1, 1, 1]](a, w)\nz = Concat[axis=2](a, b)"},
    {"MaxPool", "z = MaxPool[kernel_shape=[2, 2]](a)"},
    {"Reshape", "const s: int64[4] = 1, 4, 4, 16\nz = Reshape(a, s)"},
    {"Squeeze", "const s: int64[1] = 0\nq = Squeeze(a, s)\nz = Unsqueeze(q, s)"},
    {"Unsqueeze", "const s: int64[1] = 0\nq = Squeeze(a, s)\nz = Unsqueeze(q, s)"},
    {"Expand", "const s: int64[4] = 2, 4, 8, 8\nz = Expand(a, s)"},
    {"Tile", "const s: int64[4] = 1, 1, 2, 1\nz = Tile(a, s)"},
    {"DepthToSpace", "j = Concat[axis=1](a, a, a, a)\nz = DepthToSpace[blocksize=2](j)"},
    {"SpaceToDepth", "z = SpaceToDepth[blocksize=2](a)", 16},
    {"Pad", "const s: int64[8] = 0, 0, 1, 1, 0, 0, 1, 1\nz = Pad(a, s)"},
    {"Identity", "z = Identity(a)"},
    {"Flatten", kDense},
    {"Gemm", kDense},
    {"Transpose", "z = Transpose[perm=[0, 1, 3, 2]](a)"},
    {"Slice", "const f: int64[1] = 0\nconst t: int64[1] = 4\nconst d: int64[1] = 2\nz = Slice(a, f, t, d)"},
    {"Resize",
     "const e: float32[0]\nconst r: float32[4] = 1, 1, 2, 2\nz = Resize[mode=\"nearest\", "
     "coordinate_transformation_mode=\"asymmetric\", nearest_mode=\"floor\"](a, e, r)"},
};

std::string modelText(const RuleModel& rule) {
  return text(
      "opset 13\nir 8\ninput x: float32[1, 4, 8, 8]\nconst v: float32[4, 4, 3, 3]\nconst w: float32[4, 4, 3, 3]\nconst "
      "u: float32[",
      rule.channels, ", ", rule.channels, ", 1, 1]\na = Conv[pads=[1, 1, 1, 1]](x, v)\n", rule.lines,
      "\nvalue y: float32[A, B, C, D]\ny = Conv(z, u)\noutput y\n");
}

void quantizeInto(Model& model, const std::string& target) {
  const auto backend = makeReferenceBackend();
  const auto data = randomDataset(inputSpecs(model), 8, 1);
  PassContext context{*backend, 1, 0, data.get(), [](std::string_view) {}, {}, {}};
  QuantizeOptions options;
  options.target = target;
  options.level = 1;
  REQUIRE(Quantize(options).run(model, context) > 0);
}

}  // namespace

TEST_CASE("every rule has its smallest model", "[quantize]") {
  for (const QuantizeRule& rule : quantizeRules("portable")) {
    CAPTURE(rule.op);
    CHECK(std::ranges::any_of(kModels, [&](const RuleModel& model) { return model.op == rule.op; }));
  }
}

TEST_CASE("each rule becomes in ONNX Runtime what the table says", "[quantize][interop]") {
  if (!python()) {
    WARN("skipped: COMPRESS_TEST_PYTHON names no interpreter");
    return;
  }
  const TemporaryDirectory folder;
  std::ofstream list(folder.path() / "list.txt");
  for (const std::string target : {"portable", "ort-x86"}) {
    for (const RuleModel& rule : kModels) {
      CAPTURE(target, rule.op);
      Model model = buildModel(modelText(rule));
      const auto plain = folder.path() / (rule.op + ".onnx"),
                 quantized = folder.path() / (rule.op + "." + target + ".onnx");
      writeModel(model, plain, {.overwrite = true});
      quantizeInto(model, target);
      writeModel(model, quantized);
      Node node;
      node.op = rule.op;
      const QuantizeRule* found = findRule(target, node);
      REQUIRE(found != nullptr);
      // Layout transformation renames a pool that runs on channels last.
      list << plain.string() << '\t' << quantized.string() << '\t'
           << (rule.op == "MaxPool" ? "NhwcMaxPool" : std::string(found->becomes)) << '\n';
    }
  }
  list.close();
  const ScriptResult result = runScript("quantize_rules.py", {(folder.path() / "list.txt").string()});
  INFO(result.output);
  CHECK(result.exitCode == 0);
}
