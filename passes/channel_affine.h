// A per-channel affine function y[c] = scale[c] * x[c] + shift[c], read from a node and folded into the weights beside
// it.
//
//   after Conv, ConvTranspose, Gemm, MatMul:  W'[o, ...] = scale[o] * W[o, ...],  b'[o] = scale[o] * b[o] + shift[o]
//   before them:                              W'[o, i, ...] = scale[i] * W[o, i, ...],  b'[o] = b[o] + sum over i, k of
//   shift[i] * W[o, i, k]
//
// Computed in double, rounded once. MatMul has no bias, so its shift must be 0. A shift before a Conv needs a Conv
// without padding, for the zeros of a border are not shifted; before a ConvTranspose it must be 0. Only float32 and
// float64: rounding of 16-bit weights shows.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/ir/model.h"
#include "lib/pass/pass.h"

namespace compress {

struct ChannelAffine {
  std::vector<double> scale, shift;  ///< one per channel
  bool hasShift() const;
  bool isFinite() const;
};

/// Where the channels of a tensor lie: `count` of them on the axis that is `fromEnd` axes before the last; constants
/// that are combined with it may have rank at most `maxRank`.
struct ChannelAxis {
  int64_t count;
  size_t fromEnd;
  size_t maxRank;
};

/// Is it a Conv, ConvTranspose, Gemm or MatMul whose weights (and bias, where there is one) are float constants that
/// can be scaled by channel?
bool isWeighted(const Graph& graph, const Node& node);
/// Channels of the result and of the data input of a node for which isWeighted() holds.
ChannelAxis outputChannels(const Graph& graph, const Node& node);
ChannelAxis inputChannels(const Graph& graph, const Node& node);

/// `node`, reading `data`, as an affine function per channel; nothing when it is none that is known.
using ReadAffine =
    std::function<std::optional<ChannelAffine>(const Graph&, const Node& node, ValueId data, const ChannelAxis& axis)>;

/// Folds every node that `read` understands and that stands directly behind or before a weighted node, with no other
/// reader between, into its weights. Nodes that match but cannot be folded go to context.skipped. The count of nodes
/// folded.
int64_t foldIntoWeights(Graph& graph, const ReadAffine& read, PassContext& context);

}  // namespace compress
