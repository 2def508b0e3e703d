// A walk over the wire format that makes no object: it finds truncation, limits passed and memory bombs before the
// parser starts.
#pragma once
#include <google/protobuf/io/zero_copy_stream.h>

#include <cstdint>

#include "lib/onnx/read.h"
#include "lib/onnx/wire_schema.h"

namespace compress {

/// What to do about a limit that is passed.
constexpr const char* kRaiseLimit = "raise it by --limits FILE if the file can be trusted";

struct PrescanResult {
  int64_t predictedBytes = 0;  ///< memory of all objects, the parser's and ours
  int nesting = 0;             ///< deepest level of messages
};

/// `size`: bytes in `stream`; `root`: what they are to be. Throws Error(input) with the byte offset of what is
/// malformed, or naming the limit that is passed, Error(resource) when the predicted memory passes
/// `limits.memoryBytes`.
PrescanResult prescan(google::protobuf::io::ZeroCopyInputStream& stream, int64_t size, Message root,
                      const ReadLimits& limits);

}  // namespace compress
