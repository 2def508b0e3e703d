// RNN, GRU and LSTM of f32 with constant weights, in all directions.
#pragma once
#include "lib/runtime/cpu/cpu.h"

namespace compress {

KernelChoice makeRecurrent(const KernelRequest& request, CpuContext& context);

}  // namespace compress
