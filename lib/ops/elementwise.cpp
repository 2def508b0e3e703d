#include "lib/ops/elementwise.h"

namespace compress {
namespace {

void requireSameTypes(const InferContext& context) {
  for (size_t i = 1; i < context.inputs.size(); ++i) {
    const DType first = dtypeOfInput(context, 0), other = dtypeOfInput(context, i);
    if (first != DType::undefined && other != DType::undefined && first != other)
      reject("inputs of ", nameOf(first), " and ", nameOf(other), ", expected one type");
  }
}

}  // namespace

std::vector<int64_t> broadcastStrides(const Shape& shape, const Shape& to) {
  if (broadcast(shape, to) != to)
    reject("shape ", print(shape), " cannot be broadcast to ", print(to), ", which is that of the result");
  std::vector<int64_t> strides(to.rank(), 0);
  const auto own = stridesOf(shape);
  const size_t shift = to.rank() - shape.rank();
  for (size_t i = 0; i < shape.rank(); ++i)
    if (shape[i] != 1) strides[shift + i] = own[i];
  return strides;
}

void inferBroadcast(InferContext& context) {
  requireInputs(context, 1);
  requireSameTypes(context);
  context.outputs.at(0) = tensorType(dtypeOfInput(context, 0), broadcastDims(context.inputs));
}

void inferBroadcastPair(InferContext& context) {
  requireInputs(context, 2);
  inferBroadcast(context);
}

void inferBroadcastBool(InferContext& context) {
  inferBroadcastPair(context);
  context.outputs[0].dtype = DType::boolean;
}

}  // namespace compress
