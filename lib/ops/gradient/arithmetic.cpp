// Gradients of arithmetic with broadcasting, choice, and elementwise functions whose derivative is made of ONNX's own
// operators. g is the gradient of the output y.
#include <cmath>

#include "lib/ops/gradient/rules.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

void sum(Backward& b) {
  for (size_t i = 0; i < b.node().inputs.size(); ++i) b.giveBroadcast(i, b.gradient());
}

void mean(Backward& b) {
  const ValueId share = b.emit("Mul", {b.gradient(), b.scalar(1.0 / static_cast<double>(b.node().inputs.size()))});
  for (size_t i = 0; i < b.node().inputs.size(); ++i) b.giveBroadcast(i, share);
}

void sub(Backward& b) {
  b.giveBroadcast(0, b.gradient());
  if (b.wants(1)) b.giveBroadcast(1, b.emit("Neg", {b.gradient()}));
}

void mul(Backward& b) {
  if (b.wants(0)) b.giveBroadcast(0, b.emit("Mul", {b.gradient(), b.input(1)}));
  if (b.wants(1)) b.giveBroadcast(1, b.emit("Mul", {b.gradient(), b.input(0)}));
}

/// g / b and -g y / b.
void div(Backward& b) {
  const ValueId quotient = b.emit("Div", {b.gradient(), b.input(1)});
  b.giveBroadcast(0, quotient);
  if (b.wants(1)) b.giveBroadcast(1, b.emit("Neg", {b.emit("Mul", {quotient, b.output()})}));
}

/// g n x^(n - 1) and g y ln x; the latter is 0 where y is, so that x = 0 is no trouble.
void power(Backward& b) {
  const ValueId base = b.input(0), exponent = b.input(1), g = b.gradient();
  if (b.wants(0)) {
    const Tensor* known = b.constant(1);
    const bool isSquare = known != nullptr && known->elementCount() == 1 && toDoubles(*known)[0] == 2;
    ValueId slope;
    if (isSquare) {
      slope = b.emit("Mul", {base, b.scalar(2)});
    } else {
      const ValueId n = b.dtype(1) == b.dtype(0) ? exponent : b.emit("CastLike", {exponent, base});
      slope = b.emit("Mul", {n, b.emit("Pow", {base, b.emit("Sub", {n, b.scalar(1)})})});
    }
    b.giveBroadcast(0, b.emit("Mul", {g, slope}));
  }
  if (!b.wants(1)) return;
  const ValueId isZero = b.emit("Equal", {b.output(), b.scalar(0)});
  const ValueId logarithm = b.emit("Log", {b.emit("Where", {isZero, b.scalar(1), base})});
  b.giveBroadcast(1, b.emit("Mul", {g, b.emit("Mul", {b.output(), logarithm})}));
}

/// The inputs that give the extreme share g: ties get equal parts.
void extreme(Backward& b) {
  std::vector<ValueId> masks;
  ValueId count;
  for (size_t i = 0; i < b.node().inputs.size(); ++i) {
    masks.push_back(b.emit("CastLike", {b.emit("Equal", {b.input(i), b.output()}), b.output()}));
    count = i == 0 ? masks[0] : b.emit("Add", {count, masks[i]});
  }
  const ValueId share = masks.size() == 1 ? b.gradient() : b.emit("Div", {b.gradient(), count});
  for (size_t i = 0; i < masks.size(); ++i)
    if (b.wants(i)) b.giveBroadcast(i, b.emit("Mul", {share, masks[i]}));
}

void where(Backward& b) {
  const ValueId zero = b.scalar(0);
  if (b.wants(1)) b.giveBroadcast(1, b.emit("Where", {b.input(0), b.gradient(), zero}));
  if (b.wants(2)) b.giveBroadcast(2, b.emit("Where", {b.input(0), zero, b.gradient()}));
}

/// g times a value made from the input or the output.
template <typename Slope>
void scaled(Backward& b, const Slope& slope) {
  b.give(0, b.emit("Mul", {b.gradient(), slope()}));
}

void neg(Backward& b) {
  b.give(0, b.emit("Neg", {b.gradient()}));
}
void absolute(Backward& b) {
  scaled(b, [&] { return b.emit("Sign", {b.input(0)}); });
}
void exponential(Backward& b) {
  scaled(b, [&] { return b.output(); });
}
void logarithm(Backward& b) {
  b.give(0, b.emit("Div", {b.gradient(), b.input(0)}));
}
void squareRoot(Backward& b) {
  b.give(0, b.emit("Div", {b.gradient(), b.emit("Mul", {b.output(), b.scalar(2)})}));
}
void reciprocal(Backward& b) {
  b.give(0, b.emit("Neg", {b.emit("Mul", {b.gradient(), b.emit("Mul", {b.output(), b.output()})})}));
}
void sine(Backward& b) {
  scaled(b, [&] { return b.emit("Cos", {b.input(0)}); });
}
void cosine(Backward& b) {
  scaled(b, [&] { return b.emit("Neg", {b.emit("Sin", {b.input(0)})}); });
}

void pass(Backward& b) {
  b.give(0, b.gradient());
}

/// Nothing is dropped outside training mode; in it, what was kept is known by the mask.
void dropout(Backward& b) {
  const Tensor* training = b.constant(2);
  if (!b.has(2) || (training != nullptr && toDoubles(*training)[0] == 0)) return b.give(0, b.gradient());
  throw Error(ErrorKind::unsupported, "Dropout in training mode has no gradient here",
              "export the model in inference mode");
}

void cast(Backward& b) {
  if (isFloating(b.dtype(0))) b.give(0, b.emit("CastLike", {b.gradient(), b.input(0)}));
}

}  // namespace

std::vector<GradientRule> arithmeticGradients() {
  return {{"Add", sum},         {"Sum", sum},       {"Mean", mean},       {"Sub", sub},
          {"Mul", mul},         {"Div", div},       {"Pow", power},       {"Max", extreme},
          {"Min", extreme},     {"Where", where},   {"Neg", neg},         {"Abs", absolute},
          {"Exp", exponential}, {"Log", logarithm}, {"Sqrt", squareRoot}, {"Reciprocal", reciprocal},
          {"Sin", sine},        {"Cos", cosine},    {"Identity", pass},   {"Dropout", dropout},
          {"Cast", cast},       {"CastLike", cast}};
}

}  // namespace compress
