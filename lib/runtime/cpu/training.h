// Kernels that training needs: convolutions whose weights change from run to run, and gradients.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress {

/// Conv with weights that are no constants: they are reordered in every run.
KernelChoice makeConvOfVariableWeights(const KernelRequest& request, CpuContext& context);
KernelChoice makeConvGradData(const KernelRequest& request, CpuContext& context);
/// Bytes depend on the number of threads.
KernelChoice makeConvGradWeights(const KernelRequest& request, CpuContext& context);
/// BatchNormalizationTraining and its gradient.
KernelChoice makeBatchNormalization(const KernelRequest& request, CpuContext& context);
KernelChoice makeBatchNormalizationGrad(const KernelRequest& request, CpuContext& context);
KernelChoice makeActivationGrad(const KernelRequest& request, CpuContext& context);
KernelChoice makePoolGrad(const KernelRequest& request, CpuContext& context);
KernelChoice makeRowGrad(const KernelRequest& request, CpuContext& context);
KernelChoice makeGatherGrad(const KernelRequest& request, CpuContext& context);

}  // namespace compress
