// Integer inputs and outputs of a quantized model: the Q at each float input and the DQ at each float output go, and
// the graph's types change; a border that the model computes in float gets a DQ or Q instead. For callers whose data
// are integers already, and runtimes without float.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "lib/eval/encoding.h"
#include "lib/ir/model.h"

namespace compress {

/// What the integers of an input or output stand for.
struct BorderEncoding {
  std::string name;
  bool isInput = false;
  float scale = 1;
  int32_t zeroPoint = 0;
};

/// Turns every float input and output into integers of `dtype` (u8 or i8) and notes its encoding in the model's
/// metadata as `compress.io.NAME` = "uint8 SCALE ZERO_POINT". What the model quantizes per tensor keeps that encoding;
/// the others take theirs from `encodings`, by name. Inputs and outputs of other types stay, names too. Throws
/// Error(unsupported), naming the input or output and the node behind it, where one is quantized to another type, or
/// has no encoding at all.
std::vector<BorderEncoding> makeBordersInteger(Model& model, DType dtype,
                                               const std::map<std::string, Encoding>& encodings);

/// Names of the float inputs and outputs that the model itself does not quantize to `dtype`.
std::vector<std::string> floatBorders(const Model& model, DType dtype);

}  // namespace compress
