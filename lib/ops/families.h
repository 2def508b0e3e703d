// Every family of operators: one file each, one line each in catalog.cpp.
#pragma once
#include <vector>

#include "lib/ops/op.h"

namespace compress {

std::vector<OpSpec> activationOps();
std::vector<OpSpec> binaryOps();
std::vector<OpSpec> logicOps();
std::vector<OpSpec> unaryOps();

}  // namespace compress
