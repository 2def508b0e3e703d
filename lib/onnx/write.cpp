#include "lib/onnx/write.h"

#include <google/protobuf/io/zero_copy_stream_impl.h>

#include <climits>
#include <memory>

#include "lib/base/atomic_file.h"
#include "lib/onnx/data_writer.h"
#include "lib/onnx/pieces.h"
#include "lib/onnx/prescan.h"
#include "lib/onnx/tensor_proto.h"

namespace compress {
namespace {

constexpr int64_t kLargestInlineBytes = int64_t{3} << 29;  // 1.5 GiB

bool placeInside(const Tensor&, onnx::TensorProto&) {
  return false;
}

/// Data of every tensor, those in attributes and bodies too.
int64_t payloadBytes(const Model& model) {
  int64_t bytes = 0;
  emitGraph(model.graph, [&](const Tensor& tensor, onnx::TensorProto, TensorPlace) {
    bytes += static_cast<int64_t>(tensor.bytes().size());
    return onnx::TensorProto();
  });
  return bytes;
}

/// The data file, written and not yet named, with the offset of each tensor in the order of emission.
struct ExternalPart {
  std::unique_ptr<DataWriter> writer;
  std::string location;
  std::vector<int64_t> offsets;
};

ExternalPart writeData(const Model& model, const std::filesystem::path& path, int64_t bytes) {
  ExternalPart part{std::make_unique<DataWriter>(path, bytes), {}, {}};
  emitGraph(model.graph, [&](const Tensor& tensor, onnx::TensorProto, TensorPlace) {
    if (DataWriter::takes(tensor)) part.offsets.push_back(part.writer->add(tensor));
    return onnx::TensorProto();
  });
  part.location = part.writer->finish();
  return part;
}

Pieces emitWithData(const Model& model, const ExternalPart& part) {
  size_t next = 0;
  return emitModel(model, [&](const Tensor& tensor, onnx::TensorProto& message) {
    if (!DataWriter::takes(tensor)) return false;
    message = headOf(tensor, std::move(message));
    setExternal(message, part.location, part.offsets.at(next++), static_cast<int64_t>(tensor.bytes().size()));
    return true;
  });
}

void requireFits(const Pieces& pieces) {
  if (pieces.size() > INT_MAX)
    throw Error(
        ErrorKind::input,
        text("the model takes ", pieces.size(), " bytes, more than the 2 GiB that the format allows in one file"),
        "write its tensors to external data: --external-data auto");
}

/// The file on the disk, opened again, walks as a model does.
void checkWritten(const std::filesystem::path& path) {
  const FileHandle file = FileHandle::openRegular(path);
  google::protobuf::io::FileInputStream stream(file.descriptor(), 1 << 18);
  ReadLimits unlimited;
  unlimited.nodes = unlimited.initializers = unlimited.graphInputsAndOutputs = unlimited.attributesPerNode =
      unlimited.nameBytes = unlimited.subgraphDepth = unlimited.functions = unlimited.opsetImports =
          unlimited.memoryBytes = INT64_MAX;
  within([&] { return text("'", displayName(path.string()), "', read back"); },
         [&] { prescan(stream, file.size(), Message::model, unlimited); });
}

}  // namespace

std::string serializeModel(const Model& model) {
  const Pieces pieces = emitModel(model, placeInside);
  requireFits(pieces);
  std::string bytes;
  bytes.reserve(static_cast<size_t>(pieces.size()));
  pieces.writeTo(
      [&](std::span<const std::byte> part) { bytes.append(reinterpret_cast<const char*>(part.data()), part.size()); });
  return bytes;
}

void writeModel(const Model& model, const std::filesystem::path& path, const WriteOptions& options) {
  requireWritable(path, options.overwrite);
  removeLeftovers(path);
  const int64_t bytes = payloadBytes(model);
  const bool isExternal =
      options.externalData == WriteOptions::ExternalData::always ||
      (options.externalData == WriteOptions::ExternalData::automatic && bytes > kLargestInlineBytes);
  const ExternalPart part = isExternal ? writeData(model, path, bytes) : ExternalPart();
  const Pieces pieces = isExternal ? emitWithData(model, part) : emitModel(model, placeInside);
  requireFits(pieces);
  AtomicFile file(path, pieces.size());
  pieces.writeTo([&](std::span<const std::byte> piece) { file.write(piece); });
  file.finish();
  checkWritten(file.temporary());
  try {
    if (part.writer) part.writer->commit();
    file.commit(path, options.overwrite);
  } catch (const Error&) {
    if (part.writer && !file.isCommitted()) part.writer->withdraw();
    throw;
  }
}

}  // namespace compress
