// What can be removed from a graph: classes of slices that go together, in families whose members compete.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "passes/prune/closure.h"

namespace compress {

/// One closure, and the seed that it was found from.
struct PruneClass {
  Axis seed;
  int64_t slice = 0;
  Slices slices;
};

/// Classes over the same axes: channels of one layer (with all layers that must follow), heads of one attention.
struct Family {
  std::string name;  ///< of the node whose output channels the seed counts
  NodeId node;
  std::vector<PruneClass> classes;
  std::optional<Obstacle> inexact;  ///< why what stays is not as it would be with the others set to zero
  std::string signature;  ///< kinds of the nodes that make and read the channels: families of one kind compete
  bool byDigit = false;   ///< heads, head dimensions, groups: the policy had a say
  DigitPolicy policy = DigitPolicy::outer;
};

/// Output channels of a layer that cannot be removed, and why.
struct BlockedSeed {
  NodeId node;
  Axis seed;
  int64_t slices = 0;  ///< how many of the axis
  Obstructed why;      ///< of the first of them
};

struct Prunable {
  std::vector<Family> families;  ///< in topological order of their nodes
  std::vector<BlockedSeed> blocked;
};

/// Output axes of the weights that a node reads, where these are constants, possibly behind a DequantizeLinear.
std::vector<Axis> findSeeds(const Graph& graph, const KnownTypes& known, NodeId id);

/// Seeds are the output channels of every weight (Conv, ConvTranspose, Gemm, MatMul, columns of an embedding, hidden
/// units). `excluded` says why a node's channels must stay; empty where they need not.
Prunable findPrunable(const Graph& graph, const KnownTypes& known, const TieSet& ties,
                      const std::function<std::string(NodeId)>& excluded);

}  // namespace compress
