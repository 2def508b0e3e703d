// One source for all instruction sets (see elementwise_loops.cpp).
#include "lib/runtime/cpu/sparse_loops.h"

#include <algorithm>
#include <type_traits>

// The order of these matters.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/runtime/cpu/sparse_loops.cpp"
#include "lib/runtime/cpu/vector_targets.h"
// Highway includes this file again for each target.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace compress::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr int64_t kBlock = 4;  // lanes of the 128-bit blocks that interleaving stays within

#if HWY_TARGET == HWY_SCALAR

/// One position per vector: nothing to do.
HWY_INLINE void transposeBlocks(D, V (&)[kBlock]) {}

HWY_INLINE void loadFour(D, const SparseTask& t, int64_t first, int64_t channel) {
  for (int64_t i = channel; i < channel + kBlock; ++i) t.tile[i * t.pitch + first] = t.source[first * t.step + i];
}

#else

/// Element j of block b of vector i becomes element i of block b of vector j.
HWY_INLINE void transposeBlocks(D d, V (&v)[kBlock]) {
  const hn::RepartitionToWide<D> wide;
  const auto low01 = hn::BitCast(wide, hn::InterleaveLower(d, v[0], v[1]));
  const auto high01 = hn::BitCast(wide, hn::InterleaveUpper(d, v[0], v[1]));
  const auto low23 = hn::BitCast(wide, hn::InterleaveLower(d, v[2], v[3]));
  const auto high23 = hn::BitCast(wide, hn::InterleaveUpper(d, v[2], v[3]));
  v[0] = hn::BitCast(d, hn::InterleaveLower(wide, low01, low23));
  v[1] = hn::BitCast(d, hn::InterleaveUpper(wide, low01, low23));
  v[2] = hn::BitCast(d, hn::InterleaveLower(wide, high01, high23));
  v[3] = hn::BitCast(d, hn::InterleaveUpper(wide, high01, high23));
}

/// Positions [first, first + lanes) of four channels: block b of vector i is position 4 b + i.
HWY_INLINE void loadFour(D d, const SparseTask& t, int64_t first, int64_t channel) {
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));
  const int64_t step = t.step;
  const float* from = t.source + first * step + channel;
  V v[kBlock];
  for (int64_t i = 0; i < kBlock; ++i, from += step) {
    v[i] = hn::LoadDup128(d, from + (kLanes - kBlock) * step);
    if constexpr (kLanes == 16) {
      v[i] = hn::IfThenElse(hn::FirstN(d, 12), hn::LoadDup128(d, from + 8 * step), v[i]);
      v[i] = hn::IfThenElse(hn::FirstN(d, 8), hn::LoadDup128(d, from + 4 * step), v[i]);
    }
    if constexpr (kLanes > kBlock) v[i] = hn::IfThenElse(hn::FirstN(d, 4), hn::LoadDup128(d, from), v[i]);
  }
  transposeBlocks(d, v);
  for (int64_t i = 0; i < kBlock; ++i) hn::Store(v[i], d, t.tile + (channel + i) * t.pitch + first);
}

#endif

/// The tile holds all positions of a channel side by side, zeros behind the last.
void loadTile(const SparseTask& t) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t first = 0;
  for (; first + lanes <= t.positions; first += lanes) {
    int64_t channel = 0;
    for (; channel + kBlock <= t.inputs; channel += kBlock) loadFour(d, t, first, channel);
    for (; channel < t.inputs; ++channel)
      for (int64_t p = first; p < first + lanes; ++p) t.tile[channel * t.pitch + p] = t.source[p * t.step + channel];
  }
  if (first == t.positions) return;
  for (int64_t channel = 0; channel < t.inputs; ++channel) {
    float* to = t.tile + channel * t.pitch + first;
    hn::Store(hn::Zero(d), d, to);
    for (int64_t p = first; p < t.positions; ++p) *to++ = t.source[p * t.step + channel];
  }
}

/// Results of one group at the positions from `first` on: vector c holds channel c.
HWY_INLINE void storeGroup(D d, const SparseTask& t, int64_t group, int64_t first, V (&v)[kSparseGroup]) {
  const hn::CappedTag<float, kBlock> narrow;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));
  HWY_ALIGN float rows[kSparseGroup * kLanes];
  transposeBlocks(d, v);
  for (int64_t i = 0; i < kBlock; ++i) hn::Store(v[i], d, rows + i * kLanes);
  const int64_t channel = group * kSparseGroup;
  const int64_t channels = std::min(kSparseGroup, t.outputs - channel);
  const int64_t positions = std::min(kLanes, t.positions - first);
  float* to = t.target + first * t.outputs + channel;
  if (channels == kSparseGroup && positions == kLanes && kLanes >= kBlock) {
    for (int64_t b = 0; b < kLanes; b += kBlock)
      for (int64_t i = 0; i < kBlock; ++i, to += t.outputs)
        hn::StoreU(hn::Load(narrow, rows + i * kLanes + b), narrow, to);
    return;
  }
  for (int64_t p = 0; p < positions; ++p, to += t.outputs) {
    const float* from = rows + p % kBlock * kLanes + p / kBlock * kBlock;
    std::copy(from, from + channels, to);
  }
}

/// The first kVectors of `sums` of each channel, written to `target` where they are positions of the task.
template <int kVectors>
HWY_INLINE void storeGroups(D d, const SparseTask& t, int64_t group, int64_t first,
                            const V (&sums)[kSparseGroup][kVectors]) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto store = [&](auto index) HWY_ATTR {
    constexpr int kIndex = decltype(index)::value;
    V results[kSparseGroup] = {sums[0][kIndex], sums[1][kIndex], sums[2][kIndex], sums[3][kIndex]};
    storeGroup(d, t, group, first + kIndex * lanes, results);
  };
  store(std::integral_constant<int, 0>());
  if constexpr (kVectors > 1) store(std::integral_constant<int, 1>());
  if constexpr (kVectors > 2) {
    store(std::integral_constant<int, 2>());
    store(std::integral_constant<int, 3>());
  }
}

/// One entry of a blocked group at kVectors vectors of positions.
template <int kVectors>
HWY_INLINE void addBlock(D d, const float* x, const float* w, V (&sums)[kSparseGroup][kVectors]) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V inputs[kVectors];
  for (int i = 0; i < kVectors; ++i) inputs[i] = hn::LoadU(d, x + i * lanes);
  for (int64_t c = 0; c < kSparseGroup; ++c) {
    const V factor = hn::Set(d, w[c]);
    for (int i = 0; i < kVectors; ++i) sums[c][i] = hn::MulAdd(factor, inputs[i], sums[c][i]);
  }
}

template <int kVectors>
HWY_INLINE void blockedGroup(const SparseTask& t, int64_t group, int64_t first) {
  const D d;
  V even[kSparseGroup][kVectors];
  V odd[kSparseGroup][kVectors];
  for (int64_t c = 0; c < kSparseGroup; ++c)
    for (int i = 0; i < kVectors; ++i) {
      even[c][i] = hn::Set(d, t.weights.bias[group * kSparseGroup + c]);
      odd[c][i] = hn::Zero(d);
    }
  const float* tile = t.tile + first;
  int64_t entry = t.weights.starts[group];
  const int64_t end = t.weights.starts[group + 1];
  for (; entry + 2 <= end; entry += 2) {
    addBlock<kVectors>(d, tile + t.weights.inputs[entry] * t.pitch, t.weights.values + entry * kSparseGroup, even);
    addBlock<kVectors>(d, tile + t.weights.inputs[entry + 1] * t.pitch, t.weights.values + (entry + 1) * kSparseGroup,
                       odd);
  }
  if (entry < end)
    addBlock<kVectors>(d, tile + t.weights.inputs[entry] * t.pitch, t.weights.values + entry * kSparseGroup, even);
  for (int64_t c = 0; c < kSparseGroup; ++c)
    for (int i = 0; i < kVectors; ++i) even[c][i] = hn::Add(even[c][i], odd[c][i]);
  storeGroups<kVectors>(d, t, group, first, even);
}

/// One channel of a group whose weights stand alone.
template <int kVectors>
HWY_INLINE void channelSums(const SparseTask& t, int64_t channel, int64_t first, V (&results)[kVectors]) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V odd[kVectors];
  for (int i = 0; i < kVectors; ++i) {
    results[i] = hn::Set(d, t.weights.bias[channel]);
    odd[i] = hn::Zero(d);
  }
  const float* tile = t.tile + first;
  int64_t entry = t.weights.starts[channel];
  const int64_t end = t.weights.starts[channel + 1];
  for (; entry + 2 <= end; entry += 2) {
    const float* x = tile + t.weights.inputs[entry] * t.pitch;
    const float* y = tile + t.weights.inputs[entry + 1] * t.pitch;
    const V a = hn::Set(d, t.weights.values[entry]);
    const V b = hn::Set(d, t.weights.values[entry + 1]);
    for (int i = 0; i < kVectors; ++i) {
      results[i] = hn::MulAdd(a, hn::LoadU(d, x + i * lanes), results[i]);
      odd[i] = hn::MulAdd(b, hn::LoadU(d, y + i * lanes), odd[i]);
    }
  }
  if (entry < end) {
    const V a = hn::Set(d, t.weights.values[entry]);
    for (int i = 0; i < kVectors; ++i)
      results[i] = hn::MulAdd(a, hn::LoadU(d, tile + t.weights.inputs[entry] * t.pitch + i * lanes), results[i]);
  }
  for (int i = 0; i < kVectors; ++i) results[i] = hn::Add(results[i], odd[i]);
}

template <int kVectors>
HWY_INLINE void looseGroup(const SparseTask& t, int64_t group, int64_t first) {
  const D d;
  V sums[kSparseGroup][kVectors];
  channelSums<kVectors>(t, group * kSparseGroup, first, sums[0]);
  channelSums<kVectors>(t, group * kSparseGroup + 1, first, sums[1]);
  channelSums<kVectors>(t, group * kSparseGroup + 2, first, sums[2]);
  channelSums<kVectors>(t, group * kSparseGroup + 3, first, sums[3]);
  storeGroups<kVectors>(d, t, group, first, sums);
}

// Two sums of four channels at two vectors of positions fill half the registers of AVX-512.
constexpr int kBlockedVectors = HWY_MAX_BYTES >= 64 ? 2 : 1;
constexpr int kLooseVectors = HWY_MAX_BYTES >= 64 ? 4 : 2;

void runTask(const SparseTask& t, bool loadsTile) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  if (loadsTile) loadTile(t);
  const int64_t step = (t.weights.isBlocked ? kBlockedVectors : kLooseVectors) * lanes;
  for (int64_t group = t.firstGroup; group < t.lastGroup; ++group) {
    int64_t first = 0;
    for (; first + step <= t.positions; first += step)
      if (t.weights.isBlocked)
        blockedGroup<kBlockedVectors>(t, group, first);
      else
        looseGroup<kLooseVectors>(t, group, first);
    for (; first < t.positions; first += lanes)
      if (t.weights.isBlocked)
        blockedGroup<1>(t, group, first);
      else
        looseGroup<1>(t, group, first);
  }
}

/// The channels of a group at one position.
void rowGroup(const SparseTask& t, const float* x, int64_t group, float* results) {
  const hn::CappedTag<float, kSparseGroup> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t end = t.weights.starts[group + 1];
  for (int64_t c = 0; c < kSparseGroup; c += lanes) {
    const auto withEntry = [&](int64_t entry, hn::Vec<decltype(d)> sum) HWY_ATTR {
      const auto w = hn::LoadU(d, t.weights.values + entry * kSparseGroup + c);
      return hn::MulAdd(hn::Set(d, x[t.weights.inputs[entry]]), w, sum);
    };
    auto s0 = hn::LoadU(d, t.weights.bias + group * kSparseGroup + c);
    auto s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
    int64_t entry = t.weights.starts[group];
    for (; entry + 4 <= end; entry += 4) {
      s0 = withEntry(entry, s0);
      s1 = withEntry(entry + 1, s1);
      s2 = withEntry(entry + 2, s2);
      s3 = withEntry(entry + 3, s3);
    }
    for (; entry < end; ++entry) s0 = withEntry(entry, s0);
    hn::StoreU(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), d, results + c);
  }
}

void runRows(const SparseTask& t) {
  float results[kSparseGroup];
  for (int64_t p = 0; p < t.positions; ++p)
    for (int64_t group = t.firstGroup; group < t.lastGroup; ++group) {
      const int64_t channel = group * kSparseGroup;
      rowGroup(t, t.source + p * t.step, group, results);
      std::copy(results, results + std::min(kSparseGroup, t.outputs - channel), t.target + p * t.outputs + channel);
    }
}

}  // namespace
}  // namespace compress::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compress {

HWY_EXPORT(runTask);
HWY_EXPORT(runRows);

void runSparseTask(const SparseTask& task, bool loadsTile) {
  HWY_DYNAMIC_DISPATCH(runTask)(task, loadsTile);
}
void runSparseRows(const SparseTask& task) {
  HWY_DYNAMIC_DISPATCH(runRows)(task);
}

}  // namespace compress
#endif
