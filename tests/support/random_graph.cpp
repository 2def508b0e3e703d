#include "tests/support/random_graph.h"

namespace compress::test {

std::vector<OperatorWriter> operatorWriters() {
  std::vector<OperatorWriter> all;
  for (const auto list : {elementwiseWriters(), movementWriters(), layerWriters(), patternWriters(), dynamicWriters()})
    all.insert(all.end(), list.begin(), list.end());
  return all;
}

RandomGraph randomGraph(uint64_t seed) {
  static const std::vector<OperatorWriter> kWriters = operatorWriters();
  const auto count = static_cast<int64_t>(kWriters.size());
  // One in sixteen is large enough for kernels that spread their work over threads.
  GraphAuthor author(seed, seed / kWriters.size() % 16 == 0 ? 40'000 : 600);
  const auto write = [&](const OperatorWriter& writer) { writer.write(author, writer.op); };
  write(kWriters[seed % kWriters.size()]);
  const int64_t more = author.below(8);
  for (int64_t i = 0; i < more; ++i) write(kWriters[static_cast<size_t>(author.below(count))]);
  while (author.graph().nodeCount() == 0) write(kWriters[static_cast<size_t>(author.below(count))]);
  return std::move(author).finish();
}

}  // namespace compress::test
