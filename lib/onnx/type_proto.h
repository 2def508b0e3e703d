// Types between our form and the schema's.
#pragma once
#include "lib/ir/type.h"
#include "lib/onnx/proto.h"

namespace compress {

/// What ours can say of `proto`: denotations and unknown fields are left out, an opaque type is unknown.
Type typeOf(const onnx::TypeProto& proto);
/// The least message that says `type`; an empty one for an unknown type.
onnx::TypeProto protoOf(const Type& type);

/// The declaration without name, and without its type where `type` says all of it or something else: what is left is
/// worth carrying.
onnx::ValueInfoProto restOf(onnx::ValueInfoProto declaration, const Type& type);
/// The declaration of a value: `rest` with name and type. A carried type is used as long as it agrees with `type`.
onnx::ValueInfoProto declarationOf(const std::string& name, const Type& type, onnx::ValueInfoProto rest);

}  // namespace compress
