// Convolution: geometry in oneDNN's terms, and the f32 kernel.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress {

/// Per spatial axis; `dilations` are oneDNN's (0: dense). auto_pad is resolved, `after` fits the output's extent.
struct ConvGeometry {
  int64_t groups = 1;
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> before;
  std::vector<int64_t> after;
};
/// Shapes: [N, C, ...], [M, C/group, k...], [N, M, ...].
ConvGeometry convGeometry(const Node& node, const Shape& input, const Shape& weights, const Shape& output);

/// Is it f32 or bf16, of one to three spatial axes, with constant weights and bias?
bool isConvHandled(const KernelRequest& request);
/// Choice of a kernel, without the kernel, that has weights and bias packed and reads and writes channels-last.
KernelChoice channelsLastConvChoice(const KernelRequest& request);
/// [M, C/g, k...] as oneDNN wants it: [g, M/g, C/g, k...] when there are groups.
Shape groupedShape(const Shape& weights, int64_t groups);

/// f32, or bf16 with f32 sums, with constant weights and bias; others go to makeConvOfVariableWeights.
KernelChoice makeConv(const KernelRequest& request, CpuContext& context);

}  // namespace compress
