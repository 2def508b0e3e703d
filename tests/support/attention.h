// Attention as exporters write it, for nets of tests.
#pragma once
#include "tests/support/net.h"

namespace compress::test {

struct Heads {
  int64_t count = 2, width = 3;
};

/// [N, T, heads * width] -> [N, heads, T, width].
ValueId splitHeads(Net& net, ValueId x, const Heads& heads);
/// [N, heads, T, width] -> [N, T, heads * width].
ValueId joinHeads(Net& net, ValueId x);
/// softmax(q k^T / sqrt(width) + bias) v of split heads; `bias` may be absent.
ValueId attend(Net& net, ValueId q, ValueId k, ValueId v, ValueId bias = kNoValue);
/// Three products, attention, projection back.
ValueId separateAttention(Net& net, ValueId x, const Heads& heads, ValueId bias = kNoValue);
/// One product for all three, taken apart by Gather behind a Reshape to [N, T, 3, heads, width].
ValueId gatheredAttention(Net& net, ValueId x, const Heads& heads, ValueId bias = kNoValue);
/// One product for all three, taken apart by Split.
ValueId dividedAttention(Net& net, ValueId x, const Heads& heads, ValueId bias = kNoValue);

}  // namespace compress::test
