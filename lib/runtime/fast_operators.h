// Which of ONNX's operators the cpu backend has kernels of its own for; all others run on their reference.
#pragma once
#include <set>
#include <string>

namespace compress {

/// Operators of the default domain with a fast kernel, alone or as part of a larger step. Whether a node gets it
/// depends on its types and constants too: `bench --per-layer` tells.
std::set<std::string> fastOperators();

}  // namespace compress
