#include "lib/eval/facts.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ops/infer_types.h"
#include "lib/ops/upgrade.h"

namespace compress {
namespace {

template <typename Bits>
int64_t countZeroBits(std::span<const std::byte> raw, Bits ignored) {
  int64_t zeros = 0;
  for (size_t at = 0; at + sizeof(Bits) <= raw.size(); at += sizeof(Bits)) {
    Bits bits;
    std::memcpy(&bits, raw.data() + at, sizeof bits);
    zeros += static_cast<Bits>(bits & static_cast<Bits>(~ignored)) == 0;
  }
  return zeros;
}

int64_t countZeroNibbles(const Tensor& tensor) {
  int64_t zeros = 0;
  const auto raw = tensor.raw();
  for (int64_t i = 0; i < tensor.elementCount(); ++i) {
    const auto byte = static_cast<unsigned>(raw[static_cast<size_t>(i / 2)]);
    zeros += ((i % 2 == 0 ? byte : byte >> 4) & 0xFU) == 0;
  }
  return zeros;
}

/// Minus zero is zero.
int64_t countZeros(const Tensor& tensor) {
  const bool isReal = isFloating(tensor.dtype());
  switch (bitsOf(tensor.dtype())) {
    case 4:
      return countZeroNibbles(tensor);
    case 8:
      return countZeroBits<uint8_t>(tensor.raw(), isReal ? 0x80 : 0);
    case 16:
      return countZeroBits<uint16_t>(tensor.raw(), isReal ? 0x8000 : 0);
    case 32:
      return countZeroBits<uint32_t>(tensor.raw(), isReal ? 0x80000000U : 0);
    case 64:
      return countZeroBits<uint64_t>(tensor.raw(), isReal ? uint64_t{1} << 63 : 0);
    default:
      return 0;
  }
}

void addGraph(const Graph& graph, ModelFacts& facts, std::vector<Body>& bodies) {
  for (const ValueId id : graph.values()) {
    const Tensor* constant = graph.constant(id);
    if (constant == nullptr || constant->dtype() == DType::string || (graph.uses(id).empty() && !graph.isOutput(id)))
      continue;
    facts.parameters += constant->elementCount();
    const bool wasResident = constant->bytes().isResident();
    facts.zeros += countZeros(*constant);
    facts.dtypeBytes[std::string(nameOf(constant->dtype()))] += static_cast<int64_t>(constant->bytes().size());
    if (!wasResident) constant->bytes().drop();  // a session may hold on to bytes that were there before
  }
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    ++facts.ops[node.domain.empty() ? node.op : text(node.domain, ":", node.op)];
    for (const Attribute& attribute : node.attributes) {
      if (const auto* body = std::get_if<Body>(&attribute.data)) bodies.push_back(*body);
      if (const auto* several = std::get_if<std::vector<Body>>(&attribute.data))
        bodies.insert(bodies.end(), several->begin(), several->end());
    }
  }
}

/// Extents of input `i`, when all are known.
std::optional<Shape> shapeOf(std::span<const Type> types, size_t i) {
  return i < types.size() ? types[i].shape() : std::nullopt;
}

std::optional<int64_t> convolutionMacs(std::span<const Type> inputs, std::span<const Type> outputs, size_t weight,
                                       bool transposed) {
  const auto w = shapeOf(inputs, weight), moved = transposed ? shapeOf(inputs, 0) : shapeOf(outputs, 0);
  if (!w || !moved || w->rank() < 2) return std::nullopt;
  return moved->elementCount() * w->count(1, w->rank());
}

std::optional<int64_t> productMacs(std::span<const Type> inputs, std::span<const Type> outputs, bool isTransposed) {
  const auto a = shapeOf(inputs, 0), out = shapeOf(outputs, 0);
  if (!a || !out || a->rank() < 1) return std::nullopt;
  return out->elementCount() * (*a)[isTransposed ? 0 : a->rank() - 1];
}

std::optional<int64_t> recurrentMacs(std::span<const Type> inputs) {
  const auto x = shapeOf(inputs, 0), w = shapeOf(inputs, 1), r = shapeOf(inputs, 2);
  if (!x || !w || !r || x->rank() != 3) return std::nullopt;
  return (*x)[0] * (*x)[1] * (w->elementCount() + r->elementCount());
}

std::map<ValueId, Type> fixedTypes(const Graph& graph, std::span<const Shape> shapes) {
  std::map<ValueId, Type> types;
  const std::vector<ValueId> inputs = graph.runtimeInputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    Type type = graph.value(inputs[i]).type;
    if (i < shapes.size())
      type.dims = Type::tensor(type.dtype, shapes[i]).dims;
    else if (type.hasRank())
      for (Dim& dim : *type.dims)
        if (!dim.isKnown()) dim = Dim::of(1);
    types.emplace(inputs[i], std::move(type));
  }
  return types;
}

std::optional<int64_t> totalMacs(const Model& model, std::span<const Shape> shapes) {
  const Model newest = upgraded(model);
  const Graph& graph = newest.graph;
  const Inferred inferred = inferTypes(graph, fixedTypes(graph, shapes));
  const auto typesOf = [&](const std::vector<ValueId>& ids) {
    std::vector<Type> types;
    for (const ValueId id : ids) types.push_back(id ? inferred.types.at(static_cast<size_t>(id.index)) : Type{});
    return types;
  };
  int64_t total = 0;
  for (const NodeId id : graph.nodes()) {
    const Node& node = graph.node(id);
    const auto macs = macsOf(node, typesOf(node.inputs), typesOf(node.outputs));
    if (!macs) return std::nullopt;
    total += *macs;
  }
  return total;
}

}  // namespace

std::optional<int64_t> macsOf(const Node& node, std::span<const Type> inputs, std::span<const Type> outputs) {
  static const std::set<std::string_view> kUncounted = {"If", "Loop", "Scan", "Einsum"};
  if (!node.domain.empty()) return 0;
  const std::string& op = node.op;
  if (op == "Conv" || op == "ConvInteger") return convolutionMacs(inputs, outputs, 1, false);
  if (op == "QLinearConv") return convolutionMacs(inputs, outputs, 3, false);
  if (op == "ConvTranspose") return convolutionMacs(inputs, outputs, 1, true);
  if (op == "MatMul" || op == "MatMulInteger" || op == "QLinearMatMul") return productMacs(inputs, outputs, false);
  if (op == "Gemm") return productMacs(inputs, outputs, node.attributes.integer("transA", 0) != 0);
  if (op == "LSTM" || op == "GRU" || op == "RNN") return recurrentMacs(inputs);
  return kUncounted.contains(op) ? std::nullopt : std::optional<int64_t>(0);
}

ModelFacts describe(const Model& model, std::span<const Shape> inputShapes) {
  ModelFacts facts;
  facts.opset = model.opsets.version("");
  facts.irVersion = model.irVersion;
  std::vector<Body> bodies;
  addGraph(model.graph, facts, bodies);
  while (!bodies.empty()) {
    const Body body = bodies.back();
    bodies.pop_back();
    if (body) addGraph(*body, facts, bodies);
  }
  try {
    facts.macs = totalMacs(model, inputShapes);
  } catch (const Error& error) {
    // A model with operators or forms that we do not know has facts all the same.
    if (error.kind() != ErrorKind::unsupported && error.kind() != ErrorKind::input) throw;
  }
  return facts;
}

int64_t zstdBytes(std::string_view content) {
  std::string packed(ZSTD_compressBound(content.size()), '\0');
  const size_t size = ZSTD_compress(packed.data(), packed.size(), content.data(), content.size(), ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(size)) throw Error(ErrorKind::bug, text("zstd: ", ZSTD_getErrorName(size)));
  return static_cast<int64_t>(size);
}

}  // namespace compress
