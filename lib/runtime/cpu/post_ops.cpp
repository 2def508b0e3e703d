// From Fused::post to oneDNN's attributes.
#include "lib/runtime/cpu/post_ops.h"

#include "lib/base/error.h"

namespace compress {
namespace {

using Kind = PostOp::Kind;
using dnnl::algorithm;

void appendUnary(dnnl::post_ops& ops, const PostOp& op) {
  switch (op.kind) {
    case Kind::relu:
      return ops.append_eltwise(1.F, algorithm::eltwise_relu, 0.F, 0.F);
    case Kind::leakyRelu:
      return ops.append_eltwise(1.F, algorithm::eltwise_relu, op.alpha, 0.F);
    case Kind::clip:
      return ops.append_eltwise(1.F, algorithm::eltwise_clip, op.alpha, op.beta);
    case Kind::sigmoid:
      return ops.append_eltwise(1.F, algorithm::eltwise_logistic, 0.F, 0.F);
    case Kind::tanh:
      return ops.append_eltwise(1.F, algorithm::eltwise_tanh, 0.F, 0.F);
    case Kind::silu:
      return ops.append_eltwise(1.F, algorithm::eltwise_swish, 1.F, 0.F);
    case Kind::hardSwish:
      return ops.append_eltwise(1.F, algorithm::eltwise_hardswish, 0.F, 0.F);
    case Kind::elu:
      return ops.append_eltwise(1.F, algorithm::eltwise_elu, op.alpha, 0.F);
    case Kind::geluErf:
      return ops.append_eltwise(1.F, algorithm::eltwise_gelu_erf, 0.F, 0.F);
    case Kind::geluTanh:
      return ops.append_eltwise(1.F, algorithm::eltwise_gelu_tanh, 0.F, 0.F);
    case Kind::linear:
      return ops.append_eltwise(1.F, algorithm::eltwise_linear, op.alpha, op.beta);
    case Kind::hardSigmoid:
      ops.append_eltwise(1.F, algorithm::eltwise_linear, op.alpha, op.beta);
      return ops.append_eltwise(1.F, algorithm::eltwise_clip, 0.F, 1.F);
    default:
      throw Error(ErrorKind::bug, std::string("no oneDNN post-operation for ") + std::string(nameOf(op.kind)));
  }
}

algorithm binaryAlgorithm(Kind kind) {
  switch (kind) {
    case Kind::add:
      return algorithm::binary_add;
    case Kind::mul:
      return algorithm::binary_mul;
    default:
      throw Error(ErrorKind::bug, std::string("no oneDNN post-operation for ") + std::string(nameOf(kind)));
  }
}

}  // namespace

OnednnPostOps onednnPostOps(const KernelRequest& request, Layout layout, int sumAt) {
  OnednnPostOps result;
  dnnl::post_ops ops;
  for (size_t i = 0; i < request.fused.post.size(); ++i) {
    const PostOp& op = request.fused.post[i];
    if (static_cast<int>(i) == sumAt) {
      ops.append_sum(1.F);
    } else if (isBinary(op.kind)) {
      const dnnl::memory::desc desc = onednnDesc(request.shape(op.input), request.dtype(op.input), layout);
      result.arguments.emplace_back(DNNL_ARG_ATTR_MULTIPLE_POST_OP(ops.len()) | DNNL_ARG_SRC_1, desc);
      result.argumentInputs.push_back(op.input);
      ops.append_binary(binaryAlgorithm(op.kind), desc);
    } else {
      appendUnary(ops, op);
    }
  }
  result.attributes.set_post_ops(ops);
  return result;
}

int findSum(const KernelRequest& request) {
  for (size_t i = 0; i < request.fused.post.size(); ++i) {
    const PostOp& op = request.fused.post[i];
    if (op.kind == Kind::add && request.canOverwrite[op.input] && request.shape(op.input) == request.outputShape() &&
        request.dtype(op.input) == request.outputDtype())
      return static_cast<int>(i);
  }
  return -1;
}

}  // namespace compress
