// What a model is, without running it: parameters, zeros, operators, bytes by type, multiply-accumulates.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "lib/ir/model.h"

namespace compress {

struct ModelFacts {
  int64_t parameters = 0;  ///< elements of initializers that nodes read, bodies too
  int64_t zeros = 0;       ///< of these, how many are zero (integers: equal to 0 as stored)
  int64_t opset = 0;
  int64_t irVersion = 0;
  std::map<std::string, int64_t> ops;         ///< "Conv" -> 9; other domains as "domain:Op"
  std::map<std::string, int64_t> dtypeBytes;  ///< bytes of initializers by element type
  std::optional<int64_t> macs;                ///< of one sample; nothing where shapes stay unknown
};

/// `inputShapes`: one per runtimeInputs(), to fix open dimensions; empty: open dimensions count as 1.
ModelFacts describe(const Model& model, std::span<const Shape> inputShapes = {});
/// Multiply-accumulates of one node in the newest form, by the types of its inputs and outputs; 0 for ops that do none,
/// nothing when a shape is not known.
std::optional<int64_t> macsOf(const Node& node, std::span<const Type> inputs, std::span<const Type> outputs);
/// Bytes of `content` after zstd at its default level.
int64_t zstdBytes(std::string_view content);

}  // namespace compress
