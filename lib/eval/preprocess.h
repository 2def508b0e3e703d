// From stored samples to what a model wants: x = (source * scale - mean) / std, layout, size, colour order
// (docs/data.md).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace compress {

/// What the user said; anything left out is filled in from the preset, then by the defaults of docs/data.md.
struct PreprocessOptions {
  std::string preset;                 ///< imagenet, tf, cifar10, mnist, raw or empty
  std::optional<std::string> layout;  ///< nhwc or nchw, of the source
  std::optional<int64_t> resize;      ///< shorter side, images only
  std::optional<int64_t> crop;        ///< centre, images only
  std::optional<std::string> interp;  ///< bilinear or bicubic
  std::optional<double> scale;
  std::vector<double> mean;  ///< empty, one value, or one per channel, in the order of the source's channels
  std::vector<double> std;
  std::optional<std::string> colorOrder;   ///< rgb, bgr or gray: what the model wants
  std::optional<std::string> sourceOrder;  ///< rgb or bgr
};

/// What is done, complete.
struct Preprocess {
  std::string preset;
  std::string layout;  ///< nhwc, nchw, or "as is" for data that are no images
  int64_t resize = 0;
  int64_t crop = 0;
  std::string interp = "bilinear";
  double scale = 1;
  std::vector<double> mean;
  std::vector<double> std;
  std::string colorOrder = "rgb";
  std::string sourceOrder = "rgb";
  bool operator==(const Preprocess&) const = default;
};

/// Checks every option (Error(usage) with the choices or the range) and fills in what the preset says. A preset's mean
/// and std are in RGB order and follow sourceOrder; resize and crop are for pictures only.
PreprocessOptions withPreset(PreprocessOptions options);

/// One line of "key=value;..." as stored in model metadata under "compress.preprocess", and back. Throws Error(input).
std::string serialize(const Preprocess& preprocess);
PreprocessOptions parsePreprocess(std::string_view line);

}  // namespace compress
