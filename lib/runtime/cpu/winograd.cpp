// When a Conv is done by Winograd's minimal filtering, in which tiles, and the kernel: blocks of tiles over threads.
#include "lib/runtime/cpu/winograd.h"

#include <algorithm>
#include <limits>

#include "lib/base/text.h"
#include "lib/ir/print.h"
#include "lib/runtime/cpu/conv.h"
#include "lib/runtime/cpu/post_ops.h"
#include "lib/runtime/cpu/row_kernel.h"
#include "lib/runtime/cpu/winograd_loops.h"

namespace compress {
namespace {

/// Below these many channels of input or output the transforms take what the products save.
constexpr int64_t kLeastChannels = 16;
constexpr int64_t kLeastOutputs = 8;
/// Tiles that the transformed weights of a point must be worth: fewer, and reading the weights, four times (4x4) or 1.8
/// times (2x2) as many as those of a direct convolution, takes longer than the multiply-adds that are saved.
constexpr int64_t kLeastTiles = 12;
/// Below this many multiply-adds one thread does it all.
constexpr int64_t kParallelMacs = 800'000;

/// Post-operations as Winograd's output transform does them.
struct Epilogue {
  int addedInput = -1;
  float lower = -std::numeric_limits<float>::infinity();
  float upper = std::numeric_limits<float>::infinity();
};

std::optional<Epilogue> epilogueOf(const KernelRequest& request) {
  Epilogue result;
  const std::vector<PostOp>& post = request.fused.post;
  size_t i = 0;
  if (i < post.size() && post[i].kind == PostOp::Kind::add && request.shape(post[i].input) == request.outputShape())
    result.addedInput = static_cast<int>(post[i++].input);
  if (i < post.size() && post[i].kind == PostOp::Kind::relu) {
    result.lower = 0;
    ++i;
  } else if (i < post.size() && post[i].kind == PostOp::Kind::clip) {
    result.lower = post[i].alpha;
    result.upper = post[i].beta;
    ++i;
  }
  if (i != post.size()) return std::nullopt;
  return result;
}

bool isHandled(const KernelRequest& request, const ConvGeometry& geometry) {
  const Shape weights = request.shape(1);
  const auto isEach = [](const std::vector<int64_t>& values, int64_t wanted) {
    return std::ranges::all_of(values, [wanted](int64_t value) { return value == wanted; });
  };
  return weights[2] == 3 && weights[3] == 3 && geometry.groups == 1 && isEach(geometry.strides, 1) &&
         isEach(geometry.dilations, 0) && weights[0] >= kLeastOutputs && weights[1] >= kLeastChannels;
}

Winograd shapeOf(const KernelRequest& request, const ConvGeometry& geometry, const Epilogue& epilogue) {
  const Shape input = request.shape(0);
  const Shape output = request.outputShape();
  Winograd conv{};
  conv.samples = input[0];
  conv.channels = input[1];
  conv.height = input[2];
  conv.width = input[3];
  conv.outputs = output[1];
  conv.outHeight = output[2];
  conv.outWidth = output[3];
  conv.padTop = geometry.before[0];
  conv.padLeft = geometry.before[1];
  conv.lower = epilogue.lower;
  conv.upper = epilogue.upper;
  return conv;
}

/// The largest tiles of which there are enough; 0: none.
int tileFor(Winograd conv) {
  for (const int tile : {4, 2}) {
    conv.tile = tile;
    if (conv.tiles() >= kLeastTiles) return tile;
  }
  return 0;
}

/// Bias, then zeros for pixels beside the image, then the weights.
AlignedBytes pack(const Winograd& conv, const Tensor& weights, const Tensor* bias) {
  const int64_t padded = paddedToPanels(conv.outputs);
  const int64_t zeros = paddedToPanels(conv.channels);
  AlignedBytes packed(static_cast<size_t>(padded + zeros + winogradWeights(conv)) * sizeof(float));
  float* to = reinterpret_cast<float*>(packed.data());
  if (bias != nullptr) std::ranges::copy(bias->as<float>(), to);
  packWinograd(conv, weights.as<float>().data(), to + padded + zeros);
  return packed;
}

class WinogradKernel : public Kernel {
 public:
  WinogradKernel(const Winograd& conv, int addedInput, Packed packed, int threads)
      : conv_(conv), addedInput_(addedInput), packed_(std::move(packed)), threads_(threads) {
    const float* from = reinterpret_cast<const float*>(packed_->data());
    conv_.bias = from;
    conv_.zeros = from + paddedToPanels(conv.outputs);
    conv_.weights = conv_.zeros + paddedToPanels(conv.channels);
  }

  std::string name() const override { return conv_.tile == 4 ? "winograd 4x4" : "winograd 2x2"; }
  int64_t macs() const override {
    return conv_.samples * conv_.outHeight * conv_.outWidth * conv_.outputs * conv_.channels * 9;
  }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte* scratch) override {
    source_ = reinterpret_cast<const float*>(inputs[0]);
    added_ = addedInput_ < 0 ? nullptr : reinterpret_cast<const float*>(inputs[static_cast<size_t>(addedInput_)]);
    target_ = reinterpret_cast<float*>(outputs[0]);
    scratch_ = reinterpret_cast<float*>(scratch);
  }
  void run() override {
    const int64_t work = conv_.tiles() * conv_.points() * conv_.channels * conv_.outputs;
    overParts(
        conv_.tiles(), work, threads_,
        [this](int64_t part, int64_t first, int64_t last) {
          runWinograd(conv_, source_, added_, target_, scratch_ + part * winogradScratch(conv_), first, last);
        },
        kParallelMacs);
  }

 private:
  Winograd conv_;
  int addedInput_;
  Packed packed_;
  int threads_;
  const float* source_ = nullptr;
  const float* added_ = nullptr;
  float* target_ = nullptr;
  float* scratch_ = nullptr;
};

}  // namespace

KernelChoice makeWinogradConv(const KernelRequest& request, CpuContext& context) {
  if (!isConvHandled(request) || request.dtype(0) != DType::f32 || request.shape(0).rank() != 4) return notForMe();
  const ConvGeometry geometry = convGeometry(request.node, request.shape(0), request.shape(1), request.outputShape());
  const std::optional<Epilogue> epilogue = epilogueOf(request);
  if (!epilogue || !isHandled(request, geometry)) return notForMe();
  Winograd conv = shapeOf(request, geometry, *epilogue);
  conv.tile = tileFor(conv);
  if (conv.tile == 0) return notForMe();
  const Tensor* bias = request.constant(2);
  Packed packed =
      context.packed.find(*request.constant(1), text("winograd ", conv.tile, ' ', bias != nullptr ? digest(*bias) : ""),
                          [&] { return pack(conv, *request.constant(1), bias); });
  KernelChoice choice = channelsLastConvChoice(request);
  choice.kernel = std::make_unique<WinogradKernel>(conv, epilogue->addedInput, std::move(packed), request.threads);
  choice.scratchBytes = request.threads * winogradScratch(conv) * static_cast<int64_t>(sizeof(float));
  if (findSum(request) >= 0) choice.overwrites = epilogue->addedInput;
  return choice;
}

}  // namespace compress
