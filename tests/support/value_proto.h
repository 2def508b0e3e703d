// Values as ONNX's backend tests store them: TensorProto, SequenceProto or OptionalProto, as the model declares.
#pragma once
#include <filesystem>

#include "lib/ir/tensor.h"
#include "lib/ir/type.h"

namespace compress::test {

Tensor readValueProto(const std::filesystem::path& path, const Type& declared);

}  // namespace compress::test
