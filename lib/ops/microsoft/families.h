// The operators of com.microsoft that exported and optimised files carry: one file per family, one line each in
// lib/ops/catalog.cpp.
#pragma once
#include <vector>

#include "lib/ops/op.h"

namespace compress {

constexpr std::string_view kMicrosoft = "com.microsoft";

std::vector<OpSpec> microsoftAttentionOps();
std::vector<OpSpec> microsoftFusedOps();
std::vector<OpSpec> microsoftGeluOps();
std::vector<OpSpec> microsoftGroupQueryOps();
std::vector<OpSpec> microsoftMatMulOps();
std::vector<OpSpec> microsoftNormalizationOps();
std::vector<OpSpec> microsoftQLinearOps();

}  // namespace compress
