// DepthToSpace and SpaceToDepth: six-axis strided copies.
#include "lib/runtime/cpu/copy_kernel.h"
#include "lib/runtime/cpu/views.h"

namespace compress {
namespace {

/// Copies between deep [N, C, H, W] and wide [N, C / b^2, H * b, W * b]; `isDeepSource` says which one is read.
KernelChoice rearrange(const KernelRequest& request, const Shape& deep, const Shape& wide, bool isDeepSource,
                       bool isColumnFirst) {
  const int64_t bytes = elementBytes(request.dtype(0));
  if (bytes == 0 || deep.elementCount() == 0) return notForMe();
  const Layout read = request.inputLayouts[0];
  const Layout written = layoutsCoincide(request.outputShape()) ? Layout::plain : read;
  const std::vector<int64_t> d = stridesOf(deep, isDeepSource ? read : written);
  const std::vector<int64_t> w = stridesOf(wide, isDeepSource ? written : read);
  const int64_t block = wide[2] / deep[2];
  const int64_t channels = wide[1];
  // CRD: channel = (c * b + by) * b + bx; DCR: channel = (by * b + bx) * C + c.
  const int64_t perChannel = isColumnFirst ? block * block : 1;
  const int64_t perRow = isColumnFirst ? block : block * channels;
  const int64_t perColumn = isColumnFirst ? 1 : channels;
  std::vector<CopyAxis> axes{{deep[0], d[0], w[0]},         {channels, d[1] * perChannel, w[1]},
                             {deep[2], d[2], w[2] * block}, {block, d[1] * perRow, w[2]},
                             {deep[3], d[3], w[3] * block}, {block, d[1] * perColumn, w[3]}};
  if (!isDeepSource)
    for (CopyAxis& axis : axes) std::swap(axis.from, axis.to);
  std::vector<CopyTask> tasks{{0, 0, StridedCopy(bytes, std::move(axes))}};
  KernelChoice choice;
  choice.kernel = std::make_unique<CopyKernel>("copy", std::move(tasks), request.threads);
  choice.inputLayouts = {read};
  choice.outputLayouts = {written};
  return choice;
}

}  // namespace

KernelChoice makeDepthToSpace(const KernelRequest& request, CpuContext&) {
  return rearrange(request, request.shape(0), request.outputShape(), true,
                   request.node.attributes.string("mode", "DCR") == "CRD");
}

KernelChoice makeSpaceToDepth(const KernelRequest& request, CpuContext&) {
  return rearrange(request, request.outputShape(), request.shape(0), false,
                   request.node.attributes.string("mode", "DCR") == "CRD");
}

}  // namespace compress
