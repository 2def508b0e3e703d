// Walks over all graphs of a model and the payloads of its tensors, without recursion and without keeping lazy payloads
// in memory.
#pragma once
#include <functional>

#include "lib/ir/model.h"

namespace compress {

/// The main graph, then every body below it.
void forEachGraph(const Graph& main, const std::function<void(const Graph&)>& visit);
/// Runs `body`, which may look at the bytes of `tensor`; bytes that were not in memory before are dropped again.
void withBytes(const Tensor& tensor, const std::function<void()>& body);

}  // namespace compress
