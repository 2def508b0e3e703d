// --inputs and --input: whole tensors for one run of a model, as they are; random numbers where none are given.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "lib/ir/model.h"
#include "tools/verb.h"

namespace compress {

class ModelInputs {
 public:
  void options(OptionVisitor& visitor);
  /// No: the inputs are random, and their shapes open.
  bool isGiven() const { return inputs_ || !input_.empty(); }
  /// One tensor per runtime input of `model`, in order. Throws Error(usage) for an --input that the model does not
  /// have, Error(input) for one that is given no tensor, and what readTensor throws.
  std::vector<Tensor> read(VerbContext& context, const Model& model) const;

 private:
  std::optional<std::string> inputs_;
  std::vector<std::string> input_;
};

}  // namespace compress
