#include "lib/onnx/prescan.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <climits>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

namespace compress {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

constexpr int64_t kUnknownField = 64;  ///< an entry in the list of unknown fields
constexpr int64_t kString = 48;        ///< a string object, its pointer and the heap's own
constexpr int64_t kEdge = 400;  ///< what a name in a node becomes: an id, a use, perhaps a new value and its name

/// A message that has begun and not ended. A group has no length: it ends with a tag of its own.
struct Frame {
  Message message;
  int64_t end;
  int group = 0;  ///< field number of the group; 0 for a message
  int64_t attributes = 0;
};

class Prescan {
 public:
  Prescan(google::protobuf::io::ZeroCopyInputStream& stream, int64_t size, Message root, const ReadLimits& limits)
      : coded_(&stream),
        size_(size),
        limits_(limits),
        memory_(limits.memoryBytes > 0 ? limits.memoryBytes : availableMemory() / 5 * 4) {
    coded_.SetTotalBytesLimit(INT_MAX);
    stack_.push_back({root, size});
  }

  PrescanResult walk();

 private:
  int64_t position() const { return coded_.CurrentPosition(); }
  [[noreturn]] void malformed(int64_t at, const std::string& what) const;
  void closeFinished();
  void readField();
  void readNested(Field field, int number, uint32_t tag, int64_t at);
  void enter(Message message, int64_t end, int64_t at);
  void readLeaf(Field field, uint32_t tag, int64_t at);
  int64_t readLength(int64_t at);
  uint64_t readVarint(int64_t at);
  void skip(int64_t count, int64_t at);
  /// Varints in the next `length` bytes, which are consumed.
  int64_t countVarints(int64_t length, int64_t at);
  void count(int64_t& counter, int64_t limit, std::string_view key, std::string_view what);
  void countMessage(Message message);
  void charge(int64_t bytes);

  CodedInputStream coded_;
  int64_t size_;
  const ReadLimits& limits_;
  int64_t memory_;
  std::vector<Frame> stack_;
  PrescanResult result_;
  int64_t nodes_ = 0, initializers_ = 0, interface_ = 0, functions_ = 0, opsets_ = 0, depth_ = 0;
};

void Prescan::malformed(int64_t at, const std::string& what) const {
  throw Error(ErrorKind::input, text(what, " (byte offset ", at, " of ", size_, ")"));
}

void Prescan::charge(int64_t bytes) {
  result_.predictedBytes += bytes;
  if (result_.predictedBytes <= memory_) return;
  throw Error(ErrorKind::resource, text("reading it would take more memory than the limit of ", humanBytes(memory_)),
              "raise --memory-limit if the file can be trusted");
}

void Prescan::count(int64_t& counter, int64_t limit, std::string_view key, std::string_view what) {
  if (++counter > limit)
    throw Error(ErrorKind::input, text("has more than ", limit, " ", what, " (limit '", key, "')"), kRaiseLimit);
}

void Prescan::countMessage(Message message) {
  charge(objectBytes(message));
  const Message parent = stack_.back().message;
  switch (message) {
    case Message::node:
      count(nodes_, limits_.nodes, "nodes", "nodes");
      break;
    case Message::tensor:
      if (parent == Message::graph) count(initializers_, limits_.initializers, "initializers", "initializers");
      break;
    case Message::sparseTensor:
      if (parent == Message::graph) count(initializers_, limits_.initializers, "initializers", "initializers");
      break;
    case Message::function:
      count(functions_, limits_.functions, "functions", "local functions");
      break;
    case Message::opset:
      if (parent == Message::model) count(opsets_, limits_.opsetImports, "opset_imports", "opset imports");
      break;
    case Message::attribute:
      count(stack_.back().attributes, limits_.attributesPerNode, "attributes_per_node", "attributes in one node");
      break;
    case Message::graph:
      if (parent == Message::attribute)
        count(depth_, limits_.subgraphDepth, "subgraph_depth", "subgraphs nested in each other");
      break;
    default:
      break;
  }
}

uint64_t Prescan::readVarint(int64_t at) {
  uint64_t value = 0;
  if (!coded_.ReadVarint64(&value))
    malformed(at, position() >= size_ ? "is cut short inside a number" : "has a number of more than 64 bits");
  return value;
}

int64_t Prescan::readLength(int64_t at) {
  const uint64_t length = readVarint(at);
  const int64_t left = stack_.back().end - position();
  if (length <= static_cast<uint64_t>(std::max<int64_t>(left, 0))) return static_cast<int64_t>(length);
  const bool truncated = stack_.back().end == size_;
  malformed(at, text(truncated ? "is cut short: a part of " : "is damaged: a part of ", length, " bytes begins where ",
                     left, " are left of ", nameOf(stack_.back().message)));
}

void Prescan::skip(int64_t bytes, int64_t at) {
  if (!coded_.Skip(static_cast<int>(bytes))) malformed(at, text("is cut short inside a part of ", bytes, " bytes"));
}

int64_t Prescan::countVarints(int64_t length, int64_t at) {
  int64_t varints = 0;
  while (length > 0) {
    const void* data = nullptr;
    int available = 0;
    if (!coded_.GetDirectBufferPointer(&data, &available)) malformed(at, "is cut short inside a list of numbers");
    const int64_t part = std::min<int64_t>(available, length);
    const auto* bytes = static_cast<const uint8_t*>(data);
    varints += std::count_if(bytes, bytes + part, [](uint8_t b) { return b < 0x80; });
    skip(part, at);
    length -= part;
  }
  return varints;
}

void Prescan::enter(Message message, int64_t end, int64_t at) {
  constexpr size_t kDeepest = 4000;
  if (stack_.size() >= kDeepest) malformed(at, text("nests more than ", kDeepest, " messages"));
  stack_.push_back({message, end});
  result_.nesting = std::max(result_.nesting, static_cast<int>(stack_.size()));
}

void Prescan::readLeaf(Field field, uint32_t tag, int64_t at) {
  const int64_t length = readLength(at);
  switch (field.storage) {
    case Storage::name:
    case Storage::value:
      if (length > limits_.nameBytes)
        throw Error(ErrorKind::input,
                    text("has a name of ", length, " bytes, at most ", limits_.nameBytes,
                         " are allowed (limit 'name_bytes'; byte offset ", at, " of ", size_, ")"),
                    kRaiseLimit);
      charge(field.storage == Storage::value ? kEdge + 3 * length : kString + 2 * length);
      return skip(length, at);
    case Storage::numbers: {
      const bool fixed = stack_.back().message == Message::tensor &&
                         (WireFormatLite::GetTagFieldNumber(tag) == 4 || WireFormatLite::GetTagFieldNumber(tag) == 10);
      const bool floats = stack_.back().message == Message::attribute && WireFormatLite::GetTagFieldNumber(tag) == 7;
      if (fixed || floats) {
        charge(2 * length);
        return skip(length, at);
      }
      return charge(3 * field.elementBytes * countVarints(length, at));
    }
    case Storage::text:
      charge(kString + length);
      return skip(length, at);
    default:
      charge(kUnknownField + 2 * length);
      return skip(length, at);
  }
}

void Prescan::readNested(Field field, int number, uint32_t tag, int64_t at) {
  if (WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_START_GROUP) {
    charge(kUnknownField);
    enter(Message::opaque, stack_.back().end, at);
    stack_.back().group = number;
    return;
  }
  if (field.storage != Storage::message) return readLeaf(field, tag, at);
  const bool isInterface = stack_.back().message == Message::graph && (number == 11 || number == 12);
  if (isInterface)
    count(interface_, limits_.graphInputsAndOutputs, "graph_inputs_and_outputs", "graph inputs and outputs");
  countMessage(field.message);
  const int64_t length = readLength(at);
  enter(field.message, position() + length, at);
}

void Prescan::readField() {
  const int64_t at = position();
  const uint32_t tag = coded_.ReadTagNoLastTag();
  const int number = WireFormatLite::GetTagFieldNumber(tag);
  if (tag == 0 || number == 0)
    malformed(at, at == 0 ? "does not begin as a model does" : "has bytes that are no field of a model");
  const Field field = fieldOf(stack_.back().message, number);
  switch (WireFormatLite::GetTagWireType(tag)) {
    case WireFormatLite::WIRETYPE_VARINT:
      readVarint(at);
      return charge(field.storage == Storage::numbers  ? 3 * field.elementBytes
                    : field.storage == Storage::number ? 0
                                                       : kUnknownField);
    case WireFormatLite::WIRETYPE_FIXED64:
      skip(8, at);
      return charge(field.storage == Storage::numbers ? 3 * field.elementBytes : kUnknownField);
    case WireFormatLite::WIRETYPE_FIXED32:
      skip(4, at);
      return charge(field.storage == Storage::numbers ? 3 * field.elementBytes : kUnknownField);
    case WireFormatLite::WIRETYPE_LENGTH_DELIMITED:
    case WireFormatLite::WIRETYPE_START_GROUP:
      return readNested(field, number, tag, at);
    case WireFormatLite::WIRETYPE_END_GROUP:
      if (stack_.back().group != number) malformed(at, "ends a group that has not begun");
      stack_.pop_back();
      return;
    default:
      malformed(at, "has bytes that are no field of a model");
  }
}

void Prescan::closeFinished() {
  while (stack_.size() > 1 && position() >= stack_.back().end) {
    const Frame& done = stack_.back();
    if (done.group != 0) malformed(position(), "is cut short inside a group");
    if (position() > done.end)
      malformed(position(), text("is damaged: ", nameOf(done.message), " is longer than it says"));
    if (done.message == Message::graph && stack_[stack_.size() - 2].message == Message::attribute) --depth_;
    stack_.pop_back();
  }
}

PrescanResult Prescan::walk() {
  while (true) {
    closeFinished();
    if (stack_.size() == 1 && position() >= size_) break;
    readField();
  }
  return result_;
}

}  // namespace

PrescanResult prescan(google::protobuf::io::ZeroCopyInputStream& stream, int64_t size, Message root,
                      const ReadLimits& limits) {
  return Prescan(stream, size, root, limits).walk();
}

}  // namespace compress
