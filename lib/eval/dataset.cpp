#include "lib/eval/dataset.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/base/text.h"
#include "lib/eval/arrays.h"
#include "lib/eval/file_datasets.h"
#include "lib/eval/input_plan.h"
#include "lib/eval/labels.h"
#include "lib/eval/picture.h"
#include "lib/eval/selection.h"

namespace compress {
namespace {

/// The arrays of one or more files by name; a file that holds a single array gives it the empty name.
using Arrays = std::map<std::string, StoredArray>;

/// Where one model input comes from.
struct InputSource {
  std::optional<StoredArray> array;
  std::optional<StoredArray> lengths;  ///< cuts axis 1 of the array, axis 0 of the sample
  std::optional<InputPlan> plan;
  Tensor constant;
};

/// First `length` rows of `sample`.
Tensor cutRows(const Tensor& sample, const StoredArray& lengths, int64_t index, std::string_view where) {
  const int64_t length = toInts(lengths.read(index)).at(0), rows = sample.shape()[0];
  if (length < 1 || length > rows)
    throw Error(ErrorKind::input, text(where, ": length ", length, ", expected 1 to ", rows));
  std::vector<int64_t> dims = sample.shape().dims();
  dims[0] = length;
  const int64_t bytes = bytesOf(sample.dtype(), Shape(dims).elementCount());
  return {sample.dtype(), Shape(dims), sample.bytes().slice(0, static_cast<size_t>(bytes))};
}

class ArrayDataset : public Dataset {
 public:
  ArrayDataset(std::string name, std::string_view kind, std::vector<InputSource> inputs, std::optional<Labels> labels,
               std::vector<int64_t> indices)
      : name_(std::move(name)),
        kind_(kind),
        inputs_(std::move(inputs)),
        labels_(std::move(labels)),
        indices_(std::move(indices)) {
    for (const InputSource& input : inputs_)
      if (input.plan && preprocess_.layout.empty()) preprocess_ = input.plan->preprocess();
  }

  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  bool hasLabels() const override { return labels_.has_value(); }
  const Preprocess& preprocess() const override { return preprocess_; }
  std::string_view kind() const override { return kind_; }

  Sample read(int64_t index) const override {
    const int64_t at = indices_.at(static_cast<size_t>(index));
    Sample sample;
    sample.name = text(name_, "[", at, "]");
    for (const InputSource& input : inputs_) {
      if (!input.array) {
        sample.inputs.push_back(input.constant);
        continue;
      }
      Tensor source = input.array->read(at);
      if (input.lengths) source = cutRows(source, *input.lengths, at, sample.name);
      sample.inputs.push_back(input.plan->apply(source, sample.name));
    }
    if (labels_) sample.label = labels_->read(at);
    return sample;
  }

 private:
  std::string name_;
  std::string_view kind_;
  std::vector<InputSource> inputs_;
  std::optional<Labels> labels_;
  std::vector<int64_t> indices_;
  Preprocess preprocess_;
};

std::string inputList(const std::vector<InputSpec>& inputs) {
  std::vector<std::string> names;
  for (const InputSpec& input : inputs) names.push_back(text(displayName(input.name), " ", print(input.type)));
  return join(names, ", ");
}

StoredArray takeArray(Arrays& arrays, const std::string& name) {
  StoredArray array = arrays.at(name);
  arrays.erase(name);
  return array;
}

InputSource makeInput(const InputSpec& input, StoredArray array, std::optional<StoredArray> lengths,
                      const PreprocessOptions& options) {
  InputSource made;
  SourceInfo info{array.dtype(), array.sampleShape(), false};
  made.plan.emplace(within([&] { return displayName(array.name()); }, [&] { return InputPlan(input, info, options); }));
  made.array.emplace(std::move(array));
  if (lengths) made.lengths.emplace(std::move(*lengths));
  return made;
}

/// The array for each input by name; with one input and one array the name does not matter.
std::vector<InputSource> matchInputs(Arrays& arrays, const DataSource& source, const std::vector<InputSpec>& inputs,
                                     const PreprocessOptions& options) {
  std::vector<InputSource> matched;
  for (const InputSpec& input : inputs) {
    const auto given = source.inputs.find(input.name);
    if (given != source.inputs.end() && given->second.string().starts_with("@")) {
      InputSource constant;
      constant.constant = constantInput(input, given->second.string().substr(1));
      matched.push_back(std::move(constant));
      continue;
    }
    std::optional<StoredArray> lengths;
    if (arrays.contains(input.name + ".length")) lengths.emplace(takeArray(arrays, input.name + ".length"));
    const bool only = inputs.size() == 1 && arrays.size() == 1;
    const std::string key = only ? arrays.begin()->first : inputs.size() == 1 && arrays.contains("") ? "" : input.name;
    if (!arrays.contains(key))
      throw Error(
          ErrorKind::input,
          text("no data for model input '", displayName(input.name), "'; the model's inputs: ", inputList(inputs)),
          "use an npz with these keys, or --input NAME=PATH for each");
    matched.push_back(makeInput(input, takeArray(arrays, key), std::move(lengths), options));
  }
  for (const auto& [name, array] : arrays)
    throw Error(ErrorKind::input, text(displayName(array.name()), ": '", displayName(name),
                                       "' is no input of the model; its inputs: ", inputList(inputs)));
  return matched;
}

std::optional<Labels> openLabels(const DataSource& source, std::optional<StoredArray> inFile, double targetScale) {
  if (source.labels) {
    const std::string extension = source.labels->extension().string();
    if (extension == ".txt" || extension == ".csv") return Labels(readClassList(*source.labels), source.labelOffset);
    Arrays arrays = openArrays(*source.labels).arrays;
    if (arrays.size() != 1)
      throw Error(ErrorKind::input, text(displayName(source.labels->string()), ": expected one array of labels"));
    return Labels(arrays.begin()->second, source.labelOffset, targetScale);
  }
  if (inFile) return Labels(std::move(*inFile), source.labelOffset, targetScale);
  return std::nullopt;
}

void requireCount(std::string_view what, int64_t found, int64_t expected) {
  if (found != expected)
    throw Error(ErrorKind::input, text(what, " has ", found, " samples, expected ", expected, " as in the others"));
}

}  // namespace

std::unique_ptr<Dataset> openDataset(const DataSource& source, const std::vector<InputSpec>& inputs,
                                     const PreprocessOptions& options) {
  if (inputs.empty()) throw Error(ErrorKind::input, "the model has no inputs: there is nothing to feed");
  const SlicedPath sliced = parseSlice(source.path);
  if (std::filesystem::is_directory(sliced.path))
    return isTensorFolder(sliced.path) ? openTensorFolders(source, inputs) : openPictures(source, inputs, options);
  if (hasPictureName(sliced.path)) return openPictures(source, inputs, options);
  ArrayFile main{"npy", {}};
  if (!sliced.path.empty()) main = openArrays(sliced.path);
  Arrays& arrays = main.arrays;
  for (const auto& [name, path] : source.inputs) {
    if (path.string().starts_with("@")) continue;
    Arrays given = openArrays(path).arrays;
    if (given.size() != 1)
      throw Error(ErrorKind::input, text("--input ", displayName(name), ": expected a file with one array"));
    arrays.insert_or_assign(name, given.begin()->second);
  }
  std::optional<StoredArray> labelArray;
  if (arrays.contains("labels")) labelArray.emplace(takeArray(arrays, "labels"));
  std::vector<InputSource> matched = matchInputs(arrays, source, inputs, options);
  const auto counted = std::ranges::find_if(matched, [](const InputSource& input) { return input.array.has_value(); });
  if (counted == matched.end()) throw Error(ErrorKind::input, "every input is a constant: there are no samples");
  const int64_t count = counted->array->count();
  for (const InputSource& input : matched) {
    if (input.array) requireCount(displayName(input.array->name()), input.array->count(), count);
    if (input.lengths) requireCount(displayName(input.lengths->name()), input.lengths->count(), count);
  }
  auto labels = openLabels(source, std::move(labelArray), counted->plan->preprocess().scale);
  if (labels) requireCount("labels", labels->count(), count);
  const std::string name = sliced.path.empty() ? counted->array->name() : sliced.path.string();
  return std::make_unique<ArrayDataset>(name, main.kind, std::move(matched), std::move(labels),
                                        selectSamples(count, sliced, source));
}

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
