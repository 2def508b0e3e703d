// Reading ONNX files. The only folder that sees protobuf and the ONNX schema.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/ir/model.h"

namespace compress {

/// Limits of what a file may hold (docs/reliability.md R3); each can be raised, but for the size of the file.
struct ReadLimits {
  int64_t fileBytes = INT32_MAX;  ///< of the model's file; the format allows no more
  int64_t memoryBytes = 0;  ///< predicted memory that the pre-scan allows; 0: 80 % of the machine's or cgroup's limit
  int64_t nodes = 1'000'000;
  int64_t initializers = 1'000'000;
  int64_t graphInputsAndOutputs = 100'000;
  int64_t attributesPerNode = 10'000;
  int64_t nameBytes = 64 << 10;
  int64_t tensorRank = 64;
  int64_t subgraphDepth = 32;
  int64_t functions = 10'000;
  int64_t functionCallDepth = 64;
  int64_t opsetImports = 64;
};

struct ReadOptions {
  ReadLimits limits;
  bool allowLinkedData = false;   ///< external data in hard-linked files
  bool allowExternalData = true;  ///< false for models from standard input and untrusted ones
};

struct ReadResult {
  Model model;
  std::vector<std::string> warnings;
  std::vector<std::filesystem::path> externalFiles;
};

/// Throws Error(input) for what is malformed, unsafe or over a limit, Error(io) for what cannot be read, always with
/// the place inside the file; the file itself is the caller's to name. Verified: the model satisfies verify().
ReadResult readModel(const std::filesystem::path& path, const ReadOptions& options = {});
/// A model given as bytes (standard input): external data is refused.
ReadResult parseModel(std::string bytes, const ReadOptions& options = {});
/// A TensorProto file, as in test_data_set_0/input_0.pb.
Tensor parseTensorProto(std::string bytes);
Tensor readTensorProto(const std::filesystem::path& path);

}  // namespace compress
