// run: runs the model once on given or random inputs, shows its outputs, and compares them with expected ones.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/eval/drift.h"
#include "lib/runtime/session.h"
#include "tools/input_model.h"
#include "tools/model_inputs.h"
#include "tools/precision_option.h"
#include "tools/tensor_files.h"
#include "tools/verbs.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;
using NamedTensors = std::map<std::string, Tensor>;

Json summary(const std::string& name, const Tensor& tensor) {
  Json record = {{"name", name}, {"dtype", nameOf(tensor.dtype())}, {"shape", tensor.shape().dims()}};
  if (tensor.dtype() == DType::string) return record;
  double low = INFINITY, high = -INFINITY, sum = 0;
  int64_t finite = 0;
  for (double value : toDoubles(tensor)) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
    sum += value;
    ++finite;
  }
  if (finite > 0) record.update({{"min", low}, {"max", high}, {"mean", sum / static_cast<double>(finite)}});
  record["non_finite"] = tensor.elementCount() - finite;
  return record;
}

std::string shown(const Json& record) {
  std::string line = text(displayName(record["name"].get<std::string>()), ": ", record["dtype"].get<std::string>(),
                          print(Shape(record["shape"].get<std::vector<int64_t>>())));
  if (record.contains("min"))
    line += text("  min ", record["min"].get<double>(), "  max ", record["max"].get<double>(), "  mean ",
                 record["mean"].get<double>());
  if (record.value("non_finite", int64_t{0}) > 0) line += text("  non-finite ", record["non_finite"].get<int64_t>());
  return line;
}

class Run : public Verb {
 public:
  void options(OptionVisitor& visitor) override {
    inputs_.options(visitor);
    visitor.visit(
        shapes_,
        {.name = "shape", .help = "shape of an input, as in x:1x3x32x32, repeatable", .placeholder = "NAME:SHAPE"});
    visitor.visit(expect_, {.name = "expect",
                            .help = "compare the outputs with these; exit code 1 where they differ",
                            .placeholder = "PATH"});
    visitor.visit(rtol_, {.name = "rtol", .help = "accepted difference relative to the expected value", .min = 0});
    visitor.visit(atol_, {.name = "atol", .help = "accepted difference beside it; integers must be equal", .min = 0});
    visitor.visit(
        saveOutputs_,
        {.name = "save-outputs", .help = "write the outputs there as output_0.npy, ...", .placeholder = "FOLDER"});
    visitor.visit(backend_, {.name = "backend",
                             .help = "fast kernels, or the plain loops that define each operator",
                             .choices = {"cpu", "reference"}});
    precision_.options(visitor);
  }

  int run(VerbContext& context) override {
    const bool isFast = backend_ == "cpu";
    if (!isFast && !precision_.isDefault())
      throw Error(ErrorKind::usage, "--precision and --backend reference exclude each other: the plain loops know f32 only",
                  "leave one of them out");
    InputModel input = readInputModel(context, context.operands[0]);
    setInputShapes(input.model, shapes_);
    const std::unique_ptr<Backend> backend = isFast ? precision_.makeBackend(context) : makeReferenceBackend();
    return within([&] { return input.shown; },
                  [&] {
                    Session session(input.model, *backend, {.threads = static_cast<int>(context.common.threads)});
                    Bindings bindings;
                    bindings.inputs = inputs_.read(context, input.model);
                    session.run(bindings);
                    context.budget.check();
                    return report(context, session.outputNames(), bindings.outputs);
                  });
  }

 private:
  int report(VerbContext& context, const std::vector<std::string>& names, const std::vector<Buffer>& outputs) const {
    const NamedTensors expected = expect_ ? readTensors(*expect_, names, "output") : NamedTensors{};
    int64_t mismatches = 0;
    for (size_t i = 0; i < names.size(); ++i) {
      const Tensor found = outputs[i].snapshot();
      Json record = summary(names[i], found);
      context.console.result(shown(record));
      const auto wanted = expected.find(names[i]);
      if (wanted != expected.end()) mismatches += compare(context, wanted->second, found, record);
      context.document["outputs"].push_back(std::move(record));
      if (saveOutputs_) save(context, i, found);
    }
    if (expect_)
      context.console.result(mismatches == 0
                                 ? text("equal: ", expected.size(), " outputs within rtol ", rtol_, ", atol ", atol_)
                                 : "outputs differ");
    return mismatches == 0 ? 0 : static_cast<int>(ErrorKind::negative);
  }

  int64_t compare(VerbContext& context, const Tensor& expected, const Tensor& found, Json& record) const {
    Drift drift;
    int64_t mismatches = 0;
    try {
      mismatches = countMismatches(expected, found, rtol_, atol_);
      if (expected.dtype() != DType::string) drift.add(expected, found);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::negative) throw;
      context.console.result(text("  ", error.message()));
      record["mismatches"] = {{"why", error.message()}};
      return 1;
    }
    Json worst = Json::array();
    for (const Mismatch& mismatch : drift.worst())
      worst.push_back({{"index", mismatch.index}, {"expected", mismatch.expected}, {"found", mismatch.found}});
    record["mismatches"] = {
        {"count", mismatches},         {"of", found.elementCount()},      {"max_abs", drift.maxAbs()},
        {"mean_abs", drift.meanAbs()}, {"non_finite", drift.nonFinite()}, {"worst", worst}};
    if (mismatches == 0) return 0;
    context.console.result(text("  ", mismatches, " of ", found.elementCount(), " elements differ, max ",
                                drift.maxAbs(), ", mean ", drift.meanAbs()));
    for (const Mismatch& mismatch : drift.worst())
      context.console.result(
          text("  at ", mismatch.index, ": expected ", mismatch.expected, ", found ", mismatch.found));
    return mismatches;
  }

  void save(const VerbContext& context, size_t index, const Tensor& tensor) const {
    const std::filesystem::path folder(*saveOutputs_);
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed) throw Error(ErrorKind::io, text(folder.string(), ": ", failed.message()));
    writeFileAtomically(folder / text("output_", index, ".npy"), npyFile(tensor), context.common.force);
  }

  ModelInputs inputs_;
  std::optional<std::string> expect_, saveOutputs_;
  std::vector<std::string> shapes_;
  double rtol_ = 1e-3, atol_ = 1e-5;
  std::string backend_ = "cpu";
  PrecisionOption precision_;
};

}  // namespace

VerbSpec runVerb() {
  return {.name = "run",
          .summary = "run the model once; compare its outputs with expected ones",
          .example = "--inputs test_data_set_0 --expect test_data_set_0 model.onnx",
          .operands = "MODEL",
          .groups = kReading | kComputing | kSeeded | kReporting | kForce,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<Run>(); }};
}

}  // namespace compress
