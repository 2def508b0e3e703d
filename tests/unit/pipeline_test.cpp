// The pipeline: what is kept, what is dropped and why, and what is recorded.
#include "lib/pass/pipeline.h"

#include <catch2/catch.hpp>

#include <limits>

#include "lib/base/error.h"
#include "lib/ir/print.h"
#include "tests/support/build.h"
#include "tests/support/passes.h"

using namespace compress;

namespace {

constexpr std::string_view kModel = R"(
input x: float32[1, 3]
const w: float32[3] = 1, 2, 3
a = Identity(x)
y = Mul(a, w)
output y
)";

/// Does to the model what it is told.
class Scripted : public Pass {
 public:
  explicit Scripted(std::function<int64_t(Model&, PassContext&)> script) : script_(std::move(script)) {}
  int64_t run(Model& model, PassContext& context) override { return script_(model, context); }

 private:
  std::function<int64_t(Model&, PassContext&)> script_;
};

PipelineStep scripted(bool lossless, std::function<int64_t(Model&, PassContext&)> script) {
  return {"scripted", lossless, std::make_unique<Scripted>(std::move(script))};
}

/// Replaces the weights by `value` three times.
PipelineStep setWeights(bool lossless, float value) {
  return scripted(lossless, [value](Model& model, PassContext&) {
    const std::vector<float> values(3, value);
    model.graph.setConstant(model.graph.findValue("w"), Tensor::of<float>({3}, values));
    return int64_t{1};
  });
}

struct Run {
  std::unique_ptr<Backend> backend = makeReferenceBackend();
  PassContext context{*backend, 1, 0, nullptr, [](std::string_view) {}, {}, {}};
  Model model = test::buildModel(kModel);

  std::vector<PassRecord> operator()(std::vector<PipelineStep> steps, const PipelineOptions& options = {}) {
    return runPipeline(model, std::move(steps), context, options);
  }
  PassRecord operator()(PipelineStep step, const PipelineOptions& options = {}) {
    std::vector<PipelineStep> steps;
    steps.push_back(std::move(step));
    return (*this)(std::move(steps), options).at(0);
  }
};

}  // namespace

TEST_CASE("passes run in order, each on the result of the one before", "[pipeline]") {
  Run run;
  std::vector<PipelineStep> steps;
  steps.push_back(makeStep(test::findPass("remove-no-ops")));
  steps.push_back(makeStep(test::findPass("remove-no-ops")));
  const auto records = run(std::move(steps));
  REQUIRE(records.size() == 2);
  CHECK(records[0].name == "remove-no-ops");
  CHECK(records[0].status == PassRecord::Status::applied);
  CHECK(records[0].changes == 1);
  CHECK(records[0].nodesBefore == 2);
  CHECK(records[0].nodesAfter == 1);
  REQUIRE(records[0].drift.size() == 1);
  CHECK(records[0].drift[0].drift.maxAbs() == 0);
  CHECK(records[1].status == PassRecord::Status::unchanged);
  CHECK(records[1].drift.empty());
  CHECK(print(run.model.graph) == "y = Mul(x, w)\n");
}

TEST_CASE("a lossless pass that changes outputs is dropped, and the next goes on", "[pipeline]") {
  Run run;
  std::vector<PipelineStep> steps;
  steps.push_back(setWeights(true, 5));
  steps.push_back(makeStep(test::findPass("remove-no-ops")));
  const Model before = run.model;
  const auto records = run(std::move(steps));
  CHECK(records[0].status == PassRecord::Status::dropped);
  CHECK(records[0].changes == 1);
  CHECK_FALSE(records[0].why.empty());
  CHECK(records[1].status == PassRecord::Status::applied);
  CHECK(run.model.graph.constant(run.model.graph.findValue("w"))->as<float>()[2] == 3);
}

TEST_CASE("a lossy pass may change outputs, but not to nothing", "[pipeline]") {
  CHECK(Run()(setWeights(false, 5)).status == PassRecord::Status::applied);
  CHECK(Run()(setWeights(false, std::numeric_limits<float>::quiet_NaN())).status == PassRecord::Status::dropped);
  CHECK(Run()(setWeights(false, 0)).status == PassRecord::Status::dropped);
}

TEST_CASE("a pass that leaves an unsound graph is dropped", "[pipeline]") {
  Run run;
  const PassRecord record = run(scripted(true, [](Model& model, PassContext&) {
    model.graph.clearConstant(model.graph.findValue("w"));
    return int64_t{1};
  }));
  CHECK(record.status == PassRecord::Status::dropped);
  CHECK(record.why.find("not a sound graph") != std::string::npos);
  CHECK(run.model.graph.constant(run.model.graph.findValue("w")) != nullptr);
}

TEST_CASE("a pass whose result does not run is dropped, a model that does not run is refused", "[pipeline]") {
  const auto useUnknownOp = [](Model& model, PassContext&) {
    model.graph.setOp(model.graph.findNode("y"), "Unknown", "nowhere");
    return int64_t{1};
  };
  const PassRecord record = Run()(scripted(true, useUnknownOp));
  CHECK(record.status == PassRecord::Status::dropped);
  CHECK(record.why.find("does not run") != std::string::npos);

  Run refused;
  refused.model.graph.setOp(refused.model.graph.findNode("y"), "Unknown", "nowhere");
  try {
    refused(makeStep(test::findPass("remove-no-ops")));
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::unsupported);
  }
  PipelineOptions structureOnly;
  structureOnly.compareOutputs = false;
  CHECK(refused(makeStep(test::findPass("remove-no-ops")), structureOnly).status == PassRecord::Status::applied);
}

TEST_CASE("what a pass says is moved to its record", "[pipeline]") {
  Run run;
  const PassRecord record = run(scripted(true, [](Model&, PassContext& context) {
    context.skipped.push_back({"y", "Mul", "because"});
    context.warnings.push_back({"W-TEST", "text", "y"});
    return int64_t{0};
  }));
  CHECK(record.skipped.at(0).reason == "because");
  CHECK(record.warnings.at(0).code == "W-TEST");
  CHECK(run.context.skipped.empty());
  CHECK(run.context.warnings.empty());
}

TEST_CASE("an error of a pass carries its name", "[pipeline]") {
  Run run;
  CHECK_THROWS_WITH(run(scripted(true, [](Model&, PassContext&) -> int64_t { throw Error(ErrorKind::usage, "no"); })),
                    "pass 'scripted': no");
}

TEST_CASE("a model of IR 3 becomes IR 4 when a pass adds an initializer", "[pipeline]") {
  Run run;
  run.model.irVersion = 3;
  run.model.graph.addInput(run.model.graph.findValue("w"));
  run(makeStep(test::findPass("remove-no-ops")));
  CHECK(run.model.irVersion == 3);
  run(scripted(true, [](Model& model, PassContext&) {
    model.graph.addConstant("new", Tensor::scalar(1.0F));
    return int64_t{1};
  }));
  CHECK(run.model.irVersion == 4);
}

TEST_CASE("constants that share memory count once", "[pipeline]") {
  Model model = test::buildModel(kModel);
  CHECK(constantBytes(model) == 12);
  const Tensor shared = *model.graph.constant(model.graph.findValue("w"));
  model.graph.addConstant("again", shared);
  CHECK(constantBytes(model) == 12);
}

namespace {

constexpr int64_t kLittleMemory = 8 << 20;

PassRecord removeNoOps(const char* model, PassRecord::Status expected) {
  Run run;
  run.model = test::buildModel(model);
  PassRecord record = run(makeStep(test::findPass("remove-no-ops")), {.memoryBytes = kLittleMemory, .sizeOf = {}});
  CAPTURE(record.why);
  CHECK(record.status == expected);
  return record;
}

}  // namespace

TEST_CASE("outputs of models with huge declared inputs are compared at smaller ones", "[pipeline]") {
  const PassRecord record = removeNoOps(R"(
input x: float32[1048576, 64]
input z: float32[1048576, 1]
const w: float32[64, 3]
a = Identity(x)
b = MatMul(a, w)
y = Add(b, z)
output y: float32[1048576, 3]
)",
                                        PassRecord::Status::applied);
  REQUIRE(record.drift.size() == 1);
  CHECK(record.comparedAt == "x: float32[4096, 64], z: float32[4096, 1]");
}

TEST_CASE("what cannot be compared within the memory is dropped, and says what it would need", "[pipeline]") {
  const PassRecord record = removeNoOps(R"(
input x: float32[1048576, 64]
const shape: int64[1] = 67108864
a = Identity(x)
y = Reshape(a, shape)
output y
)",
                                        PassRecord::Status::dropped);
  CHECK(record.why.find("not verified numerically: would need 4.") == 0);
  CHECK(record.drift.empty());
}

TEST_CASE("a fault that shows at smaller inputs is told with the shortage", "[pipeline]") {
  Run run;
  run.model = test::buildModel("input x: float32[1048576, 3]\nconst w: float32[3] = 1, 2, 3\ny = Mul(x, w)\noutput y\n");
  const PassRecord record = run(setWeights(true, 5), {.memoryBytes = kLittleMemory, .sizeOf = {}});
  CHECK(record.status == PassRecord::Status::dropped);
  CHECK(record.why.find("would need") != std::string::npos);
  CAPTURE(record.why);
  CHECK(record.why.find("at x: float32[32768, 3]: output 'y': cosine") != std::string::npos);
}

TEST_CASE("open dimensions get a size at which the model has a result", "[pipeline]") {
  const PassRecord record = removeNoOps(R"(
input x: float32[N, 2, H, W]
const w: float32[4, 2, 7, 7]
a = Identity(x)
y = Conv(a, w)
output y
)",
                                        PassRecord::Status::applied);
  REQUIRE(record.drift.size() == 1);
  CHECK(record.drift[0].drift.count() == 4 * 4 * 2 * 2);
  CHECK(record.comparedAt.empty());
}
