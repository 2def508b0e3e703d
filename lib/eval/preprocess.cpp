#include "lib/eval/preprocess.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

std::string numbers(const std::vector<double>& values) {
  std::vector<std::string> parts;
  for (const double value : values) parts.push_back(text(value));
  return join(parts, ",");
}

double parseNumber(std::string_view part) {
  double value = 0;
  const auto [end, failed] = std::from_chars(part.data(), part.data() + part.size(), value);
  if (failed != std::errc() || end != part.data() + part.size() || !std::isfinite(value))
    throw Error(ErrorKind::input, text("preprocessing: '", displayName(part), "' is no finite number"));
  return value;
}

std::vector<std::string_view> split(std::string_view line, char separator) {
  std::vector<std::string_view> parts;
  while (!line.empty()) {
    const size_t end = std::min(line.find(separator), line.size());
    parts.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return parts;
}

std::vector<double> parseNumbers(std::string_view list) {
  std::vector<double> values;
  for (const std::string_view part : split(list, ',')) values.push_back(parseNumber(part));
  return values;
}

void requireChoice(std::string_view name, const std::optional<std::string>& value,
                   std::initializer_list<std::string_view> choices) {
  if (!value) return;
  std::vector<std::string> names;
  for (const std::string_view choice : choices) {
    if (*value == choice) return;
    names.emplace_back(choice);
  }
  throw Error(ErrorKind::usage, text("--", name, " ", displayName(*value), ": expected one of ", join(names, ", ")));
}

void requireExtent(std::string_view name, const std::optional<int64_t>& value) {
  if (value && (*value < 1 || *value > 65535))
    throw Error(ErrorKind::usage, text("--", name, " ", *value, ": expected 1 to 65535"));
}

void requireNumbers(std::string_view name, const std::vector<double>& values, bool positive) {
  for (const double value : values)
    if (!std::isfinite(value) || (positive && !(value > 0)))
      throw Error(ErrorKind::usage,
                  text("--", name, " ", value, ": expected ", positive ? "finite numbers above 0" : "finite numbers"));
}

void requireValid(const PreprocessOptions& options) {
  requireChoice("layout", options.layout, {"nhwc", "nchw"});
  requireChoice("interp", options.interp, {"bilinear", "bicubic"});
  requireChoice("color-order", options.colorOrder, {"rgb", "bgr", "gray"});
  requireChoice("source-order", options.sourceOrder, {"rgb", "bgr"});
  requireExtent("resize", options.resize);
  requireExtent("crop", options.crop);
  if (options.scale) requireNumbers("scale", {*options.scale}, true);
  requireNumbers("mean", options.mean, false);
  requireNumbers("std", options.std, true);
}

PreprocessOptions presetOptions(const std::string& name) {
  PreprocessOptions preset;
  if (name == "imagenet" || name == "cifar10") {
    preset.mean = {0.485, 0.456, 0.406};
    preset.std = {0.229, 0.224, 0.225};
  }
  if (name == "imagenet") {
    preset.resize = 256;
    preset.crop = 224;
  }
  if (name == "tf") {
    preset.mean = {0.5};
    preset.std = {0.5};
  }
  if (name == "mnist") {
    preset.colorOrder = "gray";
    preset.scale = 1.0 / 255;
  }
  if (name == "raw") preset.scale = 1;
  return preset;
}

}  // namespace

PreprocessOptions withPreset(PreprocessOptions options) {
  requireValid(options);
  if (options.preset.empty()) return options;
  requireChoice("preset", options.preset, {"imagenet", "tf", "cifar10", "mnist", "raw"});
  PreprocessOptions preset = presetOptions(options.preset);
  if (options.sourceOrder == "bgr") {
    std::ranges::reverse(preset.mean);
    std::ranges::reverse(preset.std);
  }
  if (!options.resize) options.resize = preset.resize;
  if (!options.crop) options.crop = preset.crop;
  if (!options.scale) options.scale = preset.scale;
  if (options.mean.empty()) options.mean = preset.mean;
  if (options.std.empty()) options.std = preset.std;
  if (!options.colorOrder) options.colorOrder = preset.colorOrder;
  return options;
}

std::string serialize(const Preprocess& preprocess) {
  std::string line;
  if (!preprocess.preset.empty()) line += text("preset=", preprocess.preset, ";");
  line += text("layout=", preprocess.layout);
  if (preprocess.resize > 0) line += text(";resize=", preprocess.resize);
  if (preprocess.crop > 0) line += text(";crop=", preprocess.crop);
  line += text(";interp=", preprocess.interp, ";scale=", preprocess.scale);
  if (!preprocess.mean.empty()) line += text(";mean=", numbers(preprocess.mean));
  if (!preprocess.std.empty()) line += text(";std=", numbers(preprocess.std));
  return line + text(";color-order=", preprocess.colorOrder, ";source-order=", preprocess.sourceOrder);
}

PreprocessOptions parsePreprocess(std::string_view line) {
  PreprocessOptions options;
  for (const std::string_view item : split(line, ';')) {
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos)
      throw Error(ErrorKind::input, text("preprocessing: '", displayName(item), "', expected key=value"));
    const std::string_view key = item.substr(0, equals), value = item.substr(equals + 1);
    if (key == "preset")
      options.preset = value;
    else if (key == "layout") {
      if (value != "as is") options.layout = value;
    } else if (key == "resize")
      options.resize = static_cast<int64_t>(parseNumber(value));
    else if (key == "crop")
      options.crop = static_cast<int64_t>(parseNumber(value));
    else if (key == "interp")
      options.interp = value;
    else if (key == "scale")
      options.scale = parseNumber(value);
    else if (key == "mean")
      options.mean = parseNumbers(value);
    else if (key == "std")
      options.std = parseNumbers(value);
    else if (key == "color-order")
      options.colorOrder = value;
    else if (key == "source-order")
      options.sourceOrder = value;
    else
      throw Error(ErrorKind::input, text("preprocessing: unknown key '", displayName(key), "'"));
  }
  return options;
}

}  // namespace compress
