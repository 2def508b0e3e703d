#include "lib/onnx/pieces.h"

#include <google/protobuf/io/coded_stream.h>

#include "lib/onnx/tensor_proto.h"

namespace compress {
namespace {

constexpr int64_t kFirstIrVersionWithOpsets = 3;
/// Below this a payload is copied into its message: a piece of its own would not pay.
constexpr size_t kOwnPieceBytes = 4096;

/// Field numbers of the schema.
constexpr uint32_t kModelGraph = 7;
constexpr uint32_t kGraphInitializer = 5;
constexpr uint32_t kTensorRawData = 9;

/// Tag and length of a length-delimited field.
std::string fieldHeader(uint32_t number, size_t length) {
  constexpr uint32_t kLengthDelimited = 2;
  uint8_t buffer[20];
  uint8_t* end =
      google::protobuf::io::CodedOutputStream::WriteVarint32ToArray((number << 3) | kLengthDelimited, buffer);
  end = google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(length, end);
  return {reinterpret_cast<const char*>(buffer), static_cast<size_t>(end - buffer)};
}

/// The model without its graph.
onnx::ModelProto emitEnvelope(const Model& model) {
  auto proto = parsed<onnx::ModelProto>(model.rest);
  proto.set_ir_version(model.irVersion);
  Opsets implied;
  implied.set("", 1);
  if (model.irVersion >= kFirstIrVersionWithOpsets || model.opsets != implied)
    for (const auto& [domain, version] : model.opsets) {
      auto& import = *proto.add_opset_import();
      import.set_domain(domain);
      import.set_version(version);
    }
  for (const auto& [key, value] : model.metadata) {
    auto& entry = *proto.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  return proto;
}

/// The fields of the graph: a piece for all but the large initializers, then those.
Pieces emitGraphFields(onnx::GraphProto& graph, const std::vector<Bytes>& payloads) {
  google::protobuf::RepeatedPtrField<onnx::TensorProto> initializers;
  initializers.Swap(graph.mutable_initializer());
  Pieces pieces;
  std::string bytes = serialized(graph);
  for (int i = 0; i < initializers.size(); ++i) {
    const std::string tensor = serialized(initializers[i]);
    const Bytes& payload = payloads[static_cast<size_t>(i)];
    const std::string rawHeader = payload.empty() ? std::string() : fieldHeader(kTensorRawData, payload.size());
    bytes += fieldHeader(kGraphInitializer, tensor.size() + rawHeader.size() + payload.size());
    bytes += tensor;
    bytes += rawHeader;
    if (payload.empty()) continue;
    pieces.add(std::move(bytes));
    pieces.add(payload);
    bytes.clear();
  }
  pieces.add(std::move(bytes));
  return pieces;
}

}  // namespace

void withPayload(const Bytes& payload, const std::function<void(std::span<const std::byte>)>& use) {
  const bool wasResident = payload.isResident();
  use(payload.view());
  if (!wasResident) payload.drop();
}

void Pieces::add(std::string bytes) {
  size_ += static_cast<int64_t>(bytes.size());
  pieces_.push_back({std::move(bytes), {}});
}

void Pieces::add(Bytes payload) {
  size_ += static_cast<int64_t>(payload.size());
  pieces_.push_back({{}, std::move(payload)});
}

void Pieces::add(Pieces pieces) {
  size_ += pieces.size_;
  for (Piece& piece : pieces.pieces_) pieces_.push_back(std::move(piece));
}

void Pieces::writeTo(const std::function<void(std::span<const std::byte>)>& sink) const {
  for (const Piece& piece : pieces_) {
    if (piece.payload.empty())
      sink(std::as_bytes(std::span(piece.bytes)));
    else
      withPayload(piece.payload, sink);
  }
}

Pieces emitModel(const Model& model, const PlaceTensor& placeTensor) {
  std::vector<Bytes> payloads;  // of the main graph's initializers; empty where the message holds the data
  auto graph = emitGraph(model.graph, [&](const Tensor& tensor, onnx::TensorProto rest, TensorPlace place) {
    const bool isMain = place == TensorPlace::mainInitializer;
    if (isMain) payloads.emplace_back();
    if (placeTensor(tensor, rest)) return rest;
    if (!isMain || tensor.dtype() == DType::string || tensor.bytes().size() < kOwnPieceBytes)
      return protoOf(tensor, std::move(rest));
    payloads.back() = tensor.bytes();
    return headOf(tensor, std::move(rest));
  });
  const Pieces fields = emitGraphFields(graph, payloads);
  Pieces pieces;
  pieces.add(serialized(emitEnvelope(model)) + fieldHeader(kModelGraph, static_cast<size_t>(fields.size())));
  pieces.add(fields);
  return pieces;
}

}  // namespace compress
