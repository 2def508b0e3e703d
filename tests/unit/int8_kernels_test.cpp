// Tables, elementwise arithmetic, pools, copies and quantization of bytes against their meaning in double.
#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>

#include "lib/runtime/cpu/int8/binary.h"
#include "lib/runtime/cpu/int8/pool.h"
#include "lib/runtime/cpu/int8/table.h"
#include "tests/support/quantized.h"

using namespace compress;
using namespace compress::int8;
using Bytes8 = std::vector<uint8_t>;

namespace {

Quantization randomQuantization(Random& random, DType dtype) {
  Quantization q{static_cast<float>(random.uniform(0.005, 0.05)), 0, dtype};
  q.zero = q.lowest() + static_cast<int32_t>(random.below(256));
  return q;
}

size_t at(int64_t index) {
  return static_cast<size_t>(index);
}

/// What the border of a bordered buffer must hold, around the dense content.
Bytes8 withBorder(const Bytes8& dense, const ImageShape& shape, const Border& border, uint8_t fill) {
  const int64_t width = border.left + shape.width + border.right, height = border.top + shape.height + border.bottom;
  Bytes8 result(at(shape.images * height * width * shape.channels), fill);
  for (int64_t n = 0; n < shape.images; ++n)
    for (int64_t h = 0; h < shape.height; ++h)
      for (int64_t i = 0; i < shape.width * shape.channels; ++i)
        result[at(((n * height + h + border.top) * width + border.left) * shape.channels + i)] =
            dense[at((n * shape.height + h) * shape.width * shape.channels + i)];
  return result;
}

const Border kBorders[] = {{}, {1, 1, 1, 1}, {0, 2, 1, 0}};

}  // namespace

TEST_CASE("tables requantize as dequantize and quantize do, with and without a border", "[int8]") {
  Random random(1, "tables");
  for (int round = 0; round < 30; ++round) {
    const DType dtype = round % 2 == 0 ? DType::u8 : DType::i8;
    const Quantization x = randomQuantization(random, dtype), y = randomQuantization(random, dtype);
    const ByteTable table = requantizeTable(x, y);
    const ImageShape shape{1 + random.below(2), 1 + random.below(70), 1 + random.below(9), 1 + random.below(90)};
    const Bytes8 source = test::randomBytes(random, shape.elementCount());
    Bytes8 expected;
    for (const uint8_t byte : source) expected.push_back(test::quantized(test::dequantized(byte, x), y));
    for (const Border& border : kBorders) {
      const Grid grid = gridOf(shape, border, 7);
      Bytes8 result(at(grid.totalBytes()));
      applyTable(table, source.data(), result.data(), grid);
      const test::Difference difference = test::differenceOf(result, withBorder(expected, shape, border, 7), dtype);
      CHECK(difference.largest <= 1);
      CHECK(difference.share < 0.02);
      Bytes8 copied(at(grid.totalBytes()));
      copyRows(source.data(), copied.data(), grid);
      CHECK(copied == withBorder(source, shape, border, 7));
    }
  }
}

TEST_CASE("every byte goes through a table, whatever the count", "[int8]") {
  ByteTable table;
  for (size_t i = 0; i < 256; ++i) table[i] = static_cast<uint8_t>(i * 37 + 11);
  for (int64_t count : {0, 1, 63, 64, 65, 127, 300, 1000}) {
    Bytes8 source(at(count)), result(at(count));
    std::iota(source.begin(), source.end(), uint8_t{3});
    applyTable(table, source.data(), result.data(), count);
    bool same = true;
    for (size_t i = 0; i < source.size(); ++i) same = same && result[i] == table[source[i]];
    CHECK(same);
  }
  CHECK(isIdentity(requantizeTable({0.1F, 5, DType::u8}, {0.1F, 5, DType::u8})));
  CHECK_FALSE(isIdentity(requantizeTable({0.1F, 5, DType::u8}, {0.1F, 6, DType::u8})));
}

TEST_CASE("quantized Add, Sub and Mul are within a step of the float way", "[int8]") {
  Random random(2, "binary");
  double share = 0;
  int rounds = 0;
  for (const BinaryOp op : {BinaryOp::add, BinaryOp::sub, BinaryOp::mul})
    for (int round = 0; round < 30; ++round, ++rounds) {
      const DType dtype = round % 2 == 0 ? DType::u8 : DType::i8;
      Binary binary;
      binary.op = op;
      binary.a = randomQuantization(random, dtype), binary.b = randomQuantization(random, dtype);
      binary.y = randomQuantization(random, dtype);
      if (round % 3 == 0) binary.low = 0;
      if (round % 5 == 0) binary.high = 2;
      const ImageShape shape{1, 1 + random.below(40), 1 + random.below(40), 1 + random.below(40)};
      const Bytes8 a = test::randomBytes(random, shape.elementCount()),
                   b = test::randomBytes(random, shape.elementCount());
      Bytes8 expected;
      for (size_t i = 0; i < a.size(); ++i) {
        const double ra = test::dequantized(a[i], binary.a), rb = test::dequantized(b[i], binary.b);
        const double real = op == BinaryOp::add ? ra + rb : op == BinaryOp::sub ? ra - rb : ra * rb;
        expected.push_back(test::quantized(std::clamp(real, double{binary.low}, double{binary.high}), binary.y));
      }
      for (const Border& border : kBorders) {
        const Grid grid = gridOf(shape, border, 9);
        const auto run = [&](int) {
          Bytes8 result(at(grid.totalBytes()));
          binary.run(a.data(), b.data(), result.data(), grid);
          return result;
        };
        const test::Difference difference = test::differenceOf(run(1), withBorder(expected, shape, border, 9), dtype);
        CAPTURE(static_cast<int>(op), round);
        CHECK(difference.largest <= 1);
        share = std::max(share, difference.share);
        CHECK(test::sameForAnyThreadCount<Bytes8>(run));
      }
    }
  CHECK(share < 0.01);
  WARN("quantized Add, Sub, Mul: " << rounds << " cases, greatest share of elements one step off: " << share);
}

TEST_CASE("quantizing floats is exact, in place and into channels-last buffers", "[int8]") {
  Random random(3, "quantize");
  for (int round = 0; round < 40; ++round) {
    const Quantization q = randomQuantization(random, round % 2 == 0 ? DType::u8 : DType::i8);
    const ImageShape shape{1 + random.below(2), 1 + random.below(round < 20 ? 5 : 40), 1 + random.below(12),
                           1 + random.below(300)};
    std::vector<float> x(at(shape.elementCount()));
    for (float& value : x) value = q.scale * static_cast<float>(random.uniform(-300, 300));
    x[0] = q.scale * 2.5F, x.back() = std::numeric_limits<float>::infinity();
    const auto step = [&](float value) {
      const float rounded = std::nearbyint(value / q.scale) + static_cast<float>(q.zero);
      return static_cast<uint8_t>(static_cast<int32_t>(std::clamp(rounded, float(q.lowest()), float(q.highest()))));
    };
    Bytes8 flat(x.size()), expected(x.size());
    std::ranges::transform(x, expected.begin(), step);
    quantize(q, x.data(), flat.data(), shape.elementCount());
    CHECK(flat == expected);

    Bytes8 last(x.size());
    const int64_t pixels = shape.height * shape.width;
    for (int64_t n = 0; n < shape.images; ++n)
      for (int64_t c = 0; c < shape.channels; ++c)
        for (int64_t i = 0; i < pixels; ++i)
          last[at((n * pixels + i) * shape.channels + c)] = expected[at((n * shape.channels + c) * pixels + i)];
    for (const Border& border : kBorders) {
      Bytes8 result(at(gridOf(shape, border, 0).totalBytes()));
      ChannelsLastQuantizer(q, shape, plainSource(shape), border).run(x.data(), result.data());
      CHECK(result == withBorder(last, shape, border, static_cast<uint8_t>(q.zero)));
    }
    std::vector<float> back(x.size()), backFirst(x.size());
    dequantize(q, last.data(), back.data(), shape.elementCount());
    dequantizeToChannelsFirst(q, shape, last.data(), backFirst.data());
    bool same = true;
    for (size_t i = 0; i < x.size(); ++i) {
      same = same && back[i] == static_cast<float>(integerOf(last[i], q.dtype) - q.zero) * q.scale;
      same = same && backFirst[i] == static_cast<float>(integerOf(expected[i], q.dtype) - q.zero) * q.scale;
    }
    CHECK(same);
  }
}

TEST_CASE("channels that are strided views of an image are quantized in one pass", "[int8]") {
  Random random(6, "channels");
  for (int round = 0; round < 40; ++round) {
    const int64_t block = 1 + random.below(3);
    const ImageShape shape{1 + random.below(2), 1 + random.below(13), 1 + random.below(9), 1 + random.below(300)};
    const int64_t planes = 3, width = shape.width * block, height = shape.height * block;
    ChannelSource source{planes * width * height, width * block, block, {}};
    for (int64_t c = 0; c < shape.channels; ++c)
      source.offsets.push_back(random.below(planes) * width * height + random.below(block) * width +
                               random.below(block));
    const Quantization q = randomQuantization(random, round % 2 == 0 ? DType::u8 : DType::i8);
    std::vector<float> x(at(shape.images * planes * width * height));
    for (float& value : x) value = q.scale * static_cast<float>(random.uniform(-300, 300));
    Bytes8 result(at(shape.elementCount())), expected;
    ChannelsLastQuantizer(q, shape, source, {}).run(x.data(), result.data());
    for (int64_t n = 0; n < shape.images; ++n)
      for (int64_t h = 0; h < shape.height; ++h)
        for (int64_t w = 0; w < shape.width; ++w)
          for (const int64_t offset : source.offsets)
            expected.push_back(
                test::quantized(x[at(n * source.image + offset + h * source.row + w * source.column)], q));
    CAPTURE(round);
    CHECK(test::differenceOf(result, expected, q.dtype).largest <=
          1);  // the meaning is in double here: ties of float division
    CHECK(test::differenceOf(result, expected, q.dtype).share < 1e-3);
  }
}

TEST_CASE("pools of bytes are those of their real values", "[int8]") {
  Random random(4, "pools");
  for (int round = 0; round < 60; ++round) {
    const DType dtype = round % 2 == 0 ? DType::u8 : DType::i8;
    const ImageShape shape{1 + random.below(2), 1 + random.below(80), 4 + random.below(12), 4 + random.below(12)};
    Window window;
    window.height = 1 + random.below(4), window.width = 1 + random.below(4);
    window.strideH = 1 + random.below(2), window.strideW = 1 + random.below(3);
    window.top = random.below(window.height), window.left = random.below(window.width);
    const int64_t bottom = random.below(window.height), right = random.below(window.width);
    window.outHeight = (shape.height + window.top + bottom - window.height) / window.strideH + 1;
    window.outWidth = (shape.width + window.left + right - window.width) / window.strideW + 1;
    AveragePool average{shape,
                        window,
                        bottom,
                        right,
                        round % 3 == 0,
                        randomQuantization(random, dtype),
                        randomQuantization(random, dtype)};
    const Bytes8 source = test::randomBytes(random, shape.elementCount());
    Bytes8 greatest, mean;
    for (int64_t n = 0; n < shape.images; ++n)
      for (int64_t oh = 0; oh < window.outHeight; ++oh)
        for (int64_t ow = 0; ow < window.outWidth; ++ow)
          for (int64_t c = 0; c < shape.channels; ++c) {
            int32_t top = -1000;
            int inside = 0;
            double sum = 0;
            for (int64_t kh = 0; kh < window.height; ++kh)
              for (int64_t kw = 0; kw < window.width; ++kw) {
                const int64_t h = oh * window.strideH - window.top + kh, w = ow * window.strideW - window.left + kw;
                if (h < 0 || w < 0 || h >= shape.height || w >= shape.width) continue;
                const uint8_t byte = source[at(((n * shape.height + h) * shape.width + w) * shape.channels + c)];
                top = std::max(top, integerOf(byte, dtype));
                sum += test::dequantized(byte, average.x);
                ++inside;
              }
            greatest.push_back(static_cast<uint8_t>(top));
            const double divisor = average.countPadding ? static_cast<double>(window.height * window.width) : inside;
            mean.push_back(test::quantized(sum / divisor, average.y));
          }
    const MaxPool pool(shape, window, dtype);
    const auto run = [&](int threads) {
      Bytes8 result(greatest.size()), scratch(at(pool.scratchBytes(threads)));
      pool.run(source.data(), result.data(), scratch.data(), threads);
      return result;
    };
    CAPTURE(round);
    CHECK(run(1) == greatest);
    CHECK(test::sameForAnyThreadCount<Bytes8>(run));
    Bytes8 result(mean.size());
    average.run(source.data(), result.data());
    const test::Difference difference = test::differenceOf(result, mean, dtype);
    CHECK(difference.largest <= 1);
    CHECK(difference.share < 0.02);
  }
}
