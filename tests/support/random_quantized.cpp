#include "tests/support/random_quantized.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "lib/base/random.h"
#include "lib/base/text.h"
#include "lib/ir/shape.h"

namespace compress::test {
namespace {

std::string parametersOf(const Bytes4& value) {
  return text("const ", value.name, "s: float32[] = ", value.scale, "\nconst ", value.name, "z: ", nameOf(value.dtype),
              "[] = ", value.zero, "\n");
}

class Author {
 public:
  explicit Author(uint64_t seed) : random_(seed, "int8 property") {
    images_ = pick({1, 1, 2});
    const Bytes4 x = quantized("x0", random_.below(4) == 0 ? DType::i8 : DType::u8, 4,
                               {pick({1, 3, 8, 16}), 5 + random_.below(9), 5 + random_.below(9)});
    input_ = text("input x: float32[", images_, ", ", x.channels, ", ", x.height, ", ", x.width, "]\n");
    islands_.push_back({text(parametersOf(x), "x0 = QuantizeLinear(x, ", x.name, "s, ", x.name, "z)\n"), {}, x, 0});
    const int64_t count = 2 + random_.below(6);
    for (int64_t i = 0; i < count; ++i) step();
  }

  QuantizedNetwork write() && { return {std::move(islands_), std::move(input_), images_}; }

 private:
  struct Extent {
    int64_t channels, height, width;
  };

  int64_t pick(std::initializer_list<int64_t> choices) {
    return choices.begin()[random_.below(static_cast<int64_t>(choices.size()))];
  }
  const Bytes4& any() {
    return islands_[static_cast<size_t>(random_.below(static_cast<int64_t>(islands_.size())))].result;
  }
  Bytes4 source() { return random_.below(3) == 0 ? any() : islands_.back().result; }
  std::string fresh() { return text("v", ++count_); }

  /// A tensor whose steps cover about +-`reach`.
  Bytes4 quantized(std::string name, DType dtype, double reach, Extent extent) {
    const int64_t lowest = dtype == DType::u8 ? 0 : -128;
    const double scale = reach / 128 * random_.uniform(0.6, 1.4);
    return {std::move(name), dtype,         scale,       lowest + pick({0, 128, random_.below(256)}),
            extent.channels, extent.height, extent.width};
  }
  static double reachOf(const Bytes4& value) { return 128 * value.scale; }
  DType otherType(const Bytes4& value) {
    return random_.below(5) > 0 ? value.dtype : value.dtype == DType::u8 ? DType::i8 : DType::u8;
  }

  /// Puts `body`, which reads <name>d of each source and defines `real`, between its Q and DQ.
  void add(const std::string& body, const std::string& real, std::vector<Bytes4> sources, Bytes4 result,
           int64_t tolerance) {
    std::string all;
    for (size_t i = 0; i < sources.size(); ++i)
      all += text(result.name, "d", i, " = DequantizeLinear(", sources[i].name, ", ", sources[i].name, "s, ",
                  sources[i].name, "z)\n");
    std::string last = real;
    const std::string bounded = text(result.name, "b");
    const int64_t bound = tolerance == 0 ? 2 : random_.below(4);
    if (bound == 0) {
      all += text(body, bounded, " = Relu(", real, ")\n");
      last = bounded;
    } else if (bound == 1) {
      all += text(body, "const ", bounded, "l: float32[] = ", -reachOf(result) * 0.4, "\nconst ", bounded,
                  "h: float32[] = ", reachOf(result) * 0.7, "\n", bounded, " = Clip(", real, ", ", bounded, "l, ",
                  bounded, "h)\n");
      last = bounded;
    } else {
      all += body;
    }
    all += text(parametersOf(result), result.name, " = QuantizeLinear(", last, ", ", result.name, "s, ", result.name,
                "z)\n");
    islands_.push_back({all, std::move(sources), std::move(result), tolerance});
  }

  void step() {
    switch (random_.below(14)) {
      case 0:
      case 1:
      case 2:
        return conv(false);
      case 3:
        return conv(true);
      case 4:
        return matMul();
      case 5:
        return combine();
      case 6:
        return combineConstant();
      case 7:
        return concat();
      case 8:
        return pool();
      case 9:
        return mean();
      case 10:
        return resize();
      case 11:
        return move();
      default:
        return unary();
    }
  }

  /// Constant weights `w` of `shape`, M on `axis`, behind a DequantizeLinear `wd`; the sum's typical size per unit of
  /// x.
  std::string weights(const std::string& name, const Shape& shape, size_t axis, double scale) {
    const bool isUnsigned = random_.below(3) == 0, perChannel = random_.below(2) == 0;
    const int64_t zero = isUnsigned ? 100 + random_.below(60) : random_.below(2) == 0 ? 0 : random_.below(20);
    const int64_t low = std::max<int64_t>(isUnsigned ? 0 : -128, zero - 128);
    const int64_t high = std::min<int64_t>(isUnsigned ? 255 : 127, zero + 127);
    const std::string type = isUnsigned ? "uint8" : "int8";
    std::string all = text("const ", name, "w: ", type, print(shape), " = uniform(", low, ", ", high, ")\n");
    const std::string count = perChannel ? text("[", shape[axis], "]") : std::string("[]");
    all += text("const ", name, "ws: float32", count, " = uniform(", scale * 0.5, ", ", scale, ")\nconst ", name,
                "wz: ", type, count, " = fill(", zero, ")\n");
    return all + text(name, "wd = DequantizeLinear[axis=", axis, "](", name, "w, ", name, "ws, ", name, "wz)\n");
  }

  void conv(bool isDepthwise) {
    const Bytes4 from = source();
    const int64_t kernel = pick({1, 3, 3}), stride = pick({1, 1, 2}), dilation = kernel > 1 ? pick({1, 1, 2}) : 1;
    const int64_t before = random_.below(kernel), after = random_.below(kernel), reach = (kernel - 1) * dilation + 1;
    if (std::min(from.height, from.width) + before + after < reach) return;
    const int64_t group = isDepthwise ? from.channels : from.channels % 2 == 0 ? pick({1, 1, 2}) : 1;
    const int64_t channels = isDepthwise ? from.channels : group * (1 + random_.below(24 / group));
    const auto extent = [&](int64_t in) { return (in + before + after - reach) / stride + 1; };
    const std::string name = fresh();
    const Shape shape{channels, from.channels / group, kernel, kernel};
    const double scale = 0.01, size = reachOf(from) * scale * 40 * std::sqrt(double(shape.count(1, 4)));
    std::string body = weights(name, shape, 0, scale);
    const int64_t bias = random_.below(3);
    if (bias == 1) body += text("const ", name, "c: float32[", channels, "] = uniform(", -size, ", ", size, ")\n");
    if (bias == 2)
      body += text("const ", name, "ci: int32[", channels, "] = uniform(-3000, 3000)\nconst ", name,
                   "cs: float32[] = ", size / 3000, "\nconst ", name, "cz: int32[] = 0\n", name,
                   "c = DequantizeLinear(", name, "ci, ", name, "cs, ", name, "cz)\n");
    body += text(name, "r = Conv[group=", group, ", strides=[", stride, ", ", stride, "], dilations=[", dilation, ", ",
                 dilation, "], pads=[", before, ", ", before, ", ", after, ", ", after, "]](", name, "d0, ", name, "wd",
                 bias > 0 ? text(", ", name, "c") : std::string(), ")\n");
    add(body, name + "r", {from},
        quantized(name, otherType(from), size, {channels, extent(from.height), extent(from.width)}), 1);
  }

  void matMul() {
    const Bytes4 from = source();
    const int64_t columns = 1 + random_.below(20);
    const std::string name = fresh();
    const double scale = 0.01, size = reachOf(from) * scale * 40 * std::sqrt(double(from.width));
    std::string body = weights(name, {from.width, columns}, 1, scale);
    body += text(name, "m = MatMul(", name, "d0, ", name, "wd)\n");
    const bool hasBias = random_.below(2) == 0;
    if (hasBias)
      body += text("const ", name, "c: float32[", columns, "] = uniform(", -size, ", ", size, ")\n", name, "r = Add(",
                   name, "m, ", name, "c)\n");
    add(body, name + (hasBias ? "r" : "m"), {from},
        quantized(name, otherType(from), size, {from.channels, from.height, columns}), 1);
  }

  void combine() {
    const Bytes4 a = islands_.back().result;
    for (int attempt = 0; attempt < 8; ++attempt) {
      const Bytes4 b = any();
      if (a.channels != b.channels || a.height != b.height || a.width != b.width || a.dtype != b.dtype) continue;
      const char* op = std::array{"Add", "Sub", "Mul"}[static_cast<size_t>(random_.below(3))];
      const std::string name = fresh();
      const double size = op[0] == 'M' ? reachOf(a) * reachOf(b) / 2 : reachOf(a) + reachOf(b);
      return add(text(name, "r = ", op, "(", name, "d0, ", name, "d1)\n"), name + "r", {a, b},
                 quantized(name, otherType(a), size, {a.channels, a.height, a.width}), 1);
    }
  }

  void combineConstant() {
    const Bytes4 a = source();
    const std::string name = fresh();
    const char* type = a.dtype == DType::u8 ? "uint8" : "int8";
    const int64_t low = a.dtype == DType::u8 ? 0 : -128;
    add(text("const ", name, "k: ", type, "[", a.channels, ", 1, 1] = uniform(", low, ", ", low + 255, ")\nconst ",
             name, "ks: float32[] = 0.01\nconst ", name, "kz: ", type, "[] = ", low + 30, "\n", name,
             "kd = DequantizeLinear(", name, "k, ", name, "ks, ", name, "kz)\n", name, "r = Mul(", name, "d0, ", name,
             "kd)\n"),
        name + "r", {a}, quantized(name, otherType(a), reachOf(a) * 2, {a.channels, a.height, a.width}), 1);
  }

  void concat() {
    std::vector<Bytes4> sources = {islands_.back().result};
    for (int attempt = 0; attempt < 6 && sources.size() < 3; ++attempt) {
      const Bytes4 b = any();
      if (b.height == sources[0].height && b.width == sources[0].width && b.dtype == sources[0].dtype)
        sources.push_back(b);
    }
    int64_t channels = 0;
    double reach = 0;
    std::string inputs;
    const std::string name = fresh();
    for (size_t i = 0; i < sources.size(); ++i) {
      channels += sources[i].channels;
      reach = std::max(reach, reachOf(sources[i]));
      inputs += text(i > 0 ? ", " : "", name, "d", i);
    }
    if (sources.size() < 2 || channels > 64) return;
    const Bytes4 first = sources[0];
    add(text(name, "r = Concat[axis=1](", inputs, ")\n"), name + "r", std::move(sources),
        quantized(name, first.dtype, reach, {channels, first.height, first.width}), 0);
  }

  void pool() {
    const Bytes4 from = source();
    if (from.height < 3 || from.width < 3) return;
    const bool isMax = random_.below(2) == 0;
    const int64_t stride = pick({1, 2});
    const std::string name = fresh();
    const std::string include = isMax || random_.below(2) == 0 ? "" : ", count_include_pad=1";
    add(text(name, "r = ", isMax ? "MaxPool" : "AveragePool", "[kernel_shape=[3, 3], strides=[", stride, ", ", stride,
             "], pads=[1, 1, 1, 1]", include, "](", name, "d0)\n"),
        name + "r", {from},
        quantized(name, from.dtype, reachOf(from),
                  {from.channels, (from.height - 1) / stride + 1, (from.width - 1) / stride + 1}),
        isMax ? 0 : 1);
  }

  void mean() {
    const Bytes4 from = source();
    const std::string name = fresh();
    add(text(name, "r = GlobalAveragePool(", name, "d0)\n"), name + "r", {from},
        quantized(name, from.dtype, reachOf(from) / 4, {from.channels, 1, 1}), 1);
  }

  void resize() {
    const Bytes4 from = source();
    if (from.height > 20 || from.width > 20) return;
    const std::string name = fresh();
    add(text("const ", name, "k: float32[4] = 1, 1, 2, 2\n", name,
             "r = Resize[mode=\"nearest\", coordinate_transformation_mode=\"asymmetric\", nearest_mode=\"floor\"](",
             name, "d0, _, ", name, "k)\n"),
        name + "r", {from},
        quantized(name, from.dtype, reachOf(from), {from.channels, 2 * from.height, 2 * from.width}), 0);
  }

  void move() {
    const Bytes4 from = source();
    const std::string name = fresh();
    std::string body;
    Extent extent{from.channels, from.height, from.width};
    switch (random_.below(4)) {
      case 0:
        body = text(name, "r = Transpose[perm=[0, 1, 3, 2]](", name, "d0)\n");
        std::swap(extent.height, extent.width);
        break;
      case 1:
        if (from.channels % 4 != 0 || from.height > 20) return;
        body = text(name, "r = DepthToSpace[blocksize=2](", name, "d0)\n");
        extent = {from.channels / 4, 2 * from.height, 2 * from.width};
        break;
      case 2:
        if (from.height < 2) return;
        body = text("const ", name, "b: int64[1] = 1\nconst ", name, "e: int64[1] = 1000\nconst ", name,
                    "a: int64[1] = 2\n", name, "r = Slice(", name, "d0, ", name, "b, ", name, "e, ", name, "a)\n");
        extent.height -= 1;
        break;
      default:
        body = text("const ", name, "p: int64[8] = 0, 0, 1, 0, 0, 0, 0, 2\n", name, "r = Pad(", name, "d0, ", name,
                    "p)\n");
        extent.height += 1;
        extent.width += 2;
    }
    add(body, name + "r", {from}, quantized(name, from.dtype, reachOf(from), extent), 0);
  }

  void unary() {
    static constexpr std::array kOps = {"Sigmoid", "Tanh", "HardSwish", "LeakyRelu", "Elu", "Abs", "Neg", "Identity"};
    const Bytes4 from = source();
    const std::string name = fresh();
    const char* op = kOps[static_cast<size_t>(random_.below(kOps.size()))];
    std::string body = text(name, "u = ", op, "(", name, "d0)\n");
    const bool isGate = random_.below(3) == 0;
    if (isGate) body += text(name, "r = Mul(", name, "d0, ", name, "u)\n");
    add(body, name + (isGate ? "r" : "u"), {from},
        quantized(name, otherType(from), reachOf(from), {from.channels, from.height, from.width}), 0);
  }

  Random random_;
  int64_t images_ = 1, count_ = 0;
  std::string input_;
  std::vector<Island> islands_;
};

}  // namespace

std::string QuantizedNetwork::network(bool allOutputs) const {
  std::string all = input;
  for (const Island& island : islands) all += island.text;
  for (const Island& island : islands)
    if (allOutputs || &island == &islands.back()) all += text("output ", island.result.name, "\n");
  return all;
}

std::string QuantizedNetwork::alone(const Island& island) const {
  if (island.sources.empty()) return text(input, island.text, "output ", island.result.name, "\n");
  std::string all;
  std::map<std::string, Bytes4> sources;
  for (const Bytes4& source : island.sources) sources[source.name] = source;
  for (const auto& [name, source] : sources)
    all += text("input ", name, ": ", nameOf(source.dtype), "[", images, ", ", source.channels, ", ", source.height,
                ", ", source.width, "]\n", parametersOf(source));
  return text(all, island.text, "output ", island.result.name, "\n");
}

QuantizedNetwork randomQuantized(uint64_t seed) {
  return Author(seed).write();
}

}  // namespace compress::test
