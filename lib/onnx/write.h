// Writing ONNX files: atomically, never over the input.
#pragma once
#include <filesystem>

#include "lib/ir/model.h"

namespace compress {

struct WriteOptions {
  enum class ExternalData { automatic, always, never };
  bool overwrite = false;                               ///< --force
  ExternalData externalData = ExternalData::automatic;  ///< automatic: past 1.5 GiB
};

/// Temporary file beside `path`, checked writes, read back and compared, fsync, rename (docs/reliability.md R5). Throws
/// Error(io) naming path and cause; then `path` is what it was before.
void writeModel(const Model& model, const std::filesystem::path& path, const WriteOptions& options = {});

/// The serialized model without external data. Deterministic. Throws Error(input) past 2 GiB.
std::string serializeModel(const Model& model);

}  // namespace compress
