// Samples for calibration and evaluation: read one at a time, on any thread, always the same for the same index.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
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
  std::vector<Tensor> inputs;
  std::optional<Tensor> label;  ///< a scalar class index, or a tensor like the model's output; axis 0 cut away
  std::string name;             ///< file name or "path[index]", for messages
};

class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  virtual bool hasLabels() const = 0;
  /// Thread-safe. Throws Error(input) naming the sample for damaged data, Error(numeric) for NaN or Inf.
  virtual Sample read(int64_t index) const = 0;
  /// What was done to the source, with defaults filled in.
  virtual const Preprocess& preprocess() const = 0;
};

/// Where the samples lie: cli.md section 4.
struct DataSource {
  std::filesystem::path path;                            ///< npy, npz, idx(.gz), image folder, test_data_set folder
  std::map<std::string, std::filesystem::path> inputs;   ///< --input NAME=PATH
  std::optional<std::filesystem::path> labels;           ///< .npy, .csv, .txt, idx
  int64_t labelOffset = 0;                               ///< added to every class label
  int64_t skip = 0;                                      ///< samples left out at the head
  int64_t limit = 0;                                     ///< at most this many; 0: all
  uint64_t seed = 0;
};

/// Checks sizes, names, types and shapes against the model's inputs at once. Throws Error(input) or Error(io) with what was found and what
/// was expected.
std::unique_ptr<Dataset> openDataset(const DataSource& source, const std::vector<InputSpec>& inputs, const PreprocessOptions& options);

/// `count` samples of uniform numbers for each input, unknown dimensions 1: for `--calib random` and smoke runs only.
std::unique_ptr<Dataset> randomDataset(const std::vector<InputSpec>& inputs, int64_t count, uint64_t seed);

}  // namespace compress
