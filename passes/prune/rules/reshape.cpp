// Reshape, Flatten, Squeeze, Unsqueeze: both shapes are read as digits of one mixed-radix number; an axis that the
// other side splits passes a removal along one of its digits. Depth and space likewise.
#include "passes/prune/rules.h"

namespace compress {
namespace {

/// One digit that both shapes share.
struct Digit {
  size_t inAxis, outAxis;
  int64_t inStride, outStride;  ///< within the axes
  int64_t size;
};

/// A run of axes of one side whose product equals that of a run of the other.
struct Segment {
  std::vector<size_t> in, out;
};

/// The shortest segments, from the last axis to the first.
std::vector<Segment> segmentsOf(const Shape& in, const Shape& out) {
  std::vector<Segment> segments;
  size_t i = in.rank(), o = out.rank();
  while (i > 0 || o > 0) {
    Segment segment;
    int64_t inProduct = 1, outProduct = 1;
    do {
      const bool takesIn = o == 0 || (i > 0 && inProduct <= outProduct);
      if (takesIn)
        inProduct *= in[--i], segment.in.push_back(i);
      else
        outProduct *= out[--o], segment.out.push_back(o);
    } while (inProduct != outProduct && (i > 0 || o > 0));
    segments.push_back(std::move(segment));
  }
  return segments;
}

/// Digits of a segment, outermost first; nothing where the boundaries do not divide.
std::optional<std::vector<Digit>> digitsOf(const Shape& in, const Shape& out, const Segment& segment) {
  std::vector<Digit> digits;
  size_t i = 0, o = 0;
  int64_t inLeft = 1, outLeft = 1, inStride = 1, outStride = 1;
  const auto fill = [](const std::vector<size_t>& axes, const Shape& shape, size_t& next, int64_t& left,
                       int64_t& stride) {
    while (left == 1 && next < axes.size()) left = shape[axes[next++]], stride = 1;
  };
  while (true) {
    fill(segment.in, in, i, inLeft, inStride);
    fill(segment.out, out, o, outLeft, outStride);
    if (inLeft == 1 && outLeft == 1) break;
    const int64_t size = std::min(inLeft, outLeft);
    if (size <= 1 || inLeft % size != 0 || outLeft % size != 0) return std::nullopt;
    digits.insert(digits.begin(), {segment.in[i - 1], segment.out[o - 1], inStride, outStride, size});
    inLeft /= size, outLeft /= size;
    inStride *= size, outStride *= size;
  }
  return digits;
}

void tieReshape(NodeTies& ties) {
  const ValueId x = ties.input(0), y = ties.output();
  const Shape &in = ties.shape(x), &out = ties.shape(y);
  if (in.elementCount() == 0) return ties.blockAll("it is empty");
  for (const Segment& segment : segmentsOf(in, out)) {
    const auto digits = digitsOf(in, out, segment);
    if (!digits) {
      for (const size_t axis : segment.in) ties.block(x, axis, "a reshape cuts across its slices");
      for (const size_t axis : segment.out) ties.block(y, axis, "a reshape cuts across its slices");
      continue;
    }
    Digits choices;
    for (const Digit& digit : *digits)
      choices.push_back(Tie{{{{x, digit.inAxis}, Labels::digit(digit.inStride, digit.size)},
                             {{y, digit.outAxis}, Labels::digit(digit.outStride, digit.size)}}});
    ties.choose(std::move(choices));
  }
}

/// Sizes that are numbers follow what stays.
void patchReshape(NodePatch& patch) {
  const ValueId y = patch.node().outputs[0];
  for (size_t axis = 0; axis < patch.shape(y).rank(); ++axis)
    if (patch.changes(y, axis)) patch.setSizeElement(1, axis, patch.kept(y, axis));
}

/// Channels of the deep side: [b, b, C] (DCR) or [C, b, b] (CRD), those of the wide side: C.
void tieDepthSpace(NodeTies& ties) {
  const bool isDepthToSpace = ties.node().op == "DepthToSpace";
  const int64_t block = ties.node().attributes.integer("blocksize", 1);
  const Axis deep{isDepthToSpace ? ties.input(0) : ties.output(), 1},
      wide{isDepthToSpace ? ties.output() : ties.input(0), 1};
  const int64_t channels = ties.size(wide.value, 1);
  const bool blockFirst = !isDepthToSpace || ties.node().attributes.string("mode", "DCR") == "DCR";
  ties.tieAxes({{ties.input(0), 0}, {ties.output(), 0}});
  ties.tie({{{deep, Labels::digit(blockFirst ? 1 : block * block, channels)}, {wide}}});
}

}  // namespace

std::vector<PruneRule> reshapePruneRules() {
  std::vector<PruneRule> rules = {{"Reshape", "", tieReshape, patchReshape, Zeros::passed}};
  for (const std::string_view op : {"Flatten", "Squeeze", "Unsqueeze"})
    rules.push_back({op, "", tieReshape, nullptr, Zeros::passed});
  for (const std::string_view op : {"DepthToSpace", "SpaceToDepth"})
    rules.push_back({op, "", tieDepthSpace, nullptr, Zeros::passed});
  return rules;
}

}  // namespace compress
