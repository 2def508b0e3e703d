// --fail-if: what is understood, what is refused, and what was not measured.
#include "lib/eval/conditions.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "lib/base/text.h"
#include "tests/support/errors.h"

using namespace compress;
using compress::test::errorOf;

namespace {

nlohmann::ordered_json document() {
  return nlohmann::ordered_json::parse(R"({
    "models": [{"id": "before", "bytes": 1000, "params": 50}, {"id": "after", "bytes": 400, "params": 50}],
    "accuracy": [{"model": "before", "metric": "top1", "value": 0.80, "higher_is_better": true},
                 {"model": "after", "metric": "top1", "value": 0.79, "higher_is_better": true},
                 {"model": "before", "metric": "mse", "value": 1.0, "higher_is_better": false},
                 {"model": "after", "metric": "mse", "value": 1.5, "higher_is_better": false}],
    "drift": {"sqnr_db": 25.5, "cosine": null},
    "latency": [{"model": "before", "p50_ms": 4.0}, {"model": "after", "p50_ms": 2.0}],
    "compare": {"speedup": 2.0, "speedup_ci95": [1.8, 2.2]}})");
}

/// "passed", or why not.
std::string judged(std::string_view condition) {
  const GateResult gate = judgeCondition(parseCondition(condition), document(), false);
  CHECK(gate.name == "fail-if");
  CHECK(gate.level == "error");
  CHECK(gate.limit == condition);
  return gate.passed ? "passed" : gate.why;
}

constexpr const char* kHolds = "the condition holds";

}  // namespace

TEST_CASE("conditions compare fields of the report", "[gates]") {
  for (const char* holding :
       {"sqnr_db<26", "sqnr_db <= 25.5dB", "sqnr_db>=25.5", "sqnr_db==25.5", "sqnr_db != 25", "size_bytes<1kB",
        "size_ratio>0.3", "size_ratio>30%", "size_ratio == 0.4", "params_ratio>=1", "p50_ms<3ms", "p50_ms<2.5",
        "p50_ms<1s", "speedup>1.9", "speedup_low<1.9", "top1<80%", "top1<80pt", "top1<0.8", "mse>1"})
    CHECK(judged(holding) == kHolds);
  for (const char* passing : {"sqnr_db<20", "size_bytes>0.4KiB", "size_ratio>0.5", "p50_ms>2", "speedup<2"})
    CHECK(judged(passing) == "passed");
}

TEST_CASE("a drop is measured in the metric's good direction, a share of it relative to before", "[gates]") {
  CHECK(judged("top1_drop>0.5pt") == kHolds);
  CHECK(judged("top1_drop>1.5pt") == "passed");
  CHECK(judged("top1_drop>0.5%") == kHolds);
  CHECK(judged("top1_drop>1.3%") == "passed");
  CHECK(judged("top1_drop>1.2%") == kHolds);
  CHECK(judged("mse_drop>0.4") == kHolds);
  CHECK(judged("mse_drop>0.6") == "passed");
}

TEST_CASE("terms joined by and must all hold", "[gates]") {
  CHECK(judged("sqnr_db<26 and size_ratio>0.3") == kHolds);
  CHECK(judged("sqnr_db<26 and size_ratio>0.5") == "passed");
}

TEST_CASE("what was not measured fails the gate", "[gates]") {
  CHECK(judged("top5<0.5") == "not measured: top5");
  CHECK(judged("cosine<0.9") == "not measured: cosine");
  CHECK(judged("macs_ratio>0.5") == "not measured: macs_ratio");
  CHECK(judged("sqnr_db<20 and top5_drop>0") == "not measured: top5_drop");
  CHECK(judgeCondition(parseCondition("top1<0.5"), nlohmann::ordered_json::object(), true).level == "warn");
}

TEST_CASE("bad conditions are refused, unknown fields with near names", "[gates]") {
  for (const char* bad :
       {"", "sqnr_db", "sqnr_db<", "sqnr_db<nan", "sqnr_db<inf", "sqnr_db=<3", "<3", "sqnr_db<3 or x<2",
        "sqnr_db<3 and", "sqnr_db<3 size_ratio<2", "size_bytes<3ms", "p50_ms<3pt", "sqnr_db<3;rm"}) {
    CAPTURE(bad);
    const auto error = errorOf([&] { parseCondition(bad); });
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::usage);
  }
  const auto error = errorOf([] { parseCondition("sqnr_bd<3"); });
  REQUIRE(error);
  CHECK(error->message() == "--fail-if 'sqnr_bd<3': no field is called 'sqnr_bd'");
  CHECK(error->hint().starts_with("near: sqnr_db"));
}

TEST_CASE("every field that is listed is understood", "[gates]") {
  for (const std::string& field : conditionFields()) CHECK(parseCondition(field + " > 1").terms[0].field == field);
}

TEST_CASE("conditions on metrics are known as such", "[gates]") {
  CHECK(readsMetric(parseCondition("size_ratio>1 and top1_drop>0")));
  CHECK_FALSE(readsMetric(parseCondition("size_ratio>1 and sqnr_db<3")));
  CHECK_FALSE(readsMetric(parseCondition("metric_cmd<3")));
}
