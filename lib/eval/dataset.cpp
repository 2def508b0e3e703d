#include "lib/eval/dataset.h"

#include <algorithm>

#include "lib/base/error.h"
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
  std::optional<ConstantInput> constant;
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
    if (labels_ && labels_->arePictures()) labelScale_ = scaleOfFirst();
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
    SymbolSizes sizes;
    sample.inputs.resize(inputs_.size());
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (!inputs_[i].array) continue;
      sample.inputs[i] = readArray(inputs_[i], at, sample.name);
      bindSymbols(inputs_[i].plan->type(), sample.inputs[i].shape(), sizes);
    }
    for (size_t i = 0; i < inputs_.size(); ++i)
      if (inputs_[i].constant) sample.inputs[i] = inputs_[i].constant->filled(sizes);
    sample.labelScale = labelScale_;
    if (labels_) sample.label = labels_->read(at);
    return sample;
  }

 private:
  static Tensor readArray(const InputSource& input, int64_t index, std::string_view where) {
    const Tensor source = input.array->read(index);
    return input.plan->apply(input.lengths ? cutRows(source, *input.lengths, index, where) : source, where);
  }
  double scaleOfFirst() const {
    const auto first = std::ranges::find_if(inputs_, [](const InputSource& input) { return input.plan.has_value(); });
    return first == inputs_.end() ? 1 : first->plan->preprocess().scale;
  }

  std::string name_;
  std::string_view kind_;
  std::vector<InputSource> inputs_;
  std::optional<Labels> labels_;
  std::vector<int64_t> indices_;
  double labelScale_ = 1;
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

/// The array for each input by name; with one input that is no constant and one array the name does not matter.
std::vector<InputSource> matchInputs(Arrays& arrays, const DataSource& source, const std::vector<InputSpec>& inputs,
                                     const PreprocessOptions& options) {
  const auto constantOf = [&](const InputSpec& input) -> std::optional<std::string> {
    const auto given = source.inputs.find(input.name);
    if (given == source.inputs.end() || !given->second.string().starts_with("@")) return std::nullopt;
    return given->second.string().substr(1);
  };
  const bool isOne = std::ranges::count_if(inputs, [&](const InputSpec& input) { return !constantOf(input); }) == 1;
  std::vector<InputSource> matched;
  for (const InputSpec& input : inputs) {
    if (const auto number = constantOf(input)) {
      InputSource constant;
      constant.constant.emplace(input, *number);
      matched.push_back(std::move(constant));
      continue;
    }
    std::optional<StoredArray> lengths;
    if (arrays.contains(input.name + ".length")) lengths.emplace(takeArray(arrays, input.name + ".length"));
    const bool isOnly = isOne && arrays.size() == 1;
    const std::string key = isOnly ? arrays.begin()->first : isOne && arrays.contains("") ? "" : input.name;
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

std::optional<Labels> openLabels(const DataSource& source, std::optional<StoredArray> inFile) {
  if (source.labels) {
    const std::string extension = source.labels->extension().string();
    if (extension == ".txt" || extension == ".csv") return Labels(readClassList(*source.labels), source.labelOffset);
    Arrays arrays = openArrays(*source.labels).arrays;
    if (arrays.size() != 1)
      throw Error(ErrorKind::input, text(displayName(source.labels->string()), ": expected one array of labels"));
    return Labels(arrays.begin()->second, source.labelOffset);
  }
  if (inFile) return Labels(std::move(*inFile), source.labelOffset);
  return std::nullopt;
}

void requireCount(std::string_view what, int64_t found, int64_t expected) {
  if (found != expected)
    throw Error(ErrorKind::input, text(what, " has ", found, " samples, expected ", expected, " as in the others"));
}

/// Every array that `source` names: the main file's, and one for each --input with a file.
ArrayFile gatherArrays(const DataSource& source, const SlicedPath& sliced) {
  ArrayFile main{"npy", {}};
  if (!sliced.path.empty()) main = openArrays(sliced.path);
  for (const auto& [name, path] : source.inputs) {
    if (path.string().starts_with("@")) continue;
    Arrays given = openArrays(path).arrays;
    if (given.size() != 1)
      throw Error(ErrorKind::input, text("--input ", displayName(name), ": expected a file with one array"));
    main.arrays.insert_or_assign(name, given.begin()->second);
  }
  return main;
}

std::unique_ptr<Dataset> openMatched(ArrayFile file, const DataSource& source, const std::vector<InputSpec>& inputs,
                                     const PreprocessOptions& options, std::optional<Labels> labels) {
  const SlicedPath sliced = parseSlice(source.path);
  std::vector<InputSource> matched = matchInputs(file.arrays, source, inputs, options);
  const auto counted = std::ranges::find_if(matched, [](const InputSource& input) { return input.array.has_value(); });
  if (counted == matched.end()) throw Error(ErrorKind::input, "every input is a constant: there are no samples");
  const int64_t count = counted->array->count();
  for (const InputSource& input : matched) {
    if (input.array) requireCount(displayName(input.array->name()), input.array->count(), count);
    if (input.lengths) requireCount(displayName(input.lengths->name()), input.lengths->count(), count);
  }
  if (labels) requireCount("labels", labels->count(), count);
  const std::string name = sliced.path.empty() ? counted->array->name() : sliced.path.string();
  return std::make_unique<ArrayDataset>(name, file.kind, std::move(matched), std::move(labels),
                                        selectSamples(count, sliced, source));
}

constexpr std::string_view kSides[] = {"a.", "b."};

/// The arrays of one side of the pairs, under the names of the model's inputs.
ArrayFile sideOf(const ArrayFile& file, std::string_view side) {
  ArrayFile found{file.kind, {}};
  for (const auto& [name, array] : file.arrays) {
    if (name.starts_with(side)) found.arrays.emplace(name.substr(side.size()), array);
    const auto startsWith = [&](std::string_view prefix) { return name.starts_with(prefix); };
    if (std::ranges::none_of(kSides, startsWith))
      throw Error(ErrorKind::input, text(displayName(array.name()), ": '", displayName(name),
                                         "' beside pairs, expected a.NAME and b.NAME"));
  }
  return found;
}

/// Two data sets of equal size in turn; the label is at the second of each pair.
class PairDataset : public Dataset {
 public:
  PairDataset(std::unique_ptr<Dataset> first, std::unique_ptr<Dataset> second)
      : sides_{std::move(first), std::move(second)} {}

  int64_t size() const override { return 2 * sides_[0]->size(); }
  bool hasLabels() const override { return sides_[1]->hasLabels(); }
  const Preprocess& preprocess() const override { return sides_[0]->preprocess(); }
  std::string_view kind() const override { return sides_[0]->kind(); }
  Sample read(int64_t index) const override {
    Sample sample = sides_[static_cast<size_t>(index % 2)]->read(index / 2);
    sample.name += index % 2 == 0 ? " (a)" : " (b)";
    return sample;
  }

 private:
  std::unique_ptr<Dataset> sides_[2];
};

std::unique_ptr<Dataset> openPairs(const ArrayFile& file, const DataSource& source,
                                   const std::vector<InputSpec>& inputs, const PreprocessOptions& options,
                                   std::optional<Labels> labels) {
  auto first = openMatched(sideOf(file, kSides[0]), source, inputs, options, std::nullopt);
  auto second = openMatched(sideOf(file, kSides[1]), source, inputs, options, std::move(labels));
  requireCount("b.*", second->size(), first->size());
  return std::make_unique<PairDataset>(std::move(first), std::move(second));
}

}  // namespace

std::unique_ptr<Dataset> openDataset(const DataSource& source, const std::vector<InputSpec>& inputs,
                                     const PreprocessOptions& options) {
  if (inputs.empty()) throw Error(ErrorKind::input, "the model has no inputs: there is nothing to feed");
  const SlicedPath sliced = parseSlice(source.path);
  if (std::filesystem::is_directory(sliced.path))
    return isTensorFolder(sliced.path) ? openTensorFolders(source, inputs) : openPictures(source, inputs, options);
  if (hasPictureName(sliced.path)) return openPictures(source, inputs, options);
  ArrayFile file = gatherArrays(source, sliced);
  const bool isPaired = std::ranges::any_of(
      inputs, [&](const InputSpec& input) { return file.arrays.contains(text(kSides[0], input.name)); });
  std::optional<StoredArray> labelArray;
  for (const std::string& key :
       isPaired ? std::vector<std::string>{"labels", "score"} : std::vector<std::string>{"labels"})
    if (file.arrays.contains(key)) labelArray.emplace(takeArray(file.arrays, key));
  std::optional<Labels> labels = openLabels(source, std::move(labelArray));
  return isPaired ? openPairs(file, source, inputs, options, std::move(labels))
                  : openMatched(std::move(file), source, inputs, options, std::move(labels));
}

}  // namespace compress
