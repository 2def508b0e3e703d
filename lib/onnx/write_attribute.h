// Attributes from our form to the schema's.
#pragma once
#include <functional>

#include "lib/onnx/write_graph.h"

namespace compress {

/// Fills in the message of a body, now or later.
using EmitBody = std::function<void(const Body&, onnx::GraphProto& into)>;

/// Adds the attribute to `node`; bodies go through `emitBody`, which may keep the reference until the node is gone.
void emitAttribute(const Attribute& attribute, const EmitTensor& emitTensor, const EmitBody& emitBody,
                   onnx::NodeProto& node);

}  // namespace compress
