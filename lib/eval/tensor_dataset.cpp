#include <algorithm>
#include <charconv>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/file_datasets.h"
#include "lib/eval/selection.h"

namespace compress {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSetPrefix = "test_data_set_";

/// "input_0.pb" or "input0.pb".
std::optional<fs::path> tensorFile(const fs::path& folder, std::string_view stem, size_t index) {
  for (const std::string& name : {text(stem, "_", index, ".pb"), text(stem, index, ".pb")})
    if (fs::exists(folder / name)) return folder / name;
  return std::nullopt;
}

/// test_data_set_2 before test_data_set_10.
std::vector<fs::path> findSets(const fs::path& root) {
  if (tensorFile(root, "input", 0)) return {root};
  std::vector<std::pair<int64_t, fs::path>> numbered;
  for (const fs::directory_entry& entry : fs::directory_iterator(root)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kSetPrefix) || !entry.is_directory()) continue;
    int64_t number = 0;
    std::from_chars(name.data() + kSetPrefix.size(), name.data() + name.size(), number);
    numbered.emplace_back(number, entry.path());
  }
  std::ranges::sort(numbered);
  std::vector<fs::path> sets;
  for (auto& [number, path] : numbered) sets.push_back(std::move(path));
  return sets;
}

class TensorDataset : public Dataset {
 public:
  TensorDataset(std::vector<fs::path> sets, std::vector<InputSpec> inputs, TensorReader read)
      : sets_(std::move(sets)), inputs_(std::move(inputs)), read_(std::move(read)) {
    preprocess_.layout = "as is";
  }

  int64_t size() const override { return static_cast<int64_t>(sets_.size()); }
  bool hasLabels() const override { return tensorFile(sets_.front(), "output", 0).has_value(); }
  const Preprocess& preprocess() const override { return preprocess_; }
  std::string_view kind() const override { return "tensors"; }

  Sample read(int64_t index) const override {
    const fs::path& folder = sets_.at(static_cast<size_t>(index));
    Sample sample;
    sample.name = folder.string();
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const auto file = tensorFile(folder, "input", i);
      if (!file)
        throw Error(ErrorKind::input,
                    text(displayName(sample.name), ": no tensor for model input '", displayName(inputs_[i].name),
                         "': looked for input_", i, ".pb and input", i, ".pb"));
      sample.inputs.push_back(read_(*file));
      requireFitting(inputs_[i], sample.inputs.back(), *file);
    }
    if (const auto output = tensorFile(folder, "output", 0)) sample.label = withoutBatch(read_(*output));
    return sample;
  }

 private:
  static void requireFitting(const InputSpec& input, const Tensor& tensor, const fs::path& file) {
    const auto& dims = input.type.dims;
    bool fits = input.type.dtype == tensor.dtype() || input.type.dtype == DType::undefined;
    if (dims) fits = fits && dims->size() == tensor.shape().rank();
    for (size_t axis = 0; fits && dims && axis < dims->size(); ++axis)
      fits = !(*dims)[axis].isKnown() || (*dims)[axis].value == tensor.shape()[axis];
    if (!fits)
      throw Error(ErrorKind::input,
                  text(displayName(file.string()), ": ", nameOf(tensor.dtype()), print(tensor.shape()),
                       " does not fit model input '", displayName(input.name), "' of ", print(input.type)));
  }

  static Tensor withoutBatch(const Tensor& tensor) {
    const std::vector<int64_t>& dims = tensor.shape().dims();
    return dims.empty() || dims[0] != 1 ? tensor
                                        : tensor.reshaped(Shape(std::vector<int64_t>(dims.begin() + 1, dims.end())));
  }

  std::vector<fs::path> sets_;
  std::vector<InputSpec> inputs_;
  TensorReader read_;
  Preprocess preprocess_;
};

}  // namespace

bool isTensorFolder(const fs::path& folder) {
  return !findSets(folder).empty();
}

std::unique_ptr<Dataset> openTensorFolders(const DataSource& source, const std::vector<InputSpec>& inputs) {
  if (!source.readTensor)
    throw Error(ErrorKind::unsupported, text(displayName(source.path.string()), ": .pb tensors cannot be read here"));
  const SlicedPath sliced = parseSlice(source.path);
  const std::vector<fs::path> sets = findSets(sliced.path);
  std::vector<fs::path> selected;
  for (const int64_t index : selectSamples(static_cast<int64_t>(sets.size()), sliced, source))
    selected.push_back(sets[static_cast<size_t>(index)]);
  return std::make_unique<TensorDataset>(std::move(selected), inputs, source.readTensor);
}

}  // namespace compress
