// Resize by the reference's own tables: nearest as copies of pixels, other modes as weighted sums of pixels.
#include "lib/runtime/cpu/resize.h"

#include <algorithm>
#include <cstring>

#include "lib/ops/resize_table.h"
#include "lib/runtime/cpu/row_kernel.h"
#include "lib/runtime/cpu/views.h"

namespace compress {
namespace {

constexpr int64_t kParallelBytes = 1 << 17;

using Table = std::vector<ResizeTaps>;

class NearestKernel : public Kernel {
 public:
  NearestKernel(const Shape& from, const Table& rows, const Table& columns, int64_t elementBytes, int threads)
      : images_(from[0]),
        height_(from[from.rank() - 2]),
        pixelBytes_(from[1] * elementBytes),
        fromRowBytes_(from[from.rank() - 1] * pixelBytes_),
        toRowBytes_(static_cast<int64_t>(columns.size()) * pixelBytes_),
        threads_(threads) {
    for (const ResizeTaps& taps : rows) rows_.push_back(taps.indices[0]);
    for (const ResizeTaps& taps : columns) columns_.push_back(taps.indices[0]);
  }

  std::string name() const override { return "copy"; }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) override {
    source_ = inputs[0];
    target_ = outputs[0];
  }
  void run() override {
    const int64_t rows = images_ * static_cast<int64_t>(rows_.size());
    overRows(
        rows, rows * toRowBytes_, threads_, [this](int64_t first, int64_t last) { runRows(first, last); },
        kParallelBytes);
  }

 private:
  void runRows(int64_t first, int64_t last) const {
    const auto count = static_cast<int64_t>(rows_.size());
    for (int64_t row = first; row < last; ++row) {
      std::byte* const to = target_ + row * toRowBytes_;
      const int64_t y = rows_[static_cast<size_t>(row % count)];
      const bool isRepeated = row > first && row % count > 0 && rows_[static_cast<size_t>(row % count - 1)] == y;
      if (isRepeated) {
        std::memcpy(to, to - toRowBytes_, static_cast<size_t>(toRowBytes_));
        continue;
      }
      const std::byte* const from = source_ + (row / count * height_ + y) * fromRowBytes_;
      for (size_t x = 0; x < columns_.size(); ++x)
        std::memcpy(to + static_cast<int64_t>(x) * pixelBytes_, from + columns_[x] * pixelBytes_,
                    static_cast<size_t>(pixelBytes_));
    }
  }

  int64_t images_, height_, pixelBytes_, fromRowBytes_, toRowBytes_;
  int threads_;
  std::vector<int64_t> rows_;
  std::vector<int64_t> columns_;
  const std::byte* source_ = nullptr;
  std::byte* target_ = nullptr;
};

class WeightedKernel : public Kernel {
 public:
  WeightedKernel(const Shape& from, Table rows, Table columns, int threads)
      : images_(from[0]),
        height_(from[from.rank() - 2]),
        width_(from[from.rank() - 1]),
        channels_(from[1]),
        rows_(std::move(rows)),
        columns_(std::move(columns)),
        threads_(threads) {}

  std::string name() const override { return "loops"; }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte*) override {
    source_ = reinterpret_cast<const float*>(inputs[0]);
    target_ = reinterpret_cast<float*>(outputs[0]);
  }
  void run() override {
    const int64_t rowBytes = static_cast<int64_t>(columns_.size()) * channels_ * static_cast<int64_t>(sizeof(float));
    const int64_t rows = images_ * static_cast<int64_t>(rows_.size());
    overRows(
        rows, rows * rowBytes, threads_,
        [this](int64_t first, int64_t last) {
          for (int64_t row = first; row < last; ++row) runRow(row);
        },
        kParallelBytes);
  }

 private:
  void runRow(int64_t row) const {
    const auto count = static_cast<int64_t>(rows_.size());
    const float* const image = source_ + row / count * height_ * width_ * channels_;
    const ResizeTaps& down = rows_[static_cast<size_t>(row % count)];
    float* to = target_ + row * static_cast<int64_t>(columns_.size()) * channels_;
    for (const ResizeTaps& across : columns_) {
      std::fill_n(to, channels_, 0.F);
      for (size_t i = 0; i < down.indices.size(); ++i)
        for (size_t k = 0; k < across.indices.size(); ++k) {
          const float weight = static_cast<float>(down.weights[i] * across.weights[k]);
          const float* const from = image + (down.indices[i] * width_ + across.indices[k]) * channels_;
          for (int64_t c = 0; c < channels_; ++c) to[c] += weight * from[c];
        }
      to += channels_;
    }
  }

  int64_t images_, height_, width_, channels_;
  Table rows_, columns_;
  int threads_;
  const float* source_ = nullptr;
  float* target_ = nullptr;
};

bool keepsAxis(const Table& table, int64_t extent) {
  return static_cast<int64_t>(table.size()) == extent && std::ranges::all_of(table, [&](const ResizeTaps& taps) {
           return taps.indices == std::vector<int64_t>{&taps - table.data()};
         });
}

bool isComplete(const Table& table) {
  return std::ranges::none_of(table, [](const ResizeTaps& taps) { return taps.indices.empty(); });
}

}  // namespace

KernelChoice makeResize(const KernelRequest& request, CpuContext&) {
  const Shape from = request.shape(0);
  for (size_t i = 1; i < request.node.inputs.size(); ++i)
    if (request.has(i) && request.constant(i) == nullptr) return notForMe();
  const int64_t bytes = elementBytes(request.dtype(0));
  if (from.rank() != 4 || bytes == 0 || from.elementCount() == 0 || request.outputShape().elementCount() == 0)
    return notForMe();
  const std::vector<Table> tables =
      resizeTables(request.node, from, request.constant(1), request.constant(2), request.constant(3));
  if (!keepsAxis(tables[0], from[0]) || !keepsAxis(tables[1], from[1]) || !isComplete(tables[2]) ||
      !isComplete(tables[3]))
    return notForMe();
  const bool isNearest = request.node.attributes.string("mode", "nearest") == "nearest";
  if (!isNearest && request.dtype(0) != DType::f32) return notForMe();
  KernelChoice choice;
  if (isNearest)
    choice.kernel = std::make_unique<NearestKernel>(from, tables[2], tables[3], bytes, request.threads);
  else
    choice.kernel = std::make_unique<WeightedKernel>(from, tables[2], tables[3], request.threads);
  choice.inputLayouts.assign(request.node.inputs.size(), Layout::plain);
  choice.inputUsed.assign(request.node.inputs.size(), false);
  choice.inputLayouts[0] = Layout::channelsLast;
  choice.inputUsed[0] = true;
  choice.outputLayouts = {Layout::channelsLast};
  return choice;
}

}  // namespace compress
