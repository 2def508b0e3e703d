// Peak signal to noise ratio of pictures.
#include <algorithm>
#include <cmath>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/metrics/metrics.h"
#include "lib/eval/metrics/samples.h"

namespace compress {
namespace {

constexpr int64_t kDefaultCrop = 4, kMostCrop = 1000;

/// 10 log10(peak^2 / mse) of the last two axes without `crop` pixels at each border; outputs are cut to [0, peak]
/// first.
class PeakSignalToNoise : public MeanMetric {
 public:
  PeakSignalToNoise(int64_t crop, double peak) : MeanMetric({.name = "psnr", .unit = "dB"}), crop_(crop), peak_(peak) {}

  void add(const Sample& sample, std::span<const Tensor> outputs) override {
    const Prediction pair = predictionOf(sample, outputs);
    const Shape& shape = labelOf(sample).shape();
    const int64_t height = shape.rank() >= 2 ? shape[shape.rank() - 2] : 1,
                  width = shape.rank() >= 1 ? shape[shape.rank() - 1] : 1;
    if (height <= 2 * crop_ || width <= 2 * crop_)
      throw Error(ErrorKind::input,
                  text(displayName(sample.name), ": target ", print(shape), " is too small to leave out ", crop_,
                       " pixels at each border"),
                  "psnr:crop=0 keeps all");
    double sum = 0;
    int64_t count = 0;
    const int64_t planes = static_cast<int64_t>(pair.found.size()) / (height * width);
    for (int64_t plane = 0; plane < planes; ++plane)
      for (int64_t y = crop_; y < height - crop_; ++y)
        for (int64_t x = crop_; x < width - crop_; ++x, ++count) {
          const auto at = static_cast<size_t>((plane * height + y) * width + x);
          const double difference = std::clamp(pair.found[at], 0.0, peak_) - pair.expected[at];
          sum += difference * difference;
        }
    push(10 * std::log10(peak_ * peak_ * static_cast<double>(count) / sum));
  }

 private:
  int64_t crop_;
  double peak_;
};

std::unique_ptr<Metric> make(MetricSettings& settings) {
  const int64_t crop = settings.whole("crop", kMostCrop).value_or(kDefaultCrop);
  const double peak = settings.number("peak").value_or(1);
  if (peak == 0) settings.refuse("a peak above 0");
  return std::make_unique<PeakSignalToNoise>(crop, peak);
}

}  // namespace

MetricSpec peakSignalToNoiseMetric() {
  return {"psnr",
          "peak signal to noise ratio against a target picture in dB, mean over samples; 4 border pixels left out "
          "(psnr:crop=N), peak 1 (psnr:peak=X)",
          &make};
}

}  // namespace compress
