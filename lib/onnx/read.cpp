#include "lib/onnx/read.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <functional>

#include "lib/base/file_handle.h"
#include "lib/ir/verify.h"
#include "lib/onnx/external_data.h"
#include "lib/onnx/functions.h"
#include "lib/onnx/graphs.h"
#include "lib/onnx/prescan.h"
#include "lib/onnx/read_graph.h"
#include "lib/onnx/recognize.h"
#include "lib/onnx/structure.h"
#include "lib/onnx/tensor_proto.h"

namespace compress {
namespace {

using google::protobuf::io::ZeroCopyInputStream;

constexpr size_t kHeadBytes = 512;

/// The bytes of a message, to be walked over as often as needed.
struct Source {
  int64_t size;
  std::string head;  ///< its first bytes
  std::function<void(const std::function<void(ZeroCopyInputStream&)>& use)>
      stream;  ///< lends a stream that begins at the start
};

Source sourceOf(const std::string& bytes) {
  return {static_cast<int64_t>(bytes.size()), bytes.substr(0, kHeadBytes), [&bytes](const auto& use) {
            google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
            use(stream);
          }};
}

/// Does not change what others may do to the file meanwhile: see requireUnchanged().
Source sourceOf(const FileHandle& file) {
  Source source{file.size(), std::string(std::min(kHeadBytes, static_cast<size_t>(file.size())), '\0'), {}};
  file.readAt(0, std::as_writable_bytes(std::span(source.head)));
  source.stream = [&file](const auto& use) {
    if (lseek(file.descriptor(), 0, SEEK_SET) != 0) throw Error(ErrorKind::io, systemMessage("read", file.path()));
    google::protobuf::io::FileInputStream stream(file.descriptor(), 1 << 18);
    use(stream);
    if (stream.GetErrno() != 0) {
      errno = stream.GetErrno();
      throw Error(ErrorKind::io, systemMessage("read", file.path()));
    }
  };
  return source;
}

/// "not an ONNX model", with what the file seems to be, or else with what is wrong with it.
Error notA(std::string_view what, const Source& source, const Error& cause) {
  const OtherFormat other = recognize(source.head);
  if (!other.name.empty()) return {ErrorKind::input, text("not ", what, ": it looks like ", other.name), other.hint};
  return {cause.kind(), text("not ", what, ", or a damaged one: ", cause.message()), cause.hint()};
}

/// Walks over the message, then parses it. The walk bounds the nesting that the parser, which recurses, will meet.
template <typename MessageClass>
MessageClass parse(const Source& source, Message root, std::string_view what, const ReadLimits& limits) {
  if (source.size == 0) throw Error(ErrorKind::input, text("not ", what, ": the file is empty"));
  if (source.size > limits.fileBytes && limits.fileBytes < INT_MAX)
    throw Error(ErrorKind::input,
                text("has ", source.size, " bytes, at most ", limits.fileBytes, " are allowed (limit 'file_bytes')"),
                kRaiseLimit);
  if (source.size > INT_MAX)
    throw Error(ErrorKind::input, text("has ", source.size, " bytes, more than the 2 GiB that the format allows"),
                "keep its tensors in external data");
  PrescanResult scanned;
  source.stream([&](ZeroCopyInputStream& stream) {
    try {
      scanned = prescan(stream, source.size, root, limits);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::resource || error.hint() == kRaiseLimit) throw;
      throw notA(what, source, error);
    }
  });
  MessageClass message;
  bool parsedAll = false;
  source.stream([&](ZeroCopyInputStream& stream) {
    google::protobuf::io::CodedInputStream coded(&stream);
    coded.SetTotalBytesLimit(INT_MAX);
    coded.SetRecursionLimit(scanned.nesting + 10);
    parsedAll = message.ParseFromCodedStream(&coded) && coded.ConsumedEntireMessage();
  });
  if (!parsedAll) throw notA(what, source, Error(ErrorKind::input, "it cannot be parsed"));
  return message;
}

Opsets takeOpsets(onnx::ModelProto& proto) {
  Opsets opsets;
  for (const auto& import : proto.opset_import()) opsets.set(plainDomain(import.domain()), import.version());
  proto.clear_opset_import();
  if (opsets.begin() == opsets.end()) opsets.set("", 1);
  return opsets;
}

void takeMetadata(onnx::ModelProto& proto, Model& model, std::vector<std::string>& warnings) {
  for (const auto& entry : proto.metadata_props()) {
    if (model.findMetadata(entry.key()) != nullptr)
      warnings.push_back(text("metadata key ", inQuotes(entry.key()), " is given twice: the last value counts"));
    model.setMetadata(entry.key(), entry.value());
  }
  proto.clear_metadata_props();
}

void requireRank(const onnx::TensorProto& tensor, int64_t limit) {
  if (tensor.dims_size() > limit)
    throw Error(ErrorKind::input,
                text("tensor ", inQuotes(tensor.name()), " has rank ", tensor.dims_size(), ", at most ", limit,
                     " is allowed (limit 'tensor_rank')"),
                kRaiseLimit);
}

void warnUnsorted(const Graph& graph, std::vector<std::string>& warnings) {
  if (graph.order() != graph.nodes()) warnings.push_back("nodes are not in topological order: they are sorted");
}

ReadResult readFrom(const Source& source, const ReadOptions& options, ExternalData* external,
                    std::vector<std::string>& warnings) {
  auto proto = parse<onnx::ModelProto>(source, Message::model, "an ONNX model", options.limits);
  if (!proto.has_graph() && !proto.has_ir_version())
    throw notA("an ONNX model", source, Error(ErrorKind::input, "it has neither a graph nor an ir_version"));
  checkStructure(proto, options.limits, warnings);
  ReadResult result;
  Model& model = result.model;
  model.irVersion = proto.ir_version();
  model.opsets = takeOpsets(proto);
  takeMetadata(proto, model, warnings);
  const TakeTensor take = [&](onnx::TensorProto& tensor) {
    requireRank(tensor, options.limits.tensorRank);
    return takeTensor(tensor, external);
  };
  model.graph = takeGraph(*proto.mutable_graph(), take);
  if (proto.functions_size() > 0)
    model.functions = std::make_shared<const std::vector<Function>>(readFunctions(proto, take));
  proto.clear_ir_version();
  proto.clear_graph();
  model.rest = serialized(proto);
  verify(model);
  warnUnsorted(model.graph, warnings);
  return result;
}

}  // namespace

ReadResult parseModel(std::string bytes, const ReadOptions& options) {
  std::vector<std::string> warnings;
  ReadResult result = readFrom(sourceOf(bytes), options, nullptr, warnings);
  result.warnings = std::move(warnings);
  return result;
}

ReadResult readModel(const std::filesystem::path& path, const ReadOptions& options) {
  const FileHandle file = FileHandle::openRegular(path);
  const auto before = file.status();
  std::vector<std::string> warnings;
  ExternalData external(path, options.allowLinkedData, warnings);
  ReadResult result = readFrom(sourceOf(file), options, options.allowExternalData ? &external : nullptr, warnings);
  const auto after = file.status();
  if (before.st_size != after.st_size || before.st_mtim.tv_sec != after.st_mtim.tv_sec ||
      before.st_mtim.tv_nsec != after.st_mtim.tv_nsec)
    throw Error(ErrorKind::io, "the file changed while it was read", "run again once nothing writes to it");
  external.warnOfOverlaps();
  result.externalFiles = external.files();
  result.warnings = std::move(warnings);
  return result;
}

Tensor parseTensorProto(std::string bytes) {
  auto proto = parse<onnx::TensorProto>(sourceOf(bytes), Message::tensor, "a tensor in ONNX's format", {});
  return takeTensor(proto, nullptr);
}

Tensor readTensorProto(const std::filesystem::path& path) {
  return within([&] { return displayName(path.string()); },
                [&] {
                  const FileHandle file = FileHandle::openRegular(path);
                  auto proto =
                      parse<onnx::TensorProto>(sourceOf(file), Message::tensor, "a tensor in ONNX's format", {});
                  return takeTensor(proto, nullptr);
                });
}

}  // namespace compress
