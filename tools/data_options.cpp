#include "tools/data_options.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/report.h"
#include "lib/eval/run_over.h"
#include "lib/eval/thumbnail.h"
#include "lib/onnx/read.h"
#include "tools/reports.h"

namespace compress {
namespace {

constexpr int64_t kPictures = 8;

bool isConstant(std::string_view given) {
  return given.starts_with('@');
}

/// What of --input holds for calibration; where a verb does nothing else, arrays are refused.
InputPaths constantsOf(InputPaths inputs, unsigned roles) {
  std::erase_if(inputs, [&](const auto& input) {
    if (isConstant(input.second.string())) return false;
    if ((roles & DataOptions::kEvaluation) == 0)
      throw Error(ErrorKind::usage, text("--input ", displayName(input.first), ": expected NAME=@VALUE"),
                  "arrays for calibration lie in one npz, a key for each input");
    return true;
  });
  return inputs;
}

}  // namespace

void DataOptions::options(OptionVisitor& visitor, unsigned roles) {
  roles_ = roles;
  visitor.section("Data");
  if ((roles & kCalibration) != 0) {
    visitor.visit(calib, {.name = "calib",
                          .help = "samples to calibrate with: npy, npz, idx, image folder; or random",
                          .placeholder = "PATH"});
    visitor.visit(calibSamples,
                  {.name = "calib-samples", .help = "use at most this many of them", .min = 1, .placeholder = "N"});
  }
  if ((roles & kEvaluation) != 0) {
    visitor.visit(
        data, {.name = "data", .help = "samples to measure with: npy, npz, idx, image folder", .placeholder = "PATH"});
    visitor.visit(labels,
                  {.name = "labels", .help = "what is expected of them: npy, csv, txt, idx", .placeholder = "FILE"});
    visitor.visit(samples,
                  {.name = "samples", .help = "use at most this many of --data; 0: all", .min = 0, .placeholder = "N"});
    visitor.visit(
        skip,
        {.name = "skip", .help = "leave out this many samples at the head of --data", .min = 0, .placeholder = "N"});
    visitor.visit(labelOffset, {.name = "label-offset", .help = "added to every class label", .placeholder = "N"});
  }
  visitor.visit(inputs, {.name = "input",
                         .help = (roles & kEvaluation) != 0
                                     ? "samples of one model input, or as in mask=@1 one number for all, repeatable"
                                     : "one number in every element of an input, as in mask=@1, repeatable",
                         .placeholder = (roles & kEvaluation) != 0 ? "NAME=PATH" : "NAME=@VALUE",
                         .splitsAtCommas = false});
  visitor.visit(preset, {.name = "preset",
                         .help = "preprocessing by name; the options below override it",
                         .choices = {"imagenet", "tf", "cifar10", "mnist", "raw"}});
  visitor.visit(layout, {.name = "layout", .help = "axes of the source arrays", .choices = {"nhwc", "nchw"}});
  visitor.visit(
      resize,
      {.name = "resize", .help = "shorter side of images, in pixels", .min = 1, .max = 65535, .placeholder = "N"});
  visitor.visit(crop, {.name = "crop",
                       .help = "side of the square cut from the centre of images",
                       .min = 1,
                       .max = 65535,
                       .placeholder = "N"});
  visitor.visit(interp, {.name = "interp", .help = "how images are resized", .choices = {"bilinear", "bicubic"}});
  visitor.visit(scale, {.name = "scale",
                        .help = "x = (source * scale - mean) / std; 1/255 for uint8 sources, else 1",
                        .placeholder = "S"});
  visitor.visit(mean, {.name = "mean", .help = "one value, or one per channel", .placeholder = "A,B,C"});
  visitor.visit(std, {.name = "std", .help = "one value, or one per channel", .placeholder = "A,B,C"});
  visitor.visit(colorOrder, {.name = "color-order", .help = "what the model wants", .choices = {"rgb", "bgr", "gray"}});
  visitor.visit(sourceOrder, {.name = "source-order", .help = "what the source holds", .choices = {"rgb", "bgr"}});
}

bool DataOptions::hasEvaluation() const {
  return data || std::ranges::any_of(parseInputPaths(inputs),
                                     [](const auto& input) { return !isConstant(input.second.string()); });
}

PreprocessOptions DataOptions::preprocessFor(const Model& model) const {
  const PreprocessOptions told{preset, layout, resize, crop, interp, scale, mean, std, colorOrder, sourceOrder};
  const bool isTold = !preset.empty() || layout || resize || crop || interp || scale || !mean.empty() || !std.empty() ||
                      colorOrder || sourceOrder;
  const std::string* stored = model.findMetadata("compress.preprocess");
  return isTold || stored == nullptr ? told : parsePreprocess(*stored);
}

std::unique_ptr<Dataset> DataOptions::open(VerbContext& context, const Model& model, std::string_view role,
                                           const std::string& path, int64_t limit) const {
  DataSource source;
  source.path = path;
  source.limit = limit;
  source.readTensor = readTensorProto;
  source.seed = static_cast<uint64_t>(context.common.seed);
  source.inputs = parseInputPaths(inputs);
  if (role == "calib") source.inputs = constantsOf(std::move(source.inputs), roles_);
  if (role == "eval") {
    if (labels) source.labels = *labels;
    source.labelOffset = labelOffset;
    source.skip = skip;
  }
  std::unique_ptr<Dataset> dataset = openDataset(source, inputSpecs(model), preprocessFor(model));
  context.document["data"].push_back(dataToJson(role, path, *dataset, ""));
  if (wantsPage(context.common)) context.document["data"].back()["pictures"] = thumbnails(*dataset, kPictures);
  context.console.detail(text(role, " data: ", dataset->size(), " samples, ", serialize(dataset->preprocess())));
  return dataset;
}

std::unique_ptr<Dataset> DataOptions::openCalibration(VerbContext& context, const Model& model) const {
  if (!calib)
    throw Error(ErrorKind::usage, "--calib is missing: static quantization needs samples of what the model will see",
                "give --calib PATH; --calib random takes random numbers, for trials only");
  if (*calib != "random") return open(context, model, "calib", *calib, calibSamples);
  warnAs(context, "W-CALIB-RANDOM: calibrated with random numbers: ranges, and with them accuracy, mean nothing");
  std::unique_ptr<Dataset> dataset =
      randomDataset(inputSpecs(model), calibSamples, static_cast<uint64_t>(context.common.seed));
  context.document["data"].push_back(dataToJson("calib", "random", *dataset, ""));
  return dataset;
}

std::unique_ptr<Dataset> DataOptions::openLabelled(VerbContext& context, const Model& model) const {
  std::unique_ptr<Dataset> dataset = openEvaluation(context, model);
  if (!dataset->hasLabels())
    throw Error(ErrorKind::usage,
                text("--data ", displayName(data.value_or("")), " has no labels, and metrics need them"),
                "give --labels FILE");
  return dataset;
}

std::unique_ptr<Dataset> DataOptions::openEvaluation(VerbContext& context, const Model& model) const {
  if (!hasEvaluation())
    throw Error(ErrorKind::usage, "--data is missing", "give --data PATH, or --input NAME=PATH for each input");
  return open(context, model, "eval", data.value_or(""), samples);
}

InputPaths parseInputPaths(const std::vector<std::string>& words) {
  InputPaths paths;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == word.size())
      throw Error(ErrorKind::usage, text("--input: '", displayName(word), "' is not of the form NAME=PATH"));
    if (!paths.emplace(word.substr(0, equals), word.substr(equals + 1)).second)
      throw Error(ErrorKind::usage, text("--input: '", displayName(word.substr(0, equals)), "' is given twice"));
  }
  return paths;
}

}  // namespace compress
