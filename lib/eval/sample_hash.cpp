#include "lib/eval/sample_hash.h"

#include <string>

#include "lib/ir/print.h"

namespace compress {

uint64_t hashOf(const Sample& sample) {
  uint64_t sum = 0;
  for (const Tensor& tensor : sample.inputs)
    sum = sum * 0x9E3779B97F4A7C15ULL + std::stoull(digest(tensor), nullptr, 16);
  return sum;
}

}  // namespace compress
