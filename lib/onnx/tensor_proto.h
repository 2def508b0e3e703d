// Tensors between our form and the schema's. Data are checked as docs/reliability.md R2 asks, and moved, not copied,
// where the file holds them as raw bytes.
#pragma once
#include "lib/ir/tensor.h"
#include "lib/onnx/proto.h"

namespace compress {

class ExternalData;

/// Takes the data out of `proto`, and clears type, dims and name too: what is left of it is worth carrying. Throws
/// Error(input) when the data are not exactly what type and dims say, Error(unsupported) for an element type that we do
/// not know. Data in other files come from `external`; null: such data are refused.
Tensor takeTensor(onnx::TensorProto& proto, ExternalData* external);
/// `rest` with type, dims and data (always raw_data, or string_data).
onnx::TensorProto protoOf(const Tensor& tensor, onnx::TensorProto rest);
/// The same without data.
onnx::TensorProto headOf(const Tensor& tensor, onnx::TensorProto rest);

}  // namespace compress
