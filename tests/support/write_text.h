// Models as text that buildModel() reads again.
#pragma once
#include <string>

#include "lib/ir/model.h"

namespace compress::test {

/// Every statement, with all numbers of constants.
std::string writeText(const Model& model);
/// "1, 2, 3"
std::string writeNumbers(const Tensor& tensor);

}  // namespace compress::test
