// Intersection over union of classes per pixel, for segmentation.
#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/metrics/metrics.h"
#include "lib/eval/metrics/samples.h"

namespace compress {
namespace {

constexpr int64_t kIgnored = 255, kMostLabel = 1 << 20;

/// The highest score's class for each pixel of [1, classes, pixels...]; of one score whether it is at least one half;
/// integer outputs are classes themselves.
std::vector<int64_t> classMap(const Tensor& output, int64_t pixels, std::string_view where, int64_t& classes) {
  const int64_t count = output.elementCount();
  if (pixels == 0 || count % pixels != 0)
    throw Error(ErrorKind::input,
                text(where, ": output ", print(output.shape()), " does not fit a target of ", pixels, " pixels"));
  if (isInteger(output.dtype()) && count == pixels) {
    std::vector<int64_t> map = toInts(output);
    classes = pixels == 0 ? 0 : std::ranges::max(map) + 1;
    return map;
  }
  const std::vector<double> scores = toDoubles(output);
  const int64_t planes = count / pixels;
  classes = std::max<int64_t>(planes, 2);
  std::vector<int64_t> map(static_cast<size_t>(pixels));
  std::vector<double> pixel(static_cast<size_t>(planes));
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t c = 0; c < planes; ++c) pixel[static_cast<size_t>(c)] = scores[static_cast<size_t>(c * pixels + p)];
    map[static_cast<size_t>(p)] = foundClass(pixel);
  }
  return map;
}

/// Pixels of each class in both maps and in either, summed over samples.
struct Overlap {
  std::vector<double> both, either;
  void resize(size_t classes) {
    both.resize(std::max(both.size(), classes));
    either.resize(std::max(either.size(), classes));
  }
};

double meanOf(const Overlap& overlap) {
  double sum = 0, count = 0;
  for (size_t c = 0; c < overlap.both.size(); ++c)
    if (overlap.either[c] > 0) {
      sum += overlap.both[c] / overlap.either[c];
      count += 1;
    }
  return sum / count;
}

class MeanIou : public Metric {
 public:
  explicit MeanIou(int64_t ignored) : ignored_(ignored) {}

  void add(const Sample& sample, std::span<const Tensor> outputs) override {
    const Tensor& label = labelOf(sample);
    if (!isInteger(label.dtype()))
      throw Error(ErrorKind::input, text(displayName(sample.name), ": miou needs a map of class indices, the label is ",
                                         nameOf(label.dtype()), print(label.shape())));
    const std::vector<int64_t> expected = toInts(label);
    int64_t classes = 0;
    const std::vector<int64_t> found =
        classMap(firstOutput(outputs), label.elementCount(), displayName(sample.name), classes);
    Overlap overlap;
    overlap.resize(static_cast<size_t>(classes));
    for (size_t p = 0; p < expected.size(); ++p) {
      if (expected[p] == ignored_) continue;
      if (expected[p] < 0 || expected[p] > kMostLabel)
        throw Error(ErrorKind::input,
                    text(displayName(sample.name), ": class ", expected[p], " at pixel ", p, " of the target"),
                    "miou:ignore=N leaves out pixels of class N");
      overlap.resize(static_cast<size_t>(expected[p]) + 1);
      const auto e = static_cast<size_t>(expected[p]);
      overlap.both[e] += found[p] == expected[p];
      overlap.either[e] += 1;
      if (found[p] >= 0 && found[p] != expected[p]) overlap.either[static_cast<size_t>(found[p])] += 1;
    }
    overlaps_.push_back(std::move(overlap));
  }

  MetricResult result() const override {
    std::vector<double> samples;
    for (const Overlap& overlap : overlaps_) samples.push_back(meanOf(overlap));
    return judgeSet({.name = "miou"}, std::move(samples),
                    [this](std::span<const size_t> drawn) { return meanOf(summed(drawn)); });
  }

 private:
  Overlap summed(std::span<const size_t> drawn) const {
    Overlap sum;
    for (const size_t i : drawn) {
      sum.resize(overlaps_[i].both.size());
      for (size_t c = 0; c < overlaps_[i].both.size(); ++c) {
        sum.both[c] += overlaps_[i].both[c];
        sum.either[c] += overlaps_[i].either[c];
      }
    }
    return sum;
  }

  int64_t ignored_;
  std::vector<Overlap> overlaps_;
};

}  // namespace

MetricSpec meanIouMetric() {
  return {"miou", "mean over classes of intersection over union of the pixels; 255 is no class (miou:ignore=N)",
          [](MetricSettings& settings) -> std::unique_ptr<Metric> {
            return std::make_unique<MeanIou>(settings.whole("ignore", kMostLabel).value_or(kIgnored));
          }};
}

}  // namespace compress
