// Signal processing: window functions, DFT, STFT and MelWeightMatrix. A complex number is a pair on the last axis.
#include <cmath>
#include <complex>
#include <numbers>

#include "lib/base/parallel.h"
#include "lib/ops/access.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"
#include "lib/ops/upgrade_tools.h"

namespace compress {
namespace {

using Complex = std::complex<double>;
constexpr double kPi = std::numbers::pi;

/// The only element of integer input `i`.
int64_t integerInput(const ReferenceContext& context, size_t i) {
  const auto values = toInts(context.inputs[i]);
  if (values.size() != 1) reject("input ", i, " has ", values.size(), " elements, expected 1");
  return values[0];
}

/// The same where it is known.
std::optional<int64_t> knownInteger(const InferContext& context, size_t i) {
  const auto values = knownInts(context, i);
  if (!values) return std::nullopt;
  if (values->size() != 1) reject("input ", i, " has ", values->size(), " elements, expected 1");
  return values->front();
}

// Windows -------------------------------------------------------------------------------------------------------------

void inferWindow(InferContext& context) {
  requireInputs(context, 1);
  const auto size = knownInteger(context, 0);
  if (size && *size < 0) reject("a window of ", *size, " elements");
  context.outputs.at(0) = Type::tensor(dtypeAttribute(context.node, "output_datatype", DType::f32),
                                       std::vector<Dim>{size ? Dim::of(*size) : Dim{}});
}

/// y[i] = a - b cos(2 pi i / n) + c cos(4 pi i / n); n is one less where the window is symmetric.
template <auto coefficients>
void window(ReferenceContext& context) {
  const auto [a, b, c] = coefficients();
  const int64_t size = context.outputs[0].elementCount();
  const int64_t period = context.node.attributes.integer("periodic", 1) != 0 ? size : size - 1;
  std::vector<double> y(static_cast<size_t>(size));
  for (size_t i = 0; i < y.size(); ++i) {
    const double angle = 2 * kPi * static_cast<double>(i) / static_cast<double>(std::max<int64_t>(1, period));
    y[i] = a - b * std::cos(angle) + c * std::cos(2 * angle);
  }
  store(std::span<const double>(y), context.outputs[0]);
}

constexpr auto kHann = [] { return std::array{0.5, 0.5, 0.0}; };
constexpr auto kHamming = [] { return std::array{25.0 / 46, 21.0 / 46, 0.0}; };
constexpr auto kBlackman = [] { return std::array{0.42, 0.5, 0.08}; };

// DFT -----------------------------------------------------------------------------------------------------------------

/// The transform of `x` at the first `bins` frequencies, not divided by its length.
std::vector<Complex> transform(const std::vector<Complex>& x, size_t bins, bool isInverse) {
  const size_t n = x.size();
  std::vector<Complex> roots(n), y(bins);
  for (size_t i = 0; i < n; ++i)
    roots[i] = std::polar(1.0, (isInverse ? 2 : -2) * kPi * static_cast<double>(i) / static_cast<double>(n));
  for (size_t k = 0; k < bins; ++k)
    for (size_t i = 0; i < n; ++i) y[k] += x[i] * roots[i * k % n];
  return y;
}

struct Dft {
  bool isInverse, isOneSided;
  explicit Dft(const Node& node)
      : isInverse(node.attributes.integer("inverse", 0) != 0),
        isOneSided(node.attributes.integer("onesided", 0) != 0) {}
  bool isReal() const { return isInverse && isOneSided; }
  int64_t defaultLength(int64_t dim) const { return isReal() ? 2 * (dim - 1) : dim; }
  int64_t outputLength(int64_t length) const { return isOneSided && !isInverse ? length / 2 + 1 : length; }
};

size_t signalAxis(int64_t axis, size_t rank) {
  if (rank < 2) reject("the input has rank ", rank, ", expected at least 2");
  const size_t index = normalizedAxis(axis, rank);
  if (index + 1 == rank) reject("axis ", axis, " is the one of complex parts");
  return index;
}

void inferDft(InferContext& context) {
  const Dft dft(context.node);
  if (!sameRankAsFirst(context)) return;
  auto& dims = *context.outputs[0].dims;
  dims = *context.input(0).dims;
  if (dims.size() < 2) reject("the signal has rank ", dims.size(), ", expected at least 2");
  dims.back() = Dim::of(dft.isReal() ? 1 : 2);
  const auto axis = context.has(2) ? knownInteger(context, 2) : std::optional<int64_t>(-2);
  if (!axis) {
    for (size_t i = 0; i + 1 < dims.size(); ++i) dims[i] = {};
    return;
  }
  Dim& dim = dims[signalAxis(*axis, dims.size())];
  const auto length = context.has(1) ? knownInteger(context, 1)
                                     : (dim.isKnown() ? std::optional(dft.defaultLength(dim.value)) : std::nullopt);
  if (length && *length < 1) reject("a transform of length ", *length, ", expected at least 1");
  dim = length ? Dim::of(dft.outputLength(*length)) : Dim{};
}

/// A line of a signal, cut or filled with zeros to `length`; the missing half of a one-sided spectrum is mirrored.
std::vector<Complex> lineOf(const std::vector<double>& x, int64_t start, int64_t step, int64_t size, int64_t parts,
                            int64_t length, bool isMirrored) {
  std::vector<Complex> line(static_cast<size_t>(length));
  for (int64_t i = 0; i < std::min(size, length); ++i) {
    const auto at = static_cast<size_t>(start + i * step);
    line[static_cast<size_t>(i)] = {x[at], parts == 2 ? x[at + 1] : 0.0};
  }
  for (int64_t i = length / 2 + 1; isMirrored && i < length; ++i)
    line[static_cast<size_t>(i)] = std::conj(line[static_cast<size_t>(length - i)]);
  return line;
}

void dft(ReferenceContext& context) {
  const Dft form(context.node);
  const Shape &shape = context.inputs[0].shape(), &result = context.outputs[0].shape();
  const size_t axis = signalAxis(context.has(2) ? integerInput(context, 2) : -2, shape.rank());
  const int64_t parts = shape[shape.rank() - 1], size = shape[axis];
  if (parts != 1 && parts != 2) reject("the last axis has ", parts, " elements, expected 1 or 2");
  const int64_t length = context.has(1) ? integerInput(context, 1) : form.defaultLength(size);
  const int64_t inner = shape.count(axis + 1, shape.rank() - 1), outParts = result[result.rank() - 1];
  const auto x = load<double>(context.inputs[0]);
  std::vector<double> y(static_cast<size_t>(result.elementCount()));
  parallelFor(shape.count(0, axis) * inner, [&](int64_t task) {
    const int64_t o = task / inner, i = task % inner;
    const auto line = lineOf(x, (o * size * inner + i) * parts, inner * parts, size, parts, length, form.isReal());
    const auto spectrum = transform(line, static_cast<size_t>(result[axis]), form.isInverse);
    const double factor = form.isInverse ? 1 / static_cast<double>(length) : 1;
    for (int64_t k = 0; k < result[axis]; ++k) {
      const auto to = static_cast<size_t>(((o * result[axis] + k) * inner + i) * outParts);
      y[to] = spectrum[static_cast<size_t>(k)].real() * factor;
      if (outParts == 2) y[to + 1] = spectrum[static_cast<size_t>(k)].imag() * factor;
    }
  });
  store(std::span<const double>(y), context.outputs[0]);
}

/// Opset 20: the axis became an input.
void axisToInput(Graph& graph, NodeId id) {
  const int64_t axis = graph.node(id).attributes.integer("axis", 1);
  graph.eraseAttribute(id, "axis");
  placeInput(graph, id, 2, addConstantFor(graph, id, "axis", Tensor::scalar(axis)));
}

// STFT ----------------------------------------------------------------------------------------------------------------

void inferStft(InferContext& context) {
  requireInputs(context, 2);
  requireRank(context, 0, 3);
  const Type& x = context.input(0);
  context.outputs.at(0) = Type::tensor(x.dtype, std::vector<Dim>(4));
  auto& dims = *context.outputs[0].dims;
  dims[3] = Dim::of(2);
  dims[0] = dimOfInput(context, 0, 0);
  const Dim signal = dimOfInput(context, 0, 1);
  const auto step = knownInteger(context, 1), named = context.has(3) ? knownInteger(context, 3) : std::nullopt;
  Dim frame = context.has(3) ? (named ? Dim::of(*named) : Dim{}) : dimOfInput(context, context.has(2) ? 2 : 0, 0);
  if (!context.has(3) && !context.has(2)) frame = signal;
  if (!frame.isKnown()) return;
  if (frame.value < 1 || (step && *step < 1))
    reject("frames of ", frame.value, " elements with step ", step.value_or(1));
  dims[2] = context.node.attributes.integer("onesided", 1) != 0 ? Dim::of(frame.value / 2 + 1) : frame;
  if (!signal.isKnown() || !step) return;
  if (frame.value > signal.value) reject("frames of ", frame.value, " elements in a signal of ", signal.value);
  dims[1] = Dim::of((signal.value - frame.value) / *step + 1);
}

void stft(ReferenceContext& context) {
  const Shape &shape = context.inputs[0].shape(), &result = context.outputs[0].shape();
  const int64_t step = integerInput(context, 1), parts = shape[2];
  const auto x = load<double>(context.inputs[0]);
  const auto weights = context.has(2) ? load<double>(context.inputs[2]) : std::vector<double>{};
  const int64_t length =
      context.has(3) ? integerInput(context, 3) : (weights.empty() ? shape[1] : static_cast<int64_t>(weights.size()));
  if (!weights.empty() && static_cast<int64_t>(weights.size()) != length)
    reject("a window of ", weights.size(), " elements for frames of ", length);
  std::vector<double> y(static_cast<size_t>(result.elementCount()));
  parallelFor(result[0] * result[1], [&](int64_t task) {
    const int64_t start = task / result[1] * shape[1] + task % result[1] * step;
    auto frame = lineOf(x, start * parts, parts, length, parts, length, false);
    for (size_t i = 0; i < weights.size(); ++i) frame[i] *= weights[i];
    const auto spectrum = transform(frame, static_cast<size_t>(result[2]), false);
    for (size_t k = 0; k < spectrum.size(); ++k) {
      const size_t to = (static_cast<size_t>(task * result[2]) + k) * 2;
      y[to] = spectrum[k].real();
      y[to + 1] = spectrum[k].imag();
    }
  });
  store(std::span<const double>(y), context.outputs[0]);
}

// MelWeightMatrix -----------------------------------------------------------------------------------------------------

void inferMel(InferContext& context) {
  requireInputs(context, 5);
  const auto bins = knownInteger(context, 0), length = knownInteger(context, 1);
  context.outputs.at(0) =
      Type::tensor(dtypeAttribute(context.node, "output_datatype", DType::f32),
                   std::vector<Dim>{length ? Dim::of(*length / 2 + 1) : Dim{}, bins ? Dim::of(*bins) : Dim{}});
}

/// Triangles over the bins of a spectrum whose corners lie evenly on the mel scale, 2595 log10(1 + hertz / 700).
void melWeightMatrix(ReferenceContext& context) {
  const int64_t bins = integerInput(context, 0), length = integerInput(context, 1), rate = integerInput(context, 2);
  const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  const double low = mel(load<double>(context.inputs[3]).at(0)), high = mel(load<double>(context.inputs[4]).at(0));
  if (rate < 1) reject("a sample rate of ", rate);
  std::vector<int64_t> corners;
  for (int64_t i = 0; i < bins + 2; ++i) {
    const double hertz =
        700 * (std::pow(10, (low + static_cast<double>(i) * (high - low) / static_cast<double>(bins + 2)) / 2595) - 1);
    corners.push_back(static_cast<int64_t>(static_cast<double>(length + 1) * hertz / static_cast<double>(rate)));
  }
  const int64_t rows = context.outputs[0].shape()[0];
  std::vector<double> y(static_cast<size_t>(rows * bins));
  const auto put = [&](int64_t row, int64_t bin, double value) {
    if (row >= 0 && row < rows) y[static_cast<size_t>(row * bins + bin)] = value;
  };
  for (int64_t bin = 0; bin < bins; ++bin) {
    const int64_t left = corners[static_cast<size_t>(bin)], middle = corners[static_cast<size_t>(bin) + 1],
                  right = corners[static_cast<size_t>(bin) + 2];
    for (int64_t i = left; i <= middle; ++i)
      put(i, bin, left == middle ? 1 : static_cast<double>(i - left) / static_cast<double>(middle - left));
    for (int64_t i = middle; i < right; ++i)
      put(i, bin, static_cast<double>(right - i) / static_cast<double>(right - middle));
  }
  store(std::span<const double>(y), context.outputs[0]);
}

}  // namespace

std::vector<OpSpec> signalOps() {
  return {
      {"HannWindow", "", inferWindow, window<kHann>, {}, "y = 1/2 - 1/2 cos(2 pi i / n)"},
      {"HammingWindow", "", inferWindow, window<kHamming>, {}, "y = 25/46 - 21/46 cos(2 pi i / n)"},
      {"BlackmanWindow",
       "",
       inferWindow,
       window<kBlackman>,
       {},
       "y = 0.42 - cos(2 pi i / n) / 2 + 0.08 cos(4 pi i / n)"},
      {"DFT", "", inferDft, dft, {{20, axisToInput}}, "y[k] = sum of x[n] e^(-2 pi i k n / N), or its inverse"},
      {"STFT", "", inferStft, stft, {}, "the DFT of windowed frames of a signal"},
      {"MelWeightMatrix", "", inferMel, melWeightMatrix, {}, "triangular filters on the mel scale over a spectrum"},
  };
}

}  // namespace compress
