// Random samples: for smoke runs, and where a user asks for them by name.
#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/base/text.h"
#include "lib/eval/dataset.h"
#include "lib/eval/input_plan.h"

namespace compress {
namespace {

class RandomDataset : public Dataset {
 public:
  RandomDataset(std::vector<InputSpec> inputs, int64_t count, uint64_t seed)
      : inputs_(std::move(inputs)), count_(count), seed_(seed) {
    preprocess_.layout = "as is";
  }
  int64_t size() const override { return count_; }
  bool hasLabels() const override { return false; }
  const Preprocess& preprocess() const override { return preprocess_; }
  std::string_view kind() const override { return "random"; }

  Sample read(int64_t index) const override {
    Sample sample;
    sample.name = text("random[", index, "]");
    for (size_t i = 0; i < inputs_.size(); ++i) {
      std::vector<int64_t> dims;
      if (inputs_[i].type.hasRank())
        for (const Dim& dim : *inputs_[i].type.dims) dims.push_back(dim.isKnown() ? dim.value : 1);
      Buffer values(DType::f64, Shape(dims));
      Random random(seed_, text("random-input-", i), static_cast<uint64_t>(index));
      const bool isReal = isFloating(inputs_[i].type.dtype);
      for (double& value : values.as<double>())
        value = isReal ? random.uniform() : static_cast<double>(random.below(2));
      const Tensor source = std::move(values).freeze();
      PreprocessOptions asIs;
      asIs.scale = 1;
      sample.inputs.push_back(
          InputPlan(inputs_[i], {DType::f64, source.shape(), false}, asIs).apply(source, sample.name));
    }
    return sample;
  }

 private:
  std::vector<InputSpec> inputs_;
  int64_t count_;
  uint64_t seed_;
  Preprocess preprocess_;
};

}  // namespace

std::unique_ptr<Dataset> randomDataset(const std::vector<InputSpec>& inputs, int64_t count, uint64_t seed) {
  if (count < 1) throw Error(ErrorKind::usage, text(count, " random samples: expected at least 1"));
  return std::make_unique<RandomDataset>(inputs, count, seed);
}

}  // namespace compress
