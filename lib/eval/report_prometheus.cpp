// The figures of a run in Prometheus's text format, for node_exporter's textfile collector.
#include <cmath>
#include <nlohmann/json.hpp>

#include "lib/base/escape.h"
#include "lib/base/text.h"
#include "lib/eval/report.h"
#include "lib/eval/report_fields.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;
using Labels = std::vector<std::pair<std::string_view, std::string>>;

/// Samples of one metric, all gauges.
class Family {
 public:
  Family(std::string_view name, std::string_view help) : name_(name), help_(help) {}

  /// Nothing for NaN: what was not measured is absent.
  void add(const Labels& labels, double value) {
    if (std::isnan(value)) return;
    std::string inside;
    for (const auto& [key, content] : labels)
      inside += text(inside.empty() ? "" : ",", key, "=\"", escapePrometheus(content), '"');
    lines_ += text("compress_", name_, '{', inside, "} ", value, '\n');
  }
  std::string shown() const {
    if (lines_.empty()) return {};
    return text("# HELP compress_", name_, ' ', help_, "\n# TYPE compress_", name_, " gauge\n", lines_);
  }

 private:
  std::string_view name_, help_;
  std::string lines_;
};

std::string models(const Json& document) {
  Family bytes("model_bytes", "Size of the model's files."), parameters("model_parameters", "Count of parameters."),
      macs("model_macs", "Multiply-accumulates of a run.");
  for (const Json& model : items(document, "models")) {
    const Labels labels = {{"model", string(model, "id")}, {"path", string(model, "path")}};
    bytes.add(labels, number(model, "bytes"));
    parameters.add(labels, number(model, "params"));
    macs.add(labels, number(model, "macs"));
  }
  return bytes.shown() + parameters.shown() + macs.shown();
}

std::string accuracy(const Json& document) {
  Family value("metric", "Task metric over the evaluation data."),
      count("metric_samples", "Samples it was taken over.");
  for (const Json& entry : items(document, "accuracy")) {
    const Labels labels = {{"model", string(entry, "model")}, {"metric", string(entry, "metric")}};
    value.add(labels, number(entry, "value"));
    count.add(labels, number(entry, "n"));
  }
  return value.shown() + count.shown();
}

std::string latency(const Json& document) {
  Family family("latency_seconds", "Time of one run.");
  for (const Json& entry : items(document, "latency"))
    for (const auto& [key, quantile] : {std::pair{"p50_ms", "0.5"}, {"p90_ms", "0.9"}, {"p99_ms", "0.99"}})
      family.add({{"model", string(entry, "model")},
                  {"device", string(entry, "device")},
                  {"shape", string(entry, "shape")},
                  {"quantile", quantile}},
                 number(entry, key) / 1e3);
  return family.shown();
}

std::string gates(const Json& document) {
  Family family("gate_met", "1 where the gate is met, 0 where not.");
  for (const Json& gate : items(document, "gates"))
    family.add({{"gate", string(gate, "name")}, {"limit", string(gate, "limit")}, {"level", string(gate, "level")}},
               string(gate, "passed") == "true" ? 1 : 0);
  return family.shown();
}

/// Figures of the whole run.
std::string run(const Json& document) {
  const Json& command = items(document, "command");
  const Labels labels = {{"verb", command.size() > 1 && command[1].is_string() ? command[1].get<std::string>() : ""}};
  Family exitCode("exit_code", "Exit code of the run."), seconds("duration_seconds", "Time that the run took."),
      memory("peak_memory_bytes", "Largest resident size of the run."),
      speedup("speedup", "Median time before over median time after.");
  exitCode.add(labels, number(document, "exit_code"));
  seconds.add(labels, number(document, "duration_s"));
  memory.add(labels, number(member(document, "memory"), "peak_rss_bytes"));
  speedup.add(labels, number(member(document, "compare"), "speedup"));
  return exitCode.shown() + seconds.shown() + memory.shown() + speedup.shown();
}

}  // namespace

std::string renderPrometheus(const Json& document) {
  return run(document) + models(document) + accuracy(document) + latency(document) + gates(document);
}

}  // namespace compress
