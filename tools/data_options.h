// Options that name samples and say how they become model inputs: the same for every verb, so that calibration and
// evaluation cannot disagree.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/eval/dataset.h"
#include "lib/ir/model.h"
#include "tools/verb.h"

namespace compress {

/// --input by name.
using InputPaths = std::map<std::string, std::filesystem::path>;

class DataOptions {
 public:
  /// What a verb reads samples for.
  enum Role : unsigned { kCalibration = 1, kEvaluation = 2 };

  void options(OptionVisitor& visitor, unsigned roles);

  bool hasCalibration() const { return calib.has_value(); }
  /// --data, or an --input that is no constant.
  bool hasEvaluation() const;

  /// --calib with the constants of --input, or random numbers for `--calib random`, with warning W-CALIB-RANDOM. Adds
  /// to the document's "data".
  std::unique_ptr<Dataset> openCalibration(VerbContext& context, const Model& model) const;
  /// --data or --input with labels. Throws Error(usage) where either is missing.
  std::unique_ptr<Dataset> openLabelled(VerbContext& context, const Model& model) const;
  /// --data or --input, with labels or without. Throws Error(usage) where neither is given.
  std::unique_ptr<Dataset> openEvaluation(VerbContext& context, const Model& model) const;

 private:
  std::unique_ptr<Dataset> open(VerbContext& context, const Model& model, std::string_view role,
                                const std::string& path, int64_t limit) const;
  PreprocessOptions preprocessFor(const Model& model) const;

  unsigned roles_ = 0;
  std::optional<std::string> calib, data, labels;
  std::vector<std::string> inputs;
  int64_t calibSamples = 128;
  int64_t samples = 0;
  int64_t skip = 0;
  int64_t labelOffset = 0;
  std::string preset;
  std::optional<std::string> layout, interp, colorOrder, sourceOrder;
  std::optional<int64_t> resize, crop;
  std::optional<double> scale;
  std::vector<double> mean, std;
};

/// NAME=PATH pairs. Throws Error(usage) for other words and for a name given twice.
InputPaths parseInputPaths(const std::vector<std::string>& words);

}  // namespace compress
