// Reshapes and transposes: memory as it is under another shape or layout where that is possible.
#include "lib/runtime/cpu/views.h"

#include <algorithm>
#include <numeric>

#include "lib/runtime/cpu/copy_kernel.h"

namespace compress {
namespace {

KernelChoice viewOf(const KernelRequest& request, Layout input, Layout output) {
  KernelChoice choice;
  choice.inputLayouts.assign(request.node.inputs.size(), Layout::plain);
  choice.inputUsed.assign(request.node.inputs.size(), false);
  choice.inputLayouts[0] = input;
  choice.inputUsed[0] = true;
  choice.outputLayouts.assign(request.node.outputs.size(), output);
  choice.viewOffsets.assign(request.node.outputs.size(), 0);
  return choice;
}

/// Batch and channels stay, and only positions are merged or split: channels-last memory stays what it is.
bool keepsChannels(const Shape& from, const Shape& to) {
  return from.rank() >= 3 && to.rank() >= 3 && from[0] == to[0] && from[1] == to[1];
}

bool isIdentity(const std::vector<int64_t>& perm) {
  for (size_t i = 0; i < perm.size(); ++i)
    if (perm[i] != static_cast<int64_t>(i)) return false;
  return true;
}

/// Axes longer than 1 in the order in which `perm` puts them: equal lists mean equal memory.
bool keepsMemory(const std::vector<int64_t>& perm, const Shape& shape) {
  int64_t last = -1;
  for (const int64_t axis : perm) {
    if (shape[static_cast<size_t>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

/// [N, C, positions] -> [N, positions, C] and back.
std::vector<int64_t> channelsToEnd(size_t rank) {
  std::vector<int64_t> order = {0};
  for (size_t axis = 2; axis < rank; ++axis) order.push_back(static_cast<int64_t>(axis));
  order.push_back(1);
  return order;
}

std::vector<int64_t> channelsToFront(size_t rank) {
  std::vector<int64_t> perm(rank);
  std::iota(perm.begin(), perm.end(), int64_t{0});
  perm.pop_back();
  perm.insert(perm.begin() + 1, static_cast<int64_t>(rank) - 1);
  return perm;
}

}  // namespace

int64_t elementBytes(DType dtype) {
  const int bits = bitsOf(dtype);
  return bits == 8 || bits == 16 || bits == 32 || bits == 64 ? bits / 8 : 0;
}

KernelChoice makeReshape(const KernelRequest& request, CpuContext&) {
  if (request.node.outputs.size() > 1 && request.node.outputs[1]) return notForMe();
  if (request.node.is("Dropout") && request.has(2)) return notForMe();
  const Shape from = request.shape(0);
  const Shape to = request.outputShape();
  const Layout layout = request.inputLayouts[0];
  if (layout == Layout::channelsLast && (from == to || keepsChannels(from, to))) return viewOf(request, layout, layout);
  return viewOf(request, Layout::plain, Layout::plain);
}

KernelChoice makeTranspose(const KernelRequest& request, CpuContext&) {
  const Shape from = request.shape(0);
  const size_t rank = from.rank();
  std::vector<int64_t> reversed(rank);
  std::iota(reversed.rbegin(), reversed.rend(), int64_t{0});
  const std::vector<int64_t> perm = request.node.attributes.integers("perm", reversed);
  const Layout layout = request.inputLayouts[0];
  if (isIdentity(perm)) return viewOf(request, layout, layout);
  if (layout == Layout::channelsLast && perm == channelsToEnd(rank))
    return viewOf(request, Layout::channelsLast, Layout::plain);
  if (layout == Layout::plain && rank >= 3 && perm == channelsToFront(rank))
    return viewOf(request, Layout::plain, Layout::channelsLast);
  if (layout == Layout::plain && keepsMemory(perm, from)) return viewOf(request, Layout::plain, Layout::plain);
  if (elementBytes(request.dtype(0)) == 0) return notForMe();
  const std::vector<int64_t> source = stridesOf(from, layout);
  const std::vector<int64_t> target = stridesOf(request.outputShape(), Layout::plain);
  std::vector<CopyAxis> axes;
  for (size_t i = 0; i < rank; ++i) {
    const auto axis = static_cast<size_t>(perm[i]);
    axes.push_back({from[axis], source[axis], target[i]});
  }
  std::vector<CopyTask> tasks{{0, 0, StridedCopy(elementBytes(request.dtype(0)), std::move(axes))}};
  KernelChoice choice;
  choice.kernel = std::make_unique<CopyKernel>("copy", std::move(tasks), request.threads);
  choice.inputLayouts = {layout};
  choice.outputLayouts = {Layout::plain};
  return choice;
}

}  // namespace compress
