// Running passes in tests.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "lib/pass/pass.h"

namespace compress::test {

/// The catalog's entry. Throws std::runtime_error for an unknown name.
const PassSpec& findPass(std::string_view name);

struct PassResult {
  int64_t changes = 0;
  std::vector<Skipped> skipped;
  std::vector<Warning> warnings;
};

/// Runs the pass with its default options on the model, without calibration data.
PassResult runPass(const PassSpec& spec, Model& model, uint64_t seed = 0);

/// What a model computes on random inputs, by the references.
class Expectation {
 public:
  Expectation(const Model& model, uint64_t seed);
  /// Largest |a - b| over the largest |a|, element by element over all outputs; infinity where type, shape or
  /// finiteness differ.
  double differenceTo(const Model& model) const;

 private:
  std::vector<Tensor> inputs_, outputs_;
};

}  // namespace compress::test
