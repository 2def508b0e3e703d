// --io-dtype: the quantized model with integer inputs and outputs, proven by running both forms.
#pragma once
#include <string>

#include "lib/eval/dataset.h"
#include "lib/ir/model.h"
#include "tools/verb.h"

namespace compress {

/// `model` with borders of `dtype` ("uint8" or "int8"), run on samples of `samples` (null: random numbers) beside
/// itself: what the integers stand for must be the same numbers. Adds "io" to the document. Throws as
/// makeBordersInteger does, Error(bug) where the two differ.
Model withIntegerBorders(VerbContext& context, const Model& model, const std::string& dtype, const Dataset* samples);

}  // namespace compress
