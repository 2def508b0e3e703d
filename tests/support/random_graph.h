// Random graphs of every operator that the cpu backend has a kernel for, and of those around them: the lists of
// generators, one file per family of operators.
#pragma once
#include <span>
#include <string_view>

#include "tests/support/graph_author.h"

namespace compress::test {

/// Appends one operator, or a pattern around it, to what the author has; may leave it out.
struct OperatorWriter {
  std::string_view op;
  void (*write)(GraphAuthor& author, std::string_view op);
};
std::span<const OperatorWriter> elementwiseWriters();
std::span<const OperatorWriter> movementWriters();
std::span<const OperatorWriter> layerWriters();
std::span<const OperatorWriter> patternWriters();
/// Results whose shapes depend on data; bodies.
std::span<const OperatorWriter> dynamicWriters();

/// All of them. Each `writer` of randomGraph() is one of these.
std::vector<OperatorWriter> operatorWriters();

/// A graph of one to eight operators, the first by writer number `seed` modulo their count.
RandomGraph randomGraph(uint64_t seed);

}  // namespace compress::test
