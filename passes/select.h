// --include and --exclude: patterns "op:TYPE", "node:GLOB", "tensor:GLOB"; a bare GLOB is a node's name.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "lib/ir/model.h"

namespace compress {

/// A node's name, or where it has none that of its first output.
std::string nameOf(const Graph& graph, const Node& node);

/// Throws Error(usage) with near names for a pattern that matches nothing in `graph`.
void checkPatterns(const Graph& graph, std::span<const std::string> patterns);

/// `tensor:` names what the node computes, or a constant or graph input that it reads.
bool matches(const Graph& graph, const Node& node, std::string_view pattern);

/// Why --include and --exclude leave the node out; empty where they do not.
std::string whyNotSelected(const Graph& graph, const Node& node, std::span<const std::string> include,
                           std::span<const std::string> exclude);

}  // namespace compress
