// Limits of what a model file may hold, as --limits FILE and --untrusted set them (docs/reliability.md R3).
#pragma once
#include <filesystem>

#include "lib/onnx/read.h"

namespace compress {

/// Defaults, changed by the keys of a TOML or JSON file with `schema = 1`: file_bytes, memory_bytes, nodes, ... Throws
/// Error(usage) with FILE:LINE for keys that there are not and numbers below 1, Error(io) where it cannot be read.
ReadLimits readLimitsFile(const std::filesystem::path& path);

/// Half of each: what files from strangers may hold.
ReadLimits halved(ReadLimits limits);

}  // namespace compress
