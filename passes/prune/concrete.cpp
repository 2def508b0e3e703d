#include "passes/prune/concrete.h"

#include <map>

namespace compress {
namespace {

constexpr int64_t kOpenExtent = 16;  ///< of a sequence or an image side whose size nobody tells

Type fixedType(Type type, std::map<std::string, int64_t>& bySymbol) {
  for (size_t axis = 0; type.dims && axis < type.dims->size(); ++axis) {
    Dim& dim = (*type.dims)[axis];
    if (dim.isKnown()) continue;
    const int64_t extent = axis == 0 ? 1 : kOpenExtent;
    dim = Dim::of(dim.symbol.empty() ? extent : bySymbol.try_emplace(dim.symbol, extent).first->second);
  }
  return type;
}

}  // namespace

Model withFixedInputs(const Model& model, const Sample* sample) {
  Model fixed = model;
  std::map<std::string, int64_t> bySymbol;
  const std::vector<ValueId> inputs = fixed.graph.runtimeInputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Type& type = fixed.graph.value(inputs[i]).type;
    fixed.graph.setType(inputs[i], sample != nullptr ? Type::tensor(type.dtype, sample->inputs.at(i).shape())
                                                     : fixedType(type, bySymbol));
  }
  for (const ValueId id : fixed.graph.values())
    if (fixed.graph.producer(id)) fixed.graph.setType(id, {});
  return fixed;
}

}  // namespace compress
