// A serialized model in pieces, so that the payloads of tensors are written from where they are and never copied into
// one block.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "lib/ir/model.h"
#include "lib/onnx/write_graph.h"

namespace compress {

class Pieces {
 public:
  void add(std::string bytes);
  /// Bytes that are read when they are written, and forgotten again where they were not in memory before.
  void add(Bytes payload);
  void add(Pieces pieces);
  int64_t size() const { return size_; }
  void writeTo(const std::function<void(std::span<const std::byte>)>& sink) const;

 private:
  struct Piece {
    std::string bytes;
    Bytes payload;
  };
  std::vector<Piece> pieces_;
  int64_t size_ = 0;
};

/// Calls `use` with the bytes of `payload`, in memory for the time of the call.
void withPayload(const Bytes& payload, const std::function<void(std::span<const std::byte>)>& use);

/// Puts a tensor's data elsewhere and says so, with type and dimensions, in `message`; false: the data go into the
/// model.
using PlaceTensor = std::function<bool(const Tensor&, onnx::TensorProto& message)>;

/// The model. `placeTensor` is called once for each tensor, in the same order every time.
Pieces emitModel(const Model& model, const PlaceTensor& placeTensor);

}  // namespace compress
