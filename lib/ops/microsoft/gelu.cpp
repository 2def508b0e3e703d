// GELUs of com.microsoft: Gelu, BiasGelu, FastGelu, QuickGelu.
#include "lib/ops/lowering.h"
#include "lib/ops/microsoft/families.h"

namespace compress {
namespace {

bool lowerGelu(Lowering& node) {
  const ValueId x = node.has(1) ? node.emit("Add", {node.input(0), node.input(1)}) : node.input(0);
  node.give(0, node.emit("Gelu", {x}));
  return true;
}

bool lowerFastGelu(Lowering& node) {
  const ValueId x = node.has(1) ? node.emit("Add", {node.input(0), node.input(1)}) : node.input(0);
  node.give(0, node.emit("Gelu", {x}, attributesOf({{"approximate", std::string("tanh")}})));
  return true;
}

bool lowerQuickGelu(Lowering& node) {
  const DType dtype = node.type(0).dtype;
  if (dtype == DType::undefined) return false;
  const double alpha = static_cast<double>(node.attributes().real("alpha", 1.702F));
  const ValueId scaled = node.emit("Mul", {node.input(0), node.scalar(alpha, dtype)});
  node.give(0, node.emit("Mul", {node.input(0), node.emit("Sigmoid", {scaled})}));
  return true;
}

}  // namespace

std::vector<OpSpec> microsoftGeluOps() {
  return {
      lowered("Gelu", kMicrosoft, lowerGelu, "y = x/2 (1 + erf(x / 2^(1/2)))"),
      lowered("BiasGelu", kMicrosoft, lowerGelu, "Gelu(x + bias)"),
      lowered("FastGelu", kMicrosoft, lowerFastGelu, "Gelu(x + bias) in its tanh form"),
      lowered("QuickGelu", kMicrosoft, lowerQuickGelu, "y = x / (1 + e^(-alpha x))"),
  };
}

}  // namespace compress
