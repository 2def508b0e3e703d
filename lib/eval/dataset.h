// Samples for calibration and evaluation: read one at a time, on any thread, always the same for the same index.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/eval/preprocess.h"
#include "lib/ir/tensor.h"
#include "lib/ir/type.h"

namespace compress {

/// One model input as the model declares it.
struct InputSpec {
  std::string name;
  Type type;
};

/// One sample: a tensor per model input (axis 0 has size 1) and, where there are labels, what is expected.
struct Sample {
  std::vector<Tensor> inputs;   ///< axis 0 cut away where the model's input has no batch axis
  std::optional<Tensor> label;  ///< an int64 scalar class index, or a tensor like the model's output; axis 0 cut away
  double labelScale = 1;        ///< what a target that is a picture is multiplied by, as its source was
  std::string name;             ///< file name or "path[index]", for messages
};

class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  virtual bool hasLabels() const = 0;
  /// Thread-safe. Throws Error(input) naming the sample for damaged data, Error(numeric) for NaN or Inf.
  virtual Sample read(int64_t index) const = 0;
  /// What was done to the source of the first input, with defaults filled in.
  virtual const Preprocess& preprocess() const = 0;
  /// "npy", "npz", "idx", "pictures", "tensors", "random".
  virtual std::string_view kind() const = 0;
  /// Damaged pictures that were left out.
  virtual int64_t skippedCount() const { return 0; }
};

/// Reads a file that holds one TensorProto: what lib/onnx offers and lib/eval may not include.
using TensorReader = std::function<Tensor(const std::filesystem::path&)>;

/// Where the samples lie. A `path` may end in a slice of its samples, as in "x.npy[100:400]", "x.npy[:100]" or
/// "x.npy[100:]".
struct DataSource {
  std::filesystem::path path;  ///< npy, npz, idx(.gz), image folder, test_data_set folder
  /// --input NAME=PATH, or NAME=@VALUE for the same number in every element; NAME.length=PATH cuts axis 1 of NAME.
  /// Where every input has a.NAME and b.NAME instead, samples are pairs: 2i and 2i+1, the label (also `score`) at the
  /// second.
  std::map<std::string, std::filesystem::path> inputs;
  std::optional<std::filesystem::path> labels;  ///< .npy, .csv, .txt, idx
  int64_t labelOffset = 0;                      ///< added to every class label
  int64_t skip = 0;                             ///< samples left out at the head
  int64_t limit = 0;  ///< at most this many, drawn by `seed`, in their order in the file; 0: all
  uint64_t seed = 0;
  TensorReader readTensor;  ///< for .pb files; without it they are refused
};

/// Checks sizes, names, types and shapes against the model's inputs at once. Throws Error(input) or Error(io) with what
/// was found and what was expected.
std::unique_ptr<Dataset> openDataset(const DataSource& source, const std::vector<InputSpec>& inputs,
                                     const PreprocessOptions& options);

/// `count` samples of uniform numbers for each input, unknown dimensions 1: for `--calib random` and smoke runs only.
std::unique_ptr<Dataset> randomDataset(const std::vector<InputSpec>& inputs, int64_t count, uint64_t seed);

}  // namespace compress
