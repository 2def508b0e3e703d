// Parts of tensors: Slice, Split, Concat, Pad, and Concat of slices, as strided copies or views.
#include <algorithm>
#include <cstring>
#include <limits>

#include "lib/runtime/cpu/copy_kernel.h"
#include "lib/runtime/cpu/indexed_copy.h"
#include "lib/runtime/cpu/views.h"

namespace compress {
namespace {

/// First element and step of a slice per axis, and its extents.
struct Window {
  std::vector<int64_t> starts;
  std::vector<int64_t> steps;
};

/// Nothing unless starts, axes and steps are constants. `whole` is the sliced shape.
std::optional<Window> windowOf(const KernelRequest& request, const Shape& whole) {
  for (size_t i = 1; i < request.node.inputs.size(); ++i)
    if (request.has(i) && request.constant(i) == nullptr) return std::nullopt;
  Window window{std::vector<int64_t>(whole.rank(), 0), std::vector<int64_t>(whole.rank(), 1)};
  const std::vector<int64_t> starts = toInts(*request.constant(1));
  for (size_t i = 0; i < starts.size(); ++i) {
    const size_t axis = request.has(3) ? normalizedAxis(toInts(*request.constant(3))[i], whole.rank()) : i;
    const int64_t step = request.has(4) ? toInts(*request.constant(4))[i] : 1;
    const int64_t extent = whole[axis];
    int64_t start = starts[i] < 0 ? starts[i] + extent : starts[i];
    start = step > 0 ? std::clamp<int64_t>(start, 0, extent) : std::clamp<int64_t>(start, 0, extent - 1);
    window.starts[axis] = start;
    window.steps[axis] = step;
  }
  return window;
}

StridedCopy windowCopy(int64_t bytes, const Shape& extents, const std::vector<int64_t>& source, const Window& window,
                       const std::vector<int64_t>& target, int64_t toOffset) {
  std::vector<CopyAxis> axes;
  int64_t fromOffset = 0;
  for (size_t i = 0; i < extents.rank(); ++i) {
    axes.push_back({extents[i], source[i] * window.steps[i], target[i]});
    fromOffset += source[i] * window.starts[i];
  }
  return StridedCopy(bytes, std::move(axes), fromOffset, toOffset);
}

/// Axes before `axis` in memory all have extent 1: cuts along it are contiguous.
bool isOutermost(const Shape& shape, size_t axis, Layout layout) {
  const std::vector<int64_t> strides = stridesOf(shape, layout);
  for (size_t i = 0; i < shape.rank(); ++i)
    if (i != axis && shape[i] != 1 && strides[i] > strides[axis]) return false;
  return true;
}

KernelChoice copies(const KernelRequest& request, std::vector<CopyTask> tasks, const std::vector<Layout>& inputs,
                    Layout output) {
  KernelChoice choice;
  choice.kernel = std::make_unique<CopyKernel>("copy", std::move(tasks), request.threads);
  choice.inputLayouts = inputs;
  choice.outputLayouts.assign(request.node.outputs.size(), output);
  for (size_t i = 0; i < request.node.inputs.size(); ++i) choice.inputUsed.push_back(true);
  return choice;
}

/// Data in one layout; the parameters behind it are constants that are not read.
KernelChoice copiesOfFirst(const KernelRequest& request, std::vector<CopyTask> tasks, Layout layout) {
  std::vector<Layout> layouts(request.node.inputs.size(), Layout::plain);
  layouts[0] = layout;
  KernelChoice choice = copies(request, std::move(tasks), layouts, layout);
  for (size_t i = 1; i < choice.inputUsed.size(); ++i) choice.inputUsed[i] = false;
  return choice;
}

/// Index into an axis of `size` elements that position `i`, possibly outside, stands for.
int64_t mirroredIndex(int64_t i, int64_t size, std::string_view mode) {
  if (mode == "edge") return std::clamp<int64_t>(i, 0, size - 1);
  if (mode == "wrap") return (i % size + size) % size;
  if (size == 1) return 0;
  const int64_t period = 2 * (size - 1);
  const int64_t within = (i % period + period) % period;
  return within < size ? within : period - within;
}

/// Pad whose margins repeat elements.
KernelChoice padByIndex(const KernelRequest& request, const std::vector<int64_t>& pads) {
  const Shape from = request.shape(0);
  const Shape to = request.outputShape();
  const std::string mode = request.node.attributes.string("mode", "constant");
  const std::vector<int64_t> axes = request.has(3) ? toInts(*request.constant(3)) : std::vector<int64_t>();
  std::vector<int64_t> before(from.rank(), 0);
  for (size_t i = 0; i < pads.size() / 2; ++i)
    before[axes.empty() ? i : normalizedAxis(axes[i], from.rank())] = pads[i];
  const std::vector<int64_t> strides = stridesOf(from, Layout::plain);
  std::vector<std::vector<int64_t>> offsets(from.rank());
  for (size_t axis = 0; axis < from.rank(); ++axis)
    for (int64_t i = 0; i < to[axis]; ++i)
      offsets[axis].push_back(mirroredIndex(i - before[axis], from[axis], mode) * strides[axis]);
  KernelChoice choice = copiesOfFirst(request, {}, Layout::plain);
  choice.kernel = makeIndexedCopy(elementBytes(request.dtype(0)), std::move(offsets), request.threads);
  return choice;
}

/// The layout of the input with the most elements.
Layout commonLayout(const KernelRequest& request) {
  int64_t best = -1;
  Layout layout = Layout::plain;
  for (size_t i = 0; i < request.node.inputs.size(); ++i) {
    if (request.constant(i) != nullptr || request.shape(i).elementCount() <= best) continue;
    best = request.shape(i).elementCount();
    layout = request.inputLayouts[i];
  }
  return layout;
}

}  // namespace

KernelChoice makeSlice(const KernelRequest& request, CpuContext&) {
  const int64_t bytes = elementBytes(request.dtype(0));
  const Shape from = request.shape(0);
  const Shape to = request.outputShape();
  const std::optional<Window> window = windowOf(request, from);
  if (bytes == 0 || !window || to.elementCount() == 0) return notForMe();
  const Layout layout = request.inputLayouts[0];
  const std::vector<int64_t> source = stridesOf(from, layout);
  size_t cuts = 0;
  size_t axis = 0;
  for (size_t i = 0; i < from.rank(); ++i)
    if (from[i] != to[i]) {
      ++cuts;
      axis = i;
    }
  const bool isForward = std::ranges::all_of(window->steps, [](int64_t step) { return step == 1; });
  if (isForward && cuts <= 1 && (cuts == 0 || isOutermost(from, axis, layout))) {
    KernelChoice choice = copiesOfFirst(request, {}, layout);
    choice.kernel = nullptr;
    choice.viewOffsets = {cuts == 0 ? 0 : window->starts[axis] * source[axis] * bytes};
    if (choice.viewOffsets[0] % 64 == 0) return choice;
  }
  std::vector<CopyTask> tasks{{0, 0, windowCopy(bytes, to, source, *window, stridesOf(to, layout), 0)}};
  return copiesOfFirst(request, std::move(tasks), layout);
}

KernelChoice makeSplit(const KernelRequest& request, CpuContext&) {
  const int64_t bytes = elementBytes(request.dtype(0));
  const Shape from = request.shape(0);
  if (bytes == 0 || from.elementCount() == 0) return notForMe();
  const size_t axis = normalizedAxis(request.node.attributes.integer("axis", 0), from.rank());
  const Layout layout = request.inputLayouts[0];
  const std::vector<int64_t> source = stridesOf(from, layout);
  const bool isView = isOutermost(from, axis, layout);
  std::vector<CopyTask> tasks;
  std::vector<int64_t> offsets;
  Window window{std::vector<int64_t>(from.rank(), 0), std::vector<int64_t>(from.rank(), 1)};
  for (size_t i = 0; i < request.node.outputs.size(); ++i) {
    if (!request.node.outputs[i]) return notForMe();
    const Shape part = request.outputShape(i);
    offsets.push_back(window.starts[axis] * source[axis] * bytes);
    tasks.push_back({0, i, windowCopy(bytes, part, source, window, stridesOf(part, layout), 0)});
    window.starts[axis] += part[axis];
  }
  const bool isAligned = std::ranges::all_of(offsets, [](int64_t offset) { return offset % 64 == 0; });
  KernelChoice choice = copiesOfFirst(request, std::move(tasks), layout);
  if (isView && isAligned) {
    choice.kernel = nullptr;
    choice.viewOffsets = offsets;
  }
  return choice;
}

KernelChoice makeConcat(const KernelRequest& request, CpuContext&) {
  const int64_t bytes = elementBytes(request.dtype(0));
  const Shape whole = request.outputShape();
  if (bytes == 0 || whole.elementCount() == 0) return notForMe();
  const size_t axis = normalizedAxis(request.node.attributes.integer("axis", 0), whole.rank());
  const Layout layout = commonLayout(request);
  const std::vector<int64_t> target = stridesOf(whole, layout);
  std::vector<CopyTask> tasks;
  int64_t start = 0;
  for (size_t i = 0; i < request.node.inputs.size(); ++i) {
    const Shape part = request.shape(i);
    const Window all{std::vector<int64_t>(part.rank(), 0), std::vector<int64_t>(part.rank(), 1)};
    if (part.elementCount() > 0)
      tasks.push_back({i, 0, windowCopy(bytes, part, stridesOf(part, layout), all, target, start * target[axis])});
    start += part[axis];
  }
  KernelChoice choice =
      copies(request, std::move(tasks), std::vector<Layout>(request.node.inputs.size(), layout), layout);
  choice.inputsArePieces = isOutermost(whole, axis, layout);
  return choice;
}

KernelChoice makePad(const KernelRequest& request, CpuContext&) {
  const int64_t bytes = elementBytes(request.dtype(0));
  const Shape from = request.shape(0);
  const Shape to = request.outputShape();
  if (bytes == 0 || from.elementCount() == 0 || from.rank() == 0) return notForMe();
  for (size_t i = 1; i < request.node.inputs.size(); ++i)
    if (request.has(i) && request.constant(i) == nullptr) return notForMe();
  const std::vector<int64_t> pads = toInts(*request.constant(1));
  if (std::ranges::any_of(pads, [](int64_t pad) { return pad < 0; })) return notForMe();
  if (request.node.attributes.string("mode", "constant") != "constant") return padByIndex(request, pads);
  const Layout layout = request.inputLayouts[0];
  const std::vector<int64_t> target = stridesOf(to, layout);
  const std::vector<int64_t> axes = request.has(3) ? toInts(*request.constant(3)) : std::vector<int64_t>();
  int64_t toOffset = 0;
  for (size_t i = 0; i < pads.size() / 2; ++i)
    toOffset += pads[i] * target[axes.empty() ? i : normalizedAxis(axes[i], to.rank())];
  std::vector<std::byte> fill(static_cast<size_t>(bytes));
  if (request.has(2)) {
    const auto raw = request.constant(2)->raw();
    std::copy(raw.begin(), raw.begin() + bytes, fill.begin());
  }
  const Window all{std::vector<int64_t>(from.rank(), 0), std::vector<int64_t>(from.rank(), 1)};
  std::vector<CopyTask> tasks{{0, 0, windowCopy(bytes, from, stridesOf(from, layout), all, target, toOffset)}};
  KernelChoice choice = copiesOfFirst(request, {}, layout);
  choice.kernel = std::make_unique<CopyKernel>("copy", std::move(tasks), request.threads, std::move(fill),
                                               to.elementCount() * bytes);
  return choice;
}

KernelChoice makeStridedConcat(const KernelRequest& request, CpuContext&) {
  const int64_t bytes = elementBytes(request.dtype(0));
  const Shape whole = request.outputShape();
  const Layout layout = whole.rank() >= 3 ? Layout::channelsLast : Layout::plain;
  const std::vector<int64_t> target = stridesOf(whole, layout);
  const size_t axis = static_cast<size_t>(request.node.attributes.integer("axis", 0));
  const std::vector<int64_t> starts = request.node.attributes.integers("starts");
  const std::vector<int64_t> steps = request.node.attributes.integers("steps");
  const std::vector<int64_t> extents = request.node.attributes.integers("extents");
  const size_t rank = whole.rank();
  const std::vector<int64_t> before = request.node.attributes.integers("before");
  std::vector<CopyTask> tasks;
  int64_t start = 0;
  int64_t copied = 0;
  for (size_t i = 0; i < before.size(); ++i) start += before[i] * target[i];
  const auto part = [&](const std::vector<int64_t>& all, size_t i) {
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(i * rank);
    return std::vector<int64_t>(first, first + static_cast<std::ptrdiff_t>(rank));
  };
  for (size_t i = 0; i < request.node.inputs.size(); ++i) {
    const Shape piece(part(extents, i));
    tasks.push_back({i, 0,
                     windowCopy(bytes, piece, stridesOf(request.shape(i), request.inputLayouts[i]),
                                {part(starts, i), part(steps, i)}, target, start)});
    start += piece[axis] * target[axis];
    copied += piece.elementCount();
  }
  KernelChoice choice = copies(request, {}, request.inputLayouts, layout);
  std::vector<std::byte> fill(copied < whole.elementCount() ? static_cast<size_t>(bytes) : 0);
  choice.kernel = std::make_unique<CopyKernel>("copy", std::move(tasks), request.threads, std::move(fill),
                                               whole.elementCount() * bytes);
  return choice;
}

}  // namespace compress
