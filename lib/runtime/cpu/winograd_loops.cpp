// One source for all instruction sets (see elementwise_loops.cpp).
#include "lib/runtime/cpu/winograd_loops.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

// The order of these matters.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/runtime/cpu/winograd_loops.cpp"
#include "lib/runtime/cpu/vector_targets.h"
// Highway includes this file again for each target.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "lib/runtime/cpu/gemm_block-inl.h"
// clang-format on

#ifndef COMPRESS_WINOGRAD_LAYOUT
#define COMPRESS_WINOGRAD_LAYOUT
namespace compress {

/// Where the points of a block of tiles lie in scratch memory: [point][tile][channel]. A line of padding per point
/// keeps the points of a tile out of one another's cache sets.
struct WinogradLayout {
  explicit WinogradLayout(const Winograd& conv)
      : tiles(winogradBlock(conv)),
        channels(paddedToPanels(conv.channels)),
        outputs(paddedToPanels(conv.outputs)),
        inputStep(tiles * channels + kPanel),
        productStep(tiles * outputs + kPanel) {}
  int64_t tiles, channels, outputs;
  int64_t inputStep, productStep;  ///< from point to point
};

}  // namespace compress
#endif

HWY_BEFORE_NAMESPACE();
namespace compress::HWY_NAMESPACE {
namespace {

using D = PanelTag;
using V = PanelVector;

/// F(4, 3) with the points 0, +-sqrt(1/2), +-sqrt(2) and infinity: a quarter of the rounding error of 0, +-1, +-2.
struct FourByFour {
  static constexpr int kTile = 4;
  static constexpr float kSmall = 0.70710678118654752F;
  static constexpr float kLarge = 1.41421356237309505F;

  static HWY_INLINE void input(D d, const V (&x)[6], V (&y)[6]) {
    const V small = hn::Set(d, kSmall);
    const V large = hn::Set(d, kLarge);
    const V half = hn::Set(d, 0.5F);
    const V two = hn::Set(d, 2.F);
    const V sum = hn::Set(d, 2.5F);
    y[0] = hn::NegMulAdd(sum, x[2], hn::Add(x[0], x[4]));
    const V even1 = hn::NegMulAdd(two, x[2], x[4]);
    const V odd1 = hn::NegMulAdd(two, x[1], x[3]);
    y[1] = hn::MulAdd(small, odd1, even1);
    y[2] = hn::NegMulAdd(small, odd1, even1);
    const V even2 = hn::NegMulAdd(half, x[2], x[4]);
    const V odd2 = hn::NegMulAdd(half, x[1], x[3]);
    y[3] = hn::MulAdd(large, odd2, even2);
    y[4] = hn::NegMulAdd(large, odd2, even2);
    y[5] = hn::NegMulAdd(sum, x[3], hn::Add(x[1], x[5]));
  }

  static HWY_INLINE void output(D d, const V (&x)[6], V (&y)[4]) {
    const V sum1 = hn::Add(x[1], x[2]);
    const V difference1 = hn::Sub(x[1], x[2]);
    const V sum2 = hn::Add(x[3], x[4]);
    const V difference2 = hn::Sub(x[3], x[4]);
    y[0] = hn::Add(x[0], hn::Add(sum1, sum2));
    y[1] = hn::MulAdd(hn::Set(d, kLarge), difference2, hn::Mul(hn::Set(d, kSmall), difference1));
    y[2] = hn::MulAdd(hn::Set(d, 2.F), sum2, hn::Mul(hn::Set(d, 0.5F), sum1));
    y[3] = hn::MulAdd(hn::Set(d, 2.F * kLarge), difference2, hn::MulAdd(hn::Set(d, 0.5F * kSmall), difference1, x[5]));
  }
};

/// F(2, 3) with the points 0, +-1 and infinity.
struct TwoByTwo {
  static constexpr int kTile = 2;

  static HWY_INLINE void input(D, const V (&x)[4], V (&y)[4]) {
    y[0] = hn::Sub(x[0], x[2]);
    y[1] = hn::Add(x[1], x[2]);
    y[2] = hn::Sub(x[2], x[1]);
    y[3] = hn::Sub(x[1], x[3]);
  }

  static HWY_INLINE void output(D, const V (&x)[4], V (&y)[2]) {
    y[0] = hn::Add(x[0], hn::Add(x[1], x[2]));
    y[1] = hn::Sub(hn::Sub(x[1], x[2]), x[3]);
  }
};

/// Where a tile lies: its sample and the first row and column of its output.
struct TilePlace {
  TilePlace(const Winograd& conv, int64_t tile)
      : sample(tile / (conv.tilesDown() * conv.tilesAcross())),
        row(tile / conv.tilesAcross() % conv.tilesDown() * conv.tile),
        column(tile % conv.tilesAcross() * conv.tile) {}
  int64_t sample, row, column;
};

/// The pixels under a tile that lies within the image.
struct InnerPixels {
  HWY_INLINE const float* operator()(int i, int j) const { return origin + i * rowStep + j * columnStep; }
  const float* origin;
  int64_t rowStep, columnStep;
};

/// The pixels under any tile; those beside the image are zeros.
template <int kSide>
struct BorderPixels {
  BorderPixels(const Winograd& conv, const float* source, int64_t top, int64_t left) {
    for (int i = 0; i < kSide; ++i) {
      const bool isInside = top + i >= 0 && top + i < conv.height;
      const float* line = source + (isInside ? top + i : 0) * conv.width * conv.channels;
      for (int j = 0; j < kSide; ++j)
        at[i][j] = isInside && left + j >= 0 && left + j < conv.width ? line + (left + j) * conv.channels : conv.zeros;
    }
  }
  HWY_INLINE const float* operator()(int i, int j) const { return at[i][j]; }
  const float* at[kSide][kSide];
};

/// The points of one tile, `step` apart.
template <class Form, class Pixels>
HWY_INLINE void transformPixels(const Winograd& conv, const Pixels& pixels, float* to, int64_t step) {
  constexpr int kSide = Form::kTile + 2;
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t c = 0; c < conv.channels; c += lanes) {
    V middle[kSide][kSide];
    for (int j = 0; j < kSide; ++j) {
      V x[kSide];
      V y[kSide];
      for (int i = 0; i < kSide; ++i) x[i] = loadSome(d, pixels(i, j) + c, conv.channels - c);
      Form::input(d, x, y);
      for (int i = 0; i < kSide; ++i) middle[i][j] = y[i];
    }
    for (int i = 0; i < kSide; ++i) {
      V y[kSide];
      Form::input(d, middle[i], y);
      for (int j = 0; j < kSide; ++j) hn::StoreU(y[j], d, to + (i * kSide + j) * step + c);
    }
  }
}

template <class Form>
HWY_INLINE void transformInput(const Winograd& conv, const float* source, const TilePlace& place, float* to,
                               int64_t step) {
  constexpr int kSide = Form::kTile + 2;
  const int64_t top = place.row - conv.padTop;
  const int64_t left = place.column - conv.padLeft;
  const float* image = source + place.sample * conv.height * conv.width * conv.channels;
  if (top < 0 || left < 0 || top + kSide > conv.height || left + kSide > conv.width)
    return transformPixels<Form>(conv, BorderPixels<kSide>(conv, image, top, left), to, step);
  const int64_t rowStep = conv.width * conv.channels;
  transformPixels<Form>(conv, InnerPixels{image + top * rowStep + left * conv.channels, rowStep, conv.channels}, to,
                        step);
}

/// The way from sums to the result at element `at`, `count` or more channels.
struct Finish {
  HWY_INLINE void operator()(D d, V value, int64_t at, int64_t count) const {
    if (added != nullptr) value = hn::Add(value, loadSome(d, added + at, count));
    storeSome(d, hn::Min(hn::Max(value, hn::Set(d, lower)), hn::Set(d, upper)), target + at, count);
  }
  float lower, upper;
  const float* added;
  float* target;
};

/// Rows and columns of sums that lie on the output, from the products of one vector of channels at `products`.
template <class Form>
HWY_INLINE void transformSums(const float* products, int64_t step, V bias, V (&sums)[Form::kTile][Form::kTile]) {
  constexpr int kSide = Form::kTile + 2;
  const D d;
  V middle[Form::kTile][kSide];
  for (int j = 0; j < kSide; ++j) {
    V x[kSide];
    V y[Form::kTile];
    for (int i = 0; i < kSide; ++i) x[i] = hn::LoadU(d, products + (i * kSide + j) * step);
    Form::output(d, x, y);
    for (int i = 0; i < Form::kTile; ++i) middle[i][j] = y[i];
  }
  for (int i = 0; i < Form::kTile; ++i) {
    Form::output(d, middle[i], sums[i]);
    for (int j = 0; j < Form::kTile; ++j) sums[i][j] = hn::Add(sums[i][j], bias);
  }
}

/// The pixels of one tile from its products, `step` apart.
template <class Form>
HWY_INLINE void transformOutput(const Winograd& conv, const float* products, int64_t step, const TilePlace& place,
                                const Finish& finish) {
  constexpr int kTile = Form::kTile;
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t rows = std::min<int64_t>(kTile, conv.outHeight - place.row);
  const int64_t columns = std::min<int64_t>(kTile, conv.outWidth - place.column);
  const int64_t rowStep = conv.outWidth * conv.outputs;
  const int64_t origin = (place.sample * conv.outHeight + place.row) * rowStep + place.column * conv.outputs;
  for (int64_t m = 0; m < conv.outputs; m += lanes) {
    V sums[kTile][kTile];
    transformSums<Form>(products + m, step, hn::LoadU(d, conv.bias + m), sums);
    if (rows == kTile && columns == kTile) {
      for (int i = 0; i < kTile; ++i)
        for (int j = 0; j < kTile; ++j)
          finish(d, sums[i][j], origin + i * rowStep + j * conv.outputs + m, conv.outputs - m);
      continue;
    }
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        finish(d, sums[i][j], origin + i * rowStep + j * conv.outputs + m, conv.outputs - m);
  }
}

/// One product of a block's tiles by the weights per point.
HWY_INLINE void multiplyPoints(const Winograd& conv, const WinogradLayout& layout, const float* input, float* products,
                               int64_t tiles) {
  SmallGemm product{};
  product.leftStep = layout.channels;
  product.targetStep = layout.outputs;
  product.rows = tiles;
  product.inner = conv.channels;
  product.columns = layout.outputs;
  for (int64_t point = 0; point < conv.points(); ++point) {
    product.left = input + point * layout.inputStep;
    product.panels = conv.weights + point * conv.channels * layout.outputs;
    product.target = products + point * layout.productStep;
    gemmAll(product);
  }
}

template <class Form>
void convolve(const Winograd& conv, const float* source, const float* added, float* target, float* scratch,
              int64_t first, int64_t last) {
  const WinogradLayout layout(conv);
  float* products = scratch + conv.points() * layout.inputStep;
  const Finish finish{conv.lower, conv.upper, added, target};
  for (int64_t begin = first; begin < last; begin += layout.tiles) {
    const int64_t count = std::min(layout.tiles, last - begin);
    for (int64_t i = 0; i < count; ++i)
      transformInput<Form>(conv, source, TilePlace(conv, begin + i), scratch + i * layout.channels, layout.inputStep);
    multiplyPoints(conv, layout, scratch, products, count);
    for (int64_t i = 0; i < count; ++i)
      transformOutput<Form>(conv, products + i * layout.outputs, layout.productStep, TilePlace(conv, begin + i),
                            finish);
  }
}

void winograd(const Winograd& conv, const float* source, const float* added, float* target, float* scratch,
              int64_t first, int64_t last) {
  if (conv.tile == FourByFour::kTile) return convolve<FourByFour>(conv, source, added, target, scratch, first, last);
  convolve<TwoByTwo>(conv, source, added, target, scratch, first, last);
}

}  // namespace
}  // namespace compress::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compress {

HWY_EXPORT(winograd);

void runWinograd(const Winograd& conv, const float* source, const float* added, float* target, float* scratch,
                 int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(winograd)(conv, source, added, target, scratch, first, last);
}

namespace {

/// A multiple of what a block of products takes, so that a few rows rarely remain.
constexpr int64_t kTilesStep = 12;
/// What a block's points may take of the second-level cache.
constexpr int64_t kBlockFloats = 192 * 1024;

/// Rows of the weights' transform: row i turns three weights of a line into point i.
std::vector<std::array<double, 3>> weightTransform(int tile) {
  if (tile == 2) return {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
  const double small = std::sqrt(0.5);
  const double large = std::sqrt(2.0);
  return {{1, 0, 0},
          {-2.0 / 3, -2.0 / 3 * small, -1.0 / 3},
          {-2.0 / 3, 2.0 / 3 * small, -1.0 / 3},
          {1.0 / 6, 1.0 / 6 * large, 1.0 / 3},
          {1.0 / 6, -1.0 / 6 * large, 1.0 / 3},
          {0, 0, 1}};
}

}  // namespace

int64_t winogradBlock(const Winograd& conv) {
  const int64_t perTile = conv.points() * (paddedToPanels(conv.channels) + paddedToPanels(conv.outputs));
  const int64_t fitting = kBlockFloats / perTile / kTilesStep * kTilesStep;
  return std::min(conv.tiles(), std::clamp<int64_t>(fitting, kTilesStep, 8 * kTilesStep));
}

int64_t winogradScratch(const Winograd& conv) {
  const WinogradLayout layout(conv);
  return conv.points() * (layout.inputStep + layout.productStep);
}

int64_t winogradWeights(const Winograd& conv) {
  return conv.points() * conv.channels * paddedToPanels(conv.outputs);
}

void packWinograd(const Winograd& conv, const float* weights, float* to) {
  const auto rows = weightTransform(conv.tile);
  const size_t side = rows.size();
  const int64_t pointStep = conv.channels * paddedToPanels(conv.outputs);
  for (int64_t m = 0; m < conv.outputs; ++m)
    for (int64_t c = 0; c < conv.channels; ++c) {
      const float* from = weights + (m * conv.channels + c) * 9;
      float* at = to + m / kPanel * kPanel * conv.channels + c * kPanel + m % kPanel;
      for (size_t i = 0; i < side; ++i)
        for (size_t j = 0; j < side; ++j) {
          double sum = 0;
          for (size_t y = 0; y < 3; ++y)
            for (size_t x = 0; x < 3; ++x) sum += rows[i][y] * rows[j][x] * from[y * 3 + x];
          at[static_cast<int64_t>(i * side + j) * pointStep] = static_cast<float>(sum);
        }
    }
}

}  // namespace compress
#endif
