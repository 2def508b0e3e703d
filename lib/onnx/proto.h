// The ONNX schema's classes, and what the readers and writers of this folder need from all of them.
// What we do not model stays in a copy of the message it came in, with all that we do model cleared: its bytes are the
// `rest` of the model, graph, node, value or attribute. A value's rest is a GraphProto (see Carried): a value is
// declared in up to four places.
#pragma once
#include <onnx/onnx_pb.h>

#include <string>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {

/// Empty for a message without content.
template <typename Message>
std::string serialized(const Message& message) {
  std::string bytes;
  if (!message.SerializeToString(&bytes)) throw Error(ErrorKind::bug, "a part of the model cannot be serialized");
  return bytes;
}

template <typename Message>
Message parsed(const std::string& bytes) {
  Message message;
  if (!message.ParseFromString(bytes)) throw Error(ErrorKind::bug, "a carried part of the model cannot be parsed");
  return message;
}

/// "'name'" as messages show it.
inline std::string inQuotes(std::string_view name) {
  return text("'", displayName(name), "'");
}

/// What a file says of a value beside name, type and data. At most one entry in each list:
/// `input`, `output`, `value_info`: what the declaration holds beyond name and type; its type only where ours cannot
/// say it; `value_info` is there, even if empty, when an input, output or constant is declared in value_info too;
/// `initializer`: what the tensor holds beside name, type, dims and data; `sparse_initializer`: the whole of it.
using Carried = onnx::GraphProto;

}  // namespace compress
