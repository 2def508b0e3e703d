// Real models with a few things changed - attributes, operators, inputs, declared shapes -: read well, they run or are
// refused with an Error that is theirs, never ours, and never end the process.
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <limits>

#include "lib/base/random.h"
#include "lib/ir/verify.h"
#include "lib/onnx/read.h"
#include "lib/runtime/session.h"
#include "tests/support/build.h"
#include "tests/support/errors.h"
#include "tests/support/onnx_models.h"

using namespace compress;
using namespace compress::test;

namespace {

constexpr std::array<int64_t, 9> kExtremes = {0,
                                              1,
                                              -1,
                                              2,
                                              3,
                                              64,
                                              std::numeric_limits<int32_t>::max(),
                                              std::numeric_limits<int64_t>::max(),
                                              std::numeric_limits<int64_t>::min()};

class Damager {
 public:
  Damager(uint64_t seed, Graph& graph) : random_(seed, "damage"), graph_(graph) {}

  void damage() {
    const std::vector<NodeId> nodes = graph_.nodes();
    if (nodes.empty()) return;
    const NodeId id = nodes[pick(nodes.size())];
    const Node& node = graph_.node(id);
    switch (random_.below(6)) {
      case 0:
        return changeAttribute(id);
      case 1:
        if (node.attributes.size() > 0) graph_.eraseAttribute(id, (node.attributes.begin() + anyAttribute(node))->name);
        return;
      case 2:
        return graph_.setOp(id, graph_.node(nodes[pick(nodes.size())]).op);
      case 3:
        if (!node.inputs.empty()) graph_.setInput(id, pick(node.inputs.size()), anyValue());
        return;
      case 4:
        if (std::vector<ValueId> inputs = node.inputs; !inputs.empty() && node.captureCount == 0) {
          inputs.pop_back();
          graph_.setInputs(id, inputs);
        }
        return;
      default:
        return changeShape();
    }
  }

 private:
  size_t pick(size_t count) { return static_cast<size_t>(random_.below(static_cast<int64_t>(count))); }
  int64_t extreme() { return kExtremes[pick(kExtremes.size())]; }
  std::ptrdiff_t anyAttribute(const Node& node) { return static_cast<std::ptrdiff_t>(pick(node.attributes.size())); }
  ValueId anyValue() {
    const std::vector<ValueId> values = graph_.values();
    return random_.below(4) == 0 ? kNoValue : values[pick(values.size())];
  }

  void changeAttribute(NodeId id) {
    const Node& node = graph_.node(id);
    if (node.attributes.size() == 0) return;
    const Attribute attribute = *(node.attributes.begin() + anyAttribute(node));
    if (std::holds_alternative<int64_t>(attribute.data)) graph_.setAttribute(id, attribute.name, extreme());
    if (std::holds_alternative<float>(attribute.data)) graph_.setAttribute(id, attribute.name, -1e30F);
    if (const auto* list = std::get_if<std::vector<int64_t>>(&attribute.data); list != nullptr && !list->empty()) {
      std::vector<int64_t> changed = *list;
      changed[pick(changed.size())] = extreme();
      graph_.setAttribute(id, attribute.name, std::move(changed));
    }
  }

  void changeShape() {
    if (graph_.inputs().empty()) return;
    const ValueId id = graph_.inputs()[pick(graph_.inputs().size())];
    Type type = graph_.value(id).type;
    if (!type.hasRank()) return;
    if (type.rank() > 0 && random_.below(2) == 0)
      (*type.dims)[pick(type.rank())] = Dim::of(random_.below(5));
    else
      type.dims->push_back(Dim::of(random_.below(4)));
    graph_.setType(id, std::move(type));
  }

  Random random_;
  Graph& graph_;
};

bool isOurs(const Error& error) {
  return error.kind() == ErrorKind::bug || error.kind() == ErrorKind::io || error.kind() == ErrorKind::usage;
}

bool takesNumbersOnly(const Model& model) {
  return std::ranges::all_of(model.graph.runtimeInputs(), [&](ValueId id) {
    const Type& type = model.graph.value(id).type;
    return type.isTensor() && type.dtype != DType::string && bitsOf(type.dtype) >= 8 && type.dtype <= DType::bf16;
  });
}

}  // namespace

TEST_CASE("damaged models run or are refused", "[hostile][property][runtime][slow]") {
  const auto paths = realModels();
  if (paths.empty()) {
    WARN("skipped: there are no models");
    return;
  }
  constexpr uint64_t kTries = 4000;
  constexpr uintmax_t kSmall = 60'000;
  int64_t ran = 0;
  for (uint64_t seed = 0; seed < kTries; ++seed) {
    const auto& path = paths[seed * 7919 % paths.size()];
    if (std::filesystem::file_size(path) > kSmall) continue;
    CAPTURE(seed, path.string());
    const auto error = errorOf([&] {
      Model model = readModel(path).model;
      Damager damager(seed, model.graph);
      for (uint64_t i = 0; i <= seed % 3; ++i) damager.damage();
      verify(model);
      if (!takesNumbersOnly(model)) return;
      const auto cpu = makeCpuBackend();
      Session session(model, *cpu);
      Bindings bindings{randomInputs(model, seed), {}};
      session.run(bindings);
      ++ran;
    });
    if (error) CHECK_FALSE(isOurs(*error));
  }
  CHECK(ran > static_cast<int64_t>(kTries) / 10);
}
