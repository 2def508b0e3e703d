// The model that a verb works on: from a file or, as "-", from standard input.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lib/ir/model.h"
#include "tools/verb.h"

namespace compress {

struct InputModel {
  Model model;
  std::string shown;                          ///< the operand, or "standard input": what messages begin with
  std::optional<std::filesystem::path> path;  ///< nothing for standard input
  int64_t bytes = 0;                          ///< of the file and of its external data
};

/// Reads `operand` under the common options, shows its warnings and adds it to the document's "inputs". Errors are
/// those of readModel, with the operand before the message.
InputModel readInputModel(VerbContext& context, const std::string& operand);

/// Fixes input shapes: each of `shapes` is NAME:1x3x32x32, or 1x3x32x32 where the model has one input. Throws
/// Error(usage) for an input that the model does not have, and for a shape that contradicts the declared one.
void setInputShapes(Model& model, const std::vector<std::string>& shapes);

}  // namespace compress
