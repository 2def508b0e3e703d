// What the pre-scan knows of the schema: which fields hold messages, and what each field costs once it is an object.
#pragma once
#include <cstdint>
#include <string_view>

namespace compress {

enum class Message : uint8_t {
  model,
  graph,
  node,
  attribute,
  tensor,
  sparseTensor,
  valueInfo,
  type,
  typeTensor,
  typeSequence,
  typeMap,
  typeOptional,
  shape,
  dim,
  entry,
  annotation,
  opset,
  training,
  function,
  opaque,
};

std::string_view nameOf(Message message);

/// How the parser stores a field.
enum class Storage : uint8_t {
  unknown,  ///< kept as bytes in a list of unknown fields
  message,
  name,     ///< a string of limited length
  value,    ///< a name of a value in a node: an edge of the graph
  text,     ///< any other string or bytes
  number,   ///< a scalar inside the object
  numbers,  ///< a list of scalars, packed or not
};

struct Field {
  Storage storage = Storage::unknown;
  Message message = Message::opaque;  ///< of Storage::message
  int32_t elementBytes = 0;           ///< of Storage::numbers
};

Field fieldOf(Message message, int number);
/// Memory of one object: the parser's, and what we make of it.
int64_t objectBytes(Message message);

}  // namespace compress
