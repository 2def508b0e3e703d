// Reports: records, closing line, tables, HTML, Markdown, JUnit; hostile strings in every field.
#include "lib/eval/report.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lib/eval/report_fields.h"

using namespace compress;
using Json = nlohmann::ordered_json;

namespace {

MetricResult top1(double value, std::vector<double> samples = {}) {
  MetricResult metric;
  metric.name = "top1";
  metric.value = value;
  metric.isProportion = true;
  metric.count = static_cast<int64_t>(samples.size());
  metric.samples = std::move(samples);
  return metric;
}

SpeedMeasurement speedOf(double before, double after, double p, bool significant) {
  SpeedMeasurement speed;
  speed.before.p50 = before;
  speed.after.p50 = after;
  speed.verdict.speedup = before / after;
  speed.verdict.pValue = p;
  speed.verdict.significant = significant;
  return speed;
}

Json documentWith(const std::string& name) {
  return {{"schema", 1},
          {"command", {"compress", "quantize", name}},
          {"status", "gate_failed"},
          {"exit_code", 1},
          {"env", {{"os", name}, {"threads", 2}}},
          {"tool", {{"name", "compress"}, {"version", "0.1.0"}}},
          {"gates", Json::array({{{"name", "max-drop"},
                                  {"level", "error"},
                                  {"limit", name},
                                  {"value", name},
                                  {"passed", false},
                                  {"why", name}}})},
          {"models", Json::array({{{"id", "before"}, {"bytes", 1000000}, {"path", name}},
                                  {{"id", "after"}, {"bytes", 250000}, {"path", name}}})},
          {"passes", Json::array({{{"name", name},
                                   {"rewrites", 3},
                                   {"before", {{"bytes", 900}}},
                                   {"after", {{"bytes", 300}}},
                                   {"skipped", Json::array({{{"node", name}, {"op", name}, {"reason", name}}})}}})},
          {"latency", Json::array({{{"model", name},
                                    {"p50_ms", 1.0},
                                    {"p90_ms", 1.2},
                                    {"p99_ms", 2.0},
                                    {"distribution", {{"from_ms", 0.9}, {"to_ms", 2.1}, {"counts", {9, 0, 1}}}}}})},
          {"calibration",
           {{"histograms", Json::array({{{"name", name},
                                         {"method", name},
                                         {"range", {-1.5, 3.5}},
                                         {"clipped_share", 0.01},
                                         {"from", -2.0},
                                         {"to", 4.0},
                                         {"counts", {1, 5, 2}}}})}}},
          {"layers", Json::array({{{"name", name}, {"op", name}, {"sqnr_db_local", 30.5}, {"bytes", 12}},
                                  {{"name", "z"}, {"op", "Conv"}, {"sqnr_db_local", 10.5}, {"bytes", 99}}})},
          {"data", Json::array({{{"role", "calib"},
                                 {"path", name},
                                 {"samples", 4},
                                 {"preprocess", name},
                                 {"pictures", Json::array({{{"name", name}, {"png", "iVBORw0KGgo="}}})}}})},
          {"warnings", Json::array({{{"code", name}, {"text", name}}})}};
}

size_t countOf(std::string_view content, std::string_view part) {
  size_t count = 0;
  for (size_t at = content.find(part); at != std::string_view::npos; at = content.find(part, at + 1)) ++count;
  return count;
}

/// Is every tag closed in order? Enough of XML for what the renderers write.
bool isBalanced(std::string_view markup) {
  std::vector<std::string> open;
  static const std::vector<std::string> kVoid = {"meta", "rect", "line", "input", "img", "!doctype"};
  for (size_t at = markup.find('<'); at != std::string_view::npos; at = markup.find('<', at + 1)) {
    const size_t end = markup.find('>', at);
    if (end == std::string_view::npos) return false;
    std::string_view tag = markup.substr(at + 1, end - at - 1);
    const bool isClosed = tag.ends_with('/') || tag.starts_with('?'), closes = tag.starts_with('/');
    if (closes) tag.remove_prefix(1);
    const std::string name(tag.substr(0, tag.find_first_of(" /\n")));
    if (closes) {
      if (open.empty() || open.back() != name) return false;
      open.pop_back();
    } else if (!isClosed && std::find(kVoid.begin(), kVoid.end(), name) == kVoid.end()) {
      open.push_back(name);
    }
  }
  return open.empty();
}

}  // namespace

TEST_CASE("the closing line's measures", "[report]") {
  const MetricResult before = top1(0.7188), after = top1(0.7152);
  const SpeedMeasurement fast = speedOf(4.81, 2.02, 0.004, true), same = speedOf(0.5, 0.501, 0.4, false);
  CHECK(closingMeasures(&before, &after, &fast) ==
        "top1 71.88 -> 71.52 (-0.36 pt)  p50 4.81 -> 2.02 ms (2.38x, p<0.01)");
  CHECK(closingMeasures(nullptr, nullptr, nullptr) == "accuracy -  p50 -");
  CHECK(closingMeasures(&before, &before, &same) == "top1 71.88 -> 71.88 (+0.00 pt)  p50 0.500 -> 0.501 ms (~)");
  MetricResult psnr;
  psnr.name = "psnr";
  psnr.unit = "dB";
  psnr.value = 24.15;
  CHECK(closingMeasures(&psnr, &psnr, nullptr) == "psnr 24.1500 -> 24.1500 (+0.0000 dB)  p50 -");
}

TEST_CASE("records hold flips, McNemar's p and no NaN", "[report]") {
  const std::vector<MetricResult> before = {top1(0.5, {1, 1, 0, 0})}, after = {top1(0.5, {1, 0, 1, 0})};
  const Json entries = accuracyToJson("after", after, &before);
  REQUIRE(entries.size() == 1);
  CHECK(entries[0]["flips"] == 2);
  CHECK(entries[0]["lost"] == 1);
  CHECK(entries[0]["mcnemar_p"] == 1.0);
  CHECK(accuracyToJson("x", {top1(std::nan(""))}, nullptr)[0]["value"].is_null());
  OutputDrift output;
  output.name = "y";
  output.drift.add(Tensor::of<float>(Shape{1, 2}, std::vector<float>{1, 2}),
                   Tensor::of<float>(Shape{1, 2}, std::vector<float>{1, 2}));
  const Json verify = verifyToJson({output});
  CHECK(verify["max_abs"] == 0);
  CHECK(verify["sqnr_db"].is_null());  // infinite: nothing differs
  CHECK(verify["argmax_agree_pct"] == 100);
}

TEST_CASE("tables align numbers to the right and show names safely", "[report]") {
  CHECK(renderTable({"name", "n"}, {{"a", "1"}, {"bbbb\x1B", "100"}}) ==
        "name        n\na           1\nbbbb\\x1B  100\n");
}

TEST_CASE("the text report shows the sections that the document has", "[report]") {
  const std::string shown = renderText(documentWith("layer\x1B[31m"));
  CHECK(shown.find("Gates") == 0);
  CHECK(shown.find("Passes") != std::string::npos);
  CHECK(shown.find('\x1B') == std::string::npos);
  CHECK(renderText(Json::object()).empty());
}

TEST_CASE("the HTML report is one closed page whatever the names are", "[report][hostile]") {
  for (const std::string& name : {std::string("</script><script>alert(1)</script>"),
                                  std::string("\"><img src=x onerror=y>"), std::string("\x1B]8;;x\x07"),
                                  std::string("\xE2\x80\xAE"
                                              "x"),
                                  std::string("\xFF\xFE"), std::string("::error::x"), std::string("plain")}) {
    CAPTURE(name);
    const std::string page = renderHtml(documentWith(name));
    CHECK(isBalanced(page));
    CHECK(countOf(page, "<script") == 1);
    CHECK(countOf(page, "<img") == 1);
    CHECK(countOf(page, "onerror=y>") == 0);
    CHECK(page.find("http://") == std::string::npos);
    CHECK(page.find("https://") == std::string::npos);
    CHECK(page.find("Content-Security-Policy") != std::string::npos);
    for (const char c : page) CHECK_FALSE((static_cast<unsigned char>(c) < 0x20 && c != '\n'));
    CHECK(page.find("\xE2\x80\xAE") == std::string::npos);
  }
  const std::string page = renderHtml(documentWith("plain"));
  for (const char* part :
       {"missed", "1.0 MB → 250.0 kB", "-75.0 %", "Size pass by pass", "Left as it was", "Environment",
        "To do it again", "Samples, as the model sees them", "the tensors that are cut most",
        "how often each time came", "data:image/png;base64,iVBORw0KGgo=", "compress quantize plain"})
    CHECK(page.find(part) != std::string::npos);
  // Sorted by SQNR: the worst layer comes first; by bytes as well, here the same one.
  CHECK(page.find("<td>z</td>") < page.find("<td>plain</td><td>plain</td><td></td>"));
}

TEST_CASE("the HTML report stays small for a thousand layers", "[report]") {
  Json document = documentWith("m");
  for (int i = 0; i < 3000; ++i)
    document["layers"].push_back({{"name", "/backbone/block/layer/Conv_" + std::to_string(i)},
                                  {"op", "Conv"},
                                  {"sqnr_db_local", i * 0.01},
                                  {"bytes", i}});
  const std::string page = renderHtml(document);
  CHECK(page.size() < 2'000'000);
  CHECK(page.find("2002 more are in the JSON report") != std::string::npos);
}

TEST_CASE("the HTML report stays below 2 MB whatever the names are", "[report][hostile]") {
  const std::string name(300, '"');
  Json document = documentWith(name);
  for (int i = 0; i < 1000; ++i)
    document["layers"].push_back({{"name", name}, {"op", name}, {"reason_kept_float", name}, {"bytes", i}});
  for (int i = 0; i < 100; ++i)
    document["data"][0]["pictures"].push_back({{"name", name}, {"png", std::string(16'000, 'A')}});
  const std::string page = renderHtml(document);
  CHECK(page.size() < 2'000'000);
  CHECK(isBalanced(page));
}

TEST_CASE("pictures in a report are data of pictures and nothing else", "[report][hostile]") {
  Json document = documentWith("plain");
  document["data"][0]["pictures"] =
      Json::array({{{"name", "a"}, {"png", "x\" onload=\"y"}}, {{"name", "b"}, {"png", "<7>"}}, 3, nullptr});
  const std::string page = renderHtml(document);
  CHECK(countOf(page, "<img") == 0);
  CHECK(isBalanced(page));
}

TEST_CASE("documents of any shape are rendered without a throw", "[report][hostile]") {
  for (const Json& document :
       {Json::array(), Json(nullptr), Json("x"), Json{{"gates", 3}, {"models", {{"a", 1}}}, {"layers", {1, 2}}},
        Json{{"passes", Json::array({nullptr, 1, "x"})}, {"command", {1, 2}}},
        Json{{"latency", Json::array({{{"p99_ms", "x"}}, {{"p99_ms", -5}}})}},
        Json{{"models", Json::array({{{"id", "before"}, {"bytes", 1e300}}})}},
        Json{{"latency", Json::array({{{"distribution", {{"from_ms", 2}, {"to_ms", 1}, {"counts", {"x"}}}}}})}},
        Json{{"data", {{"pictures", 1}}}, {"calibration", {{"histograms", {1, {{"range", {"a", 2}}}}}}}}}) {
    CAPTURE(document.dump());
    CHECK_NOTHROW(renderText(document));
    CHECK(isBalanced(renderHtml(document)));
    CHECK_NOTHROW(renderMarkdown(document));
    CHECK(isBalanced(renderJunit(document)));
    CHECK_NOTHROW(renderCsv(document));
    CHECK_NOTHROW(renderPrometheus(document));
    CHECK_NOTHROW(renderSarif(document));
  }
}

TEST_CASE("Markdown keeps to 60 lines and holds no markup from names", "[report]") {
  Json document = documentWith("a|b<i>\n# x");
  for (int i = 0; i < 100; ++i)
    document["passes"][0]["skipped"].push_back({{"node", "n"}, {"op", "o"}, {"reason", "r"}});
  const std::string shown = renderMarkdown(document);
  CHECK(std::ranges::count(shown, '\n') <= 60);
  CHECK(shown.find("<i>") == std::string::npos);
  CHECK(shown.find("\n# x") == std::string::npos);
}

TEST_CASE("JUnit: one case per gate, failures counted", "[report]") {
  Json document = documentWith("<&>");
  document["gates"].push_back({{"name", "max-size"},
                               {"level", "warn"},
                               {"limit", "1 kB"},
                               {"value", "2 kB"},
                               {"passed", false},
                               {"why", "too large"}});
  document["gates"].push_back(
      {{"name", "min-metric"}, {"level", "error"}, {"limit", "x"}, {"value", "y"}, {"passed", true}, {"why", ""}});
  const std::string xml = renderJunit(document);
  CHECK(isBalanced(xml));
  CHECK(xml.find("tests=\"3\" failures=\"1\" errors=\"0\"") != std::string::npos);
  CHECK(countOf(xml, "<testcase") == 3);
  CHECK(countOf(xml, "<failure") == 1);
}

TEST_CASE("Markdown fits into a comment however long and hostile the names are", "[report]") {
  Json document = documentWith(std::string(500, ':'));
  for (int i = 0; i < 1000; ++i)
    document["passes"][0]["skipped"].push_back(
        {{"node", std::string(300, '@')}, {"op", std::string(300, '<')}, {"reason", std::string(300, '&')}});
  for (int i = 0; i < 20; ++i) document["gates"].push_back(document["gates"][0]);
  const std::string shown = renderMarkdown(document);
  CHECK(std::ranges::count(shown, '\n') <= 60);
  CHECK(shown.size() < 64'000);
  CHECK(countOf(shown, "<details>") == countOf(shown, "</details>"));
  CHECK(countOf(shown, "<details>") > 0);
}

TEST_CASE("CSV: one row per layer, numbers as they are, formulas defused", "[report]") {
  Json document = documentWith("=cmd|' /C calc'!A0");
  document["layers"][1]["sqnr_db_local"] = -3.5;
  const std::string csv = renderCsv(document);
  CHECK(std::ranges::count(csv, '\n') == 3);
  CHECK(csv.starts_with("model,name,op,dtype,kernel,bytes,macs,ms,"));
  CHECK(csv.find(",\"'=cmd|' /C calc'!A0\",") != std::string::npos);
  CHECK(csv.find("\n,z,Conv,,,99,,,,,,-3.5,") != std::string::npos);
}

TEST_CASE("Prometheus: gauges with escaped labels, nothing for what was not measured", "[report]") {
  Json document = documentWith("a\"b\\c\nd");
  const std::string text = renderPrometheus(document);
  CHECK(text.find(
            "# TYPE compress_model_bytes gauge\ncompress_model_bytes{model=\"before\",path=\"a\\\"b\\\\c\\\\x0Ad\"} "
            "1e+06\n") != std::string::npos);
  CHECK(text.find("quantile=\"0.99\"} 0.002\n") != std::string::npos);
  CHECK(text.find("compress_exit_code{verb=\"quantize\"} 1\n") != std::string::npos);
  CHECK(text.find("compress_gate_met{") != std::string::npos);
  CHECK(text.find("nan") == std::string::npos);
  CHECK(text.find("compress_metric") == std::string::npos);
  CHECK(text.ends_with('\n'));
}

TEST_CASE("SARIF: warnings and the error of a check, with place and rule", "[report]") {
  Json document = {{"tool", {{"version", "1"}}},
                   {"check", {{"path", "a b/m.onnx"}}},
                   {"warnings", Json::array({{{"code", "W-INPUT"}, {"text", "odd\x1B"}, {"node", "<n>"}}})},
                   {"error", {{"code", "E-INPUT"}, {"text", "cut short"}}}};
  const Json run = Json::parse(renderSarif(document))["runs"][0];
  REQUIRE(run["results"].size() == 2);
  CHECK(run["results"][0]["level"] == "warning");
  CHECK(run["results"][0]["message"]["text"] == "odd\\x1B");
  CHECK(run["results"][0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "<n>");
  CHECK(run["results"][1]["ruleId"] == "E-INPUT");
  CHECK(run["results"][1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/m.onnx");
  CHECK(run["tool"]["driver"]["rules"].size() == 2);
  CHECK(run["invocations"][0]["executionSuccessful"] == true);
  document["error"]["code"] = "E-IO";
  const Json failed = Json::parse(renderSarif(document))["runs"][0];
  CHECK(failed["results"].size() == 1);
  CHECK(failed["invocations"][0]["executionSuccessful"] == false);
}
