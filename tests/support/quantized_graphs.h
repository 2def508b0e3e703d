// Small QDQ graphs, one for each operator that runs on bytes.
#pragma once
#include <string>
#include <vector>

#include "lib/ir/model.h"

namespace compress::test {

/// What one step of the result of quantizedModel() is worth. No simple ratio to the other steps, so that ties are rare.
constexpr float kQuantizedStep = 0.0413F;

struct QuantizedCase {
  std::string name;
  std::string body;  ///< statements of buildModel() from x_d to r
  std::string step;  ///< the op that the plan must hold
  std::string gone;  ///< and the one that it must not
  std::string shape = "[2, 8, 9, 10]";
};
const std::vector<QuantizedCase>& quantizedCases();

/// x -> QuantizeLinear -> DequantizeLinear -> body -> QuantizeLinear -> DequantizeLinear -> y, u8 with the given zero
/// points.
Model quantizedModel(const QuantizedCase& item, int xZero, int yZero);

}  // namespace compress::test
