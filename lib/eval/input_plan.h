// How the samples of one source become one model input: decided once, before any work, then applied on any thread.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/eval/dataset.h"

namespace compress {

/// What the samples are before preprocessing.
struct SourceInfo {
  DType dtype = DType::undefined;
  Shape sampleShape;       ///< axis 0 of the source cut away; for pictures of differing sizes: empty
  bool isPicture = false;  ///< decoded pictures: u8 [H, W, 3]
};

class InputPlan {
 public:
  /// Throws Error(usage) for options that do not fit the channels, Error(input) for a source that does not fit the
  /// model's input.
  InputPlan(const InputSpec& input, const SourceInfo& source, const PreprocessOptions& options);

  const Preprocess& preprocess() const { return preprocess_; }
  const Type& type() const { return input_.type; }
  /// One sample as the model wants it. `where` names the sample in messages: Error(input) for a wrong shape or a number
  /// that the model's integer type does not hold, Error(numeric) for NaN or Inf.
  Tensor apply(const Tensor& source, std::string_view where) const;

 private:
  /// Which element of the source goes where: out[c * outChannelStride + p * outPixelStride] comes from channel
  /// sourceChannel[c].
  struct Geometry {
    Shape out;
    int64_t channels = 1, pixels = 0;
    int64_t sourceChannelStride = 0, sourcePixelStride = 1, outChannelStride = 0, outPixelStride = 1;
    std::vector<int64_t> sourceChannel = {0};
    bool isLuma = false;  ///< three channels become one before anything else
    bool isImage = false;
  };
  Geometry geometry(const Shape& sample) const;
  std::optional<Geometry> imageGeometry(const Shape& sample) const;
  std::optional<Shape> flatShape(const Shape& sample) const;
  std::optional<Shape> imageShape(int64_t channels, int64_t height, int64_t width, bool& channelsLast) const;
  void completePreprocess(const SourceInfo& source, const PreprocessOptions& options);
  void makeTables(const Geometry& geometry);
  double value(double source, int64_t channel) const {
    return (source * preprocess_.scale - mean_[static_cast<size_t>(channel)]) / std_[static_cast<size_t>(channel)];
  }
  Tensor convert(const Tensor& source, const Geometry& geometry, std::string_view where) const;
  Tensor convertAny(const Tensor& source, const Geometry& geometry, std::string_view where) const;

  InputSpec input_;
  DType sourceDtype_;
  bool isPicture_;
  bool isGrayAsked_ = false;
  Preprocess preprocess_;
  bool isIdentity_ = false;                 ///< scale 1, mean 0, std 1
  std::vector<double> mean_, std_;          ///< per output channel
  std::vector<std::vector<float>> tables_;  ///< u8 sources: the 256 results per output channel
};

/// The sizes that one sample gives to the symbols of the model's inputs.
using SymbolSizes = std::map<std::string, int64_t>;
/// Adds what `shape` tells about the symbols of `type`; the first size of a symbol stays.
void bindSymbols(const Type& type, const Shape& shape, SymbolSizes& sizes);

/// --input NAME=@VALUE: the same number in every element.
class ConstantInput {
 public:
  /// Throws Error(usage) for what is no number, Error(input) for one that the input's type does not hold.
  ConstantInput(InputSpec input, std::string_view number);
  /// An open dimension has the size that `sizes` gives its symbol, 1 where it has none.
  Tensor filled(const SymbolSizes& sizes) const;

 private:
  InputSpec input_;
  double value_ = 0;
};

}  // namespace compress
