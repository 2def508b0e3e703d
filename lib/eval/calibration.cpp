#include "lib/eval/calibration.h"

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/eval/sample_hash.h"
#include "lib/runtime/session.h"

namespace compress {
namespace {

std::string hex(uint64_t value) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(value));
  return digits;
}

/// What one thread has seen so far.
struct Partial {
  std::unique_ptr<Session> session;
  Bindings bindings;
  std::vector<Histogram> histograms;
  uint64_t dataHash = 0;
};

std::span<const float> floatsOf(const Buffer& buffer) {
  return buffer.dtype() == DType::f32 ? buffer.as<float>() : std::span<const float>();
}

/// Names split by where they are found: among the model's inputs, its outputs, or by observing.
struct Watch {
  std::vector<std::string> names;
  std::vector<std::string> observed;
  std::vector<int> fromInput;   ///< index of the model input, or -1
  std::vector<int> fromOutput;  ///< index in bindings.outputs, or -1
};

Watch plan(const Model& model, std::span<const std::string> names) {
  Watch watch{{names.begin(), names.end()}, {}, {}, {}};
  const auto inputs = model.graph.runtimeInputs();
  const auto& outputs = model.graph.outputs();
  const auto indexIn = [&](const std::vector<ValueId>& ids, const std::string& name) {
    for (size_t i = 0; i < ids.size(); ++i)
      if (model.graph.value(ids[i]).name == name) return static_cast<int>(i);
    return -1;
  };
  for (const std::string& name : names) {
    watch.fromInput.push_back(indexIn(inputs, name));
    int output = watch.fromInput.back() >= 0 ? -1 : indexIn(outputs, name);
    if (watch.fromInput.back() < 0 && output < 0) {
      output = static_cast<int>(outputs.size() + watch.observed.size());
      watch.observed.push_back(name);
    }
    watch.fromOutput.push_back(output);
  }
  return watch;
}

void addSample(Partial& partial, const Watch& watch, const Sample& sample) {
  partial.bindings.inputs = sample.inputs;
  partial.session->run(partial.bindings);
  partial.dataHash += hashOf(sample);
  for (size_t i = 0; i < watch.names.size(); ++i) {
    const uint64_t before = partial.histograms[i].nonFinite();
    if (watch.fromInput[i] >= 0) {
      const Tensor& input = sample.inputs[static_cast<size_t>(watch.fromInput[i])];
      if (input.dtype() == DType::f32) partial.histograms[i].add(input.as<float>());
    } else {
      partial.histograms[i].add(floatsOf(partial.bindings.outputs[static_cast<size_t>(watch.fromOutput[i])]));
    }
    if (partial.histograms[i].nonFinite() != before)
      throw Error(ErrorKind::numeric, text("value '", watch.names[i], "' holds NaN or Inf for sample ", sample.name),
                  "check the preprocessing options and the model's own float results");
  }
}

}  // namespace

std::string CalibrationTable::dataDigest() const {
  return hex(dataHash + static_cast<uint64_t>(samples));
}

void CalibrationTable::merge(const CalibrationTable& other) {
  if (preprocess != other.preprocess)
    throw Error(ErrorKind::usage, text("calibration tables were made with different preprocessing: '", preprocess,
                                       "' and '", other.preprocess, "'"));
  for (const auto& [name, histogram] : other.values)
    if (!values.contains(name))
      throw Error(ErrorKind::usage,
                  text("value '", name, "' is in one calibration table only; the tables are of different models"));
  if (values.size() != other.values.size())
    throw Error(ErrorKind::usage, "calibration tables hold different values; they are of different models");
  samples += other.samples;
  dataHash += other.dataHash;
  for (auto& [name, histogram] : values) histogram.merge(other.values.at(name));
}

std::vector<std::string> observableValues(const Model& model) {
  std::vector<std::string> names;
  for (const ValueId id : model.graph.runtimeInputs()) names.push_back(model.graph.value(id).name);
  for (const NodeId id : model.graph.order())
    for (const ValueId output : model.graph.node(id).outputs)
      if (output) names.push_back(model.graph.value(output).name);
  return names;
}

CalibrationTable calibrate(const Model& model, Backend& backend, const Dataset& dataset,
                           std::span<const std::string> names, const CalibrateOptions& options) {
  if (dataset.size() == 0)
    throw Error(ErrorKind::numeric, "the calibration data are empty", "give at least one sample");
  const Watch watch = plan(model, names);
  const int64_t workers = std::min<int64_t>(std::max(options.threads, 1), dataset.size());
  std::vector<Partial> partials(static_cast<size_t>(workers));
  for (Partial& partial : partials) {
    partial.histograms.resize(names.size());
    partial.session = std::make_unique<Session>(
        model, backend,
        SessionOptions{.threads = 1, .observed = watch.observed, .disabledFusions = {}, .observedInAnyOrder = true});
  }
  std::atomic<int64_t> next = 0;
  std::mutex telling;
  parallelFor(workers, [&](int64_t worker) {
    for (int64_t i = next++; i < dataset.size(); i = next++) {
      addSample(partials[static_cast<size_t>(worker)], watch, dataset.read(i));
      if (i % 16 == 15) {
        const std::lock_guard lock(telling);
        options.progress(i + 1);
      }
    }
  });
  CalibrationTable table{dataset.size(), 0, serialize(dataset.preprocess()), {}};
  for (const Partial& partial : partials) {
    table.dataHash += partial.dataHash;
    for (size_t i = 0; i < names.size(); ++i) table.values[names[i]].merge(partial.histograms[i]);
  }
  return table;
}

std::string toJson(const CalibrationTable& table) {
  nlohmann::ordered_json json;
  json["schema"] = "compress-calibration-1";
  json["samples"] = table.samples;
  json["data_hash"] = hex(table.dataHash);
  json["preprocess"] = table.preprocess;
  auto& values = json["values"] = nlohmann::ordered_json::object();
  for (const auto& [name, histogram] : table.values) {
    const Histogram::State state = histogram.state();
    nlohmann::ordered_json entry;
    entry["min"] = static_cast<double>(state.min);
    entry["max"] = static_cast<double>(state.max);
    entry["exponent"] = state.exponent;
    entry["non_finite"] = state.nonFinite;
    auto& bins = entry["bins"] = nlohmann::ordered_json::array();
    for (const auto& [bin, count] : state.counts) bins.push_back({bin, count});
    values[name] = std::move(entry);
  }
  return json.dump() + "\n";
}

CalibrationTable parseCalibrationTable(std::string_view source) {
  try {
    const auto json = nlohmann::json::parse(source);
    if (json.at("schema") != "compress-calibration-1")
      throw Error(ErrorKind::input, "not a calibration table: its schema is not 'compress-calibration-1'");
    CalibrationTable table{json.at("samples").get<int64_t>(),
                           std::stoull(json.at("data_hash").get<std::string>(), nullptr, 16),
                           json.at("preprocess").get<std::string>(),
                           {}};
    for (const auto& [name, entry] : json.at("values").items()) {
      Histogram::State state{entry.at("exponent").get<int>(),
                             static_cast<float>(entry.at("min").get<double>()),
                             static_cast<float>(entry.at("max").get<double>()),
                             entry.at("non_finite").get<uint64_t>(),
                             {}};
      for (const auto& bin : entry.at("bins")) {
        const int index = bin.at(0).get<int>();
        if (index < 0 || index >= Histogram::kBins)
          throw Error(ErrorKind::input, text("calibration table: value '", name, "' has bin ", index,
                                             ", expected 0 to ", Histogram::kBins - 1));
        state.counts.emplace_back(index, bin.at(1).get<uint64_t>());
      }
      table.values.emplace(name, Histogram::restore(state));
    }
    return table;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& fault) {
    throw Error(ErrorKind::input, text("not a calibration table: ", fault.what()));
  }
}

}  // namespace compress
