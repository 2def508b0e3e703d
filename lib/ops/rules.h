// What shape rules share: arithmetic on dimensions that may be unknown, broadcasting, and reading of attributes and
// constants.
#pragma once
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ops/op.h"

namespace compress {

template <typename... Parts>
[[noreturn]] void reject(const Parts&... parts) {
  throw Error(ErrorKind::input, text(parts...));
}

/// Runs a rule or a reference. An element, input or output that it looks for beyond an end is missing in the file:
/// Error(input).
template <typename Body>
decltype(auto) withinBounds(const Body& body) {
  try {
    return body();
  } catch (const std::out_of_range&) {
    throw Error(ErrorKind::input, "an input, an output or an element that the op needs is missing");
  }
}

/// "node 'conv1' (Conv)", with the domain where it is not the default one.
std::string describe(const Node& node);

/// The product, where it is a number or a single symbol.
Dim productOf(std::span<const Dim> dims);
/// The sum, where it is a number or a single symbol.
Dim sumOf(std::span<const Dim> dims);
/// dim * factor; a symbol stays where the factor is 1.
Dim times(const Dim& dim, int64_t factor);
/// dim / divisor. Throws Error(input) for a number that does not divide.
Dim divided(const Dim& dim, int64_t divisor);
/// One axis of a broadcast. Throws Error(input) for two numbers that do not fit.
Dim broadcastDim(const Dim& a, const Dim& b);
/// numpy's broadcasting of several types' dimensions; nothing when a rank is unknown. Throws Error(input) where they do
/// not fit.
std::optional<std::vector<Dim>> broadcastDims(std::span<const Type> types);
/// The more precise of two descriptions of one dimension. Throws Error(input) for different numbers.
Dim merged(const Dim& a, const Dim& b);

/// What two types agree on: unknown where their kinds or element types differ.
Type commonType(const Type& a, const Type& b);

/// Elements of input `i`, a short int64 or int32 tensor of rank 0 or 1, where at least some are known.
std::optional<PartialInts> partialInts(const InferContext& context, size_t i);
/// Elements of integer input `i` when all are known.
std::optional<std::vector<int64_t>> knownInts(const InferContext& context, size_t i);
/// The dimension that an element stands for; unknown for negative numbers.
Dim dimOf(const PartialInt& element);

/// Throws Error(input) unless input `i` has rank `rank` or an unknown one.
void requireRank(const InferContext& context, size_t i, size_t rank);
/// Throws Error(input) unless the node has an input `i`.
void requireInputs(const InferContext& context, size_t count);
/// Element type of input `i`; undefined when unknown.
DType dtypeOfInput(const InferContext& context, size_t i);
/// Dimension `axis` of input `i`, from the back where negative; unknown where the rank is.
Dim dimOfInput(const InferContext& context, size_t i, int64_t axis);
/// The element type that attribute `name` gives, or `absent`.
DType dtypeAttribute(const Node& node, std::string_view name, DType absent);
/// `dims` where known, else a tensor of unknown rank.
Type tensorType(DType dtype, std::optional<std::vector<Dim>> dims);
/// Output 0 gets input 0's element type and, where its rank is known, as many unknown dimensions; whether it is known.
bool sameRankAsFirst(InferContext& context);
/// Output 0 has the type of input 0.
void sameAsFirst(InferContext& context);
/// Output 0 holds some elements of input 0, flattened, or some of its slices along attribute `axis` where there is one;
/// how many is not known.
void someOfFirst(InferContext& context);

/// Axes as indices in [0, rank), each once. Throws Error(input) outside or for one named twice.
std::vector<size_t> normalizedAxes(const std::vector<int64_t>& axes, size_t rank);
/// Axes from input `i` or, absent, none.
std::vector<int64_t> axesInput(const ReferenceContext& context, size_t i);

}  // namespace compress
