#include "tests/support/random_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "lib/base/random.h"
#include "lib/base/text.h"

namespace compress::test {
namespace {

using Integers = std::vector<int64_t>;

struct Live {
  ValueId id;
  std::vector<int64_t> dims;
  bool isRead = false;
};

class Builder {
 public:
  explicit Builder(uint64_t seed) : random_(seed, "random model") {
    constexpr std::array<int64_t, 7> kOpsets = {7, 9, 11, 13, 17, 21, 23};
    opset_ = kOpsets[static_cast<size_t>(below(7))];
    model_.irVersion = opset_ < 9 ? 3 : 8;
    model_.opsets.set("", opset_);
    model_.graph.name = "random";
  }

  Model build() {
    addInput({1 + below(2), 2 * (1 + below(2)), 4 + below(3), 4 + below(3)});
    if (below(2) == 0) addInput({1 + below(3), 2 + below(4)});
    const int64_t steps = 4 + below(16);
    for (int64_t i = 0; i < steps; ++i) step();
    for (const Live& live : live_)
      if (!live.isRead && model_.graph.producer(live.id) && below(4) != 0) addOutput(model_.graph, live.id, live.dims);
    if (model_.graph.outputs().empty()) addOutput(model_.graph, node("Relu", {live_[0].id}), live_[0].dims);
    if (model_.irVersion < 4)
      for (const ValueId id : model_.graph.values())
        if (model_.graph.constant(id) != nullptr) model_.graph.addInput(id);
    return std::move(model_);
  }

 private:
  using Step = void (Builder::*)(size_t);

  int64_t below(int64_t bound) { return random_.below(bound); }

  void addInput(Integers dims) {
    Type type = Type::tensor(DType::f32, Shape(dims));
    const ValueId id = model_.graph.add({"x", std::move(type), std::nullopt, {}});
    model_.graph.addInput(id);
    live_.push_back({id, std::move(dims)});
  }

  static void addOutput(Graph& graph, ValueId id, const Integers& dims) {
    graph.setType(id, Type::tensor(DType::f32, Shape(dims)));
    graph.addOutput(id);
  }

  ValueId constant(Integers dims, double low, double high) {
    Buffer buffer(DType::f32, Shape(std::move(dims)));
    for (float& value : buffer.as<float>()) value = static_cast<float>(random_.uniform(low, high));
    return model_.graph.addConstant("c", std::move(buffer).freeze());
  }
  ValueId filled(Integers dims, float value) {
    Buffer buffer(DType::f32, Shape(std::move(dims)));
    std::ranges::fill(buffer.as<float>(), value);
    return model_.graph.addConstant("k", std::move(buffer).freeze());
  }
  ValueId integers(const Integers& values) { return model_.graph.addConstant("i", Tensor::ofInts(values)); }
  ValueId weight(Integers dims) {
    const auto fanIn =
        static_cast<double>(std::accumulate(dims.begin() + 1, dims.end(), int64_t{1}, std::multiplies()));
    return constant(std::move(dims), -1.0 / std::sqrt(fanIn), 1.0 / std::sqrt(fanIn));
  }

  ValueId node(std::string_view op, std::vector<ValueId> inputs,
               const std::vector<std::pair<std::string, AttributeData>>& attributes = {}) {
    Attributes list;
    for (const auto& [name, data] : attributes) list.set(name, data);
    const ValueId output = model_.graph.emit(op, std::move(inputs), "v", std::move(list));
    if (below(5) == 0) model_.graph.rename(model_.graph.producer(output), "");
    return output;
  }

  /// The value goes on, in place of the one at `from` or beside it.
  void put(size_t from, ValueId id, Integers dims) {
    live_[from].isRead = true;
    if (below(4) == 0)
      live_.push_back({id, std::move(dims)});
    else
      live_[from] = {id, std::move(dims)};
  }

  void step() {
    const auto at = static_cast<size_t>(below(static_cast<int64_t>(live_.size())));
    static constexpr std::array<Step, 11> kAny = {&Builder::activation, &Builder::noOp,       &Builder::affine,
                                                  &Builder::residual,   &Builder::transposes, &Builder::reshapes,
                                                  &Builder::computed,   &Builder::twins,      &Builder::shapeArithmetic,
                                                  &Builder::clamps,     &Builder::branch};
    static constexpr std::array<Step, 8> kPictures = {
        &Builder::conv, &Builder::batchNorm, &Builder::paddedConv,     &Builder::pool,
        &Builder::mean, &Builder::convNorm,  &Builder::transposedConv, &Builder::flatten};
    static constexpr std::array<Step, 3> kMatrices = {&Builder::gemm, &Builder::product, &Builder::softmax};
    const size_t rank = live_[at].dims.size();
    if (rank == 4 && below(2) == 0)
      (this->*kPictures[static_cast<size_t>(below(8))])(at);
    else if (rank == 2 && below(2) == 0)
      (this->*kMatrices[static_cast<size_t>(below(3))])(at);
    else
      (this->*kAny[static_cast<size_t>(below(11))])(at);
  }

  ValueId conv(ValueId x, Integers& dims) {
    const int64_t group = dims[1] % 2 == 0 && below(3) == 0 ? 2 : 1;
    const int64_t kernel = std::min(dims[2], dims[3]) >= 3 && below(2) == 0 ? 3 : 1;
    const int64_t pad = kernel == 3 ? below(2) : 0, outputs = group * (1 + below(3));
    std::vector<ValueId> inputs = {x, weight({outputs, dims[1] / group, kernel, kernel})};
    if (below(2) == 0) inputs.push_back(constant({outputs}, -1, 1));
    dims = {dims[0], outputs, dims[2] + 2 * pad - kernel + 1, dims[3] + 2 * pad - kernel + 1};
    return node("Conv", inputs, {{"group", group}, {"pads", Integers(4, pad)}});
  }
  ValueId norm(ValueId x, int64_t channels) {
    return node("BatchNormalization", {x, constant({channels}, 0.5, 2), constant({channels}, -1, 1),
                                       constant({channels}, -1, 1), constant({channels}, 0.5, 2)});
  }
  ValueId pad(ValueId x, const Integers& pads) {
    return opset_ < 11 ? node("Pad", {x}, {{"pads", pads}}) : node("Pad", {x, integers(pads)});
  }

  void conv(size_t at) {
    Integers dims = live_[at].dims;
    const ValueId result = conv(live_[at].id, dims);
    put(at, result, dims);
  }
  void batchNorm(size_t at) { put(at, norm(live_[at].id, live_[at].dims[1]), live_[at].dims); }
  void convNorm(size_t at) {
    Integers dims = live_[at].dims;
    const bool isBefore = below(3) == 0;
    ValueId id = isBefore ? norm(live_[at].id, dims[1]) : live_[at].id;
    id = conv(id, dims);
    put(at, isBefore ? id : norm(id, dims[1]), dims);
  }
  void transposedConv(size_t at) {
    Integers dims = live_[at].dims;
    const int64_t group = dims[1] % 2 == 0 ? 1 + below(2) : 1, per = 1 + below(2);
    const ValueId id = node("ConvTranspose", {live_[at].id, weight({dims[1], per, 2, 2})}, {{"group", group}});
    dims = {dims[0], group * per, dims[2] + 1, dims[3] + 1};
    put(at, below(2) == 0 ? norm(id, dims[1]) : id, dims);
  }
  void paddedConv(size_t at) {
    Integers dims = live_[at].dims;
    const ValueId padded = pad(live_[at].id, {0, 0, below(2), below(2), 0, 0, below(2), 1});
    const Node& made = model_.graph.node(model_.graph.producer(padded));
    const Integers pads =
        opset_ < 11 ? made.attributes.integers("pads") : toInts(*model_.graph.constant(made.inputs[1]));
    dims[2] += pads[2] + pads[6];
    dims[3] += pads[3] + pads[7];
    const ValueId result = conv(padded, dims);
    put(at, result, dims);
  }
  void pool(size_t at) {
    Integers dims = live_[at].dims;
    if (std::min(dims[2], dims[3]) < 2) return;
    ValueId x = live_[at].id;
    if (below(3) == 0) {
      x = pad(node("Relu", {x}), {0, 0, 1, 1, 0, 0, 1, 1});
      dims[2] += 2;
      dims[3] += 2;
    }
    const ValueId id = node(below(2) == 0 ? "MaxPool" : "AveragePool", {x}, {{"kernel_shape", Integers{2, 2}}});
    put(at, id, {dims[0], dims[1], dims[2] - 1, dims[3] - 1});
  }
  void mean(size_t at) {
    const Integers dims = live_[at].dims;
    const int64_t keep = below(2);
    const ValueId id = opset_ < 18 ? node("ReduceMean", {live_[at].id}, {{"axes", Integers{2, 3}}, {"keepdims", keep}})
                                   : node("ReduceMean", {live_[at].id, integers({-2, -1})}, {{"keepdims", keep}});
    put(at, id, keep != 0 ? Integers{dims[0], dims[1], 1, 1} : Integers{dims[0], dims[1]});
  }
  void flatten(size_t at) {
    const Integers dims = live_[at].dims;
    put(at, node("Flatten", {live_[at].id}), {dims[0], dims[1] * dims[2] * dims[3]});
  }
  void gemm(size_t at) {
    const Integers dims = live_[at].dims;
    const int64_t outputs = 1 + below(4), isTransposed = below(2);
    std::vector<ValueId> inputs = {live_[at].id,
                                   weight(isTransposed != 0 ? Integers{outputs, dims[1]} : Integers{dims[1], outputs}),
                                   constant({outputs}, -1, 1)};
    ValueId id = node("Gemm", inputs, {{"transB", isTransposed}, {"alpha", 0.5F}, {"beta", 2.0F}});
    if (below(2) == 0) id = norm(id, outputs);
    put(at, id, {dims[0], outputs});
  }
  void product(size_t at) {
    const Integers dims = live_[at].dims;
    const int64_t outputs = 1 + below(4);
    ValueId id = node("MatMul", {live_[at].id, weight({dims[1], outputs})});
    if (below(2) == 0) id = node("Mul", {id, constant({outputs}, 0.5, 2)});
    put(at, node("Add", {id, constant({outputs}, -1, 1)}), {dims[0], outputs});
  }
  void softmax(size_t at) { put(at, node("Softmax", {live_[at].id}, {{"axis", int64_t{1}}}), live_[at].dims); }
  void activation(size_t at) {
    constexpr std::array<const char*, 5> kOps = {"Relu", "Sigmoid", "Tanh", "LeakyRelu", "Elu"};
    put(at, node(kOps[static_cast<size_t>(below(5))], {live_[at].id}), live_[at].dims);
  }
  void noOp(size_t at) {
    const ValueId x = live_[at].id;
    const Integers dims = live_[at].dims;
    Integers order(dims.size());
    std::iota(order.begin(), order.end(), int64_t{0});
    switch (below(8)) {
      case 0:
        put(at, node("Identity", {x}), dims);
        return;
      case 1:
        put(at, node("Dropout", {x}), dims);
        return;
      case 2:
        put(at, node("Cast", {x}, {{"to", int64_t{1}}}), dims);
        return;
      case 3:
        put(at, node("Transpose", {x}, {{"perm", order}}), dims);
        return;
      case 4:
        put(at, node("Reshape", {x, integers(dims)}), dims);
        return;
      case 5:
        put(at, node("Add", {x, filled({1}, 0)}), dims);
        return;
      case 6:
        put(at, node("Div", {x, filled(dims, 1)}), dims);
        return;
      default:
        put(at, node("Concat", {x}, {{"axis", int64_t{0}}}), dims);
        return;
    }
  }
  void affine(size_t at) {
    const Integers dims = live_[at].dims;
    constexpr std::array<const char*, 4> kOps = {"Mul", "Add", "Sub", "Div"};
    ValueId id = live_[at].id;
    for (int64_t i = 1 + below(2); i > 0; --i) {
      Integers shape = {1};
      if (below(2) == 0) {
        shape.assign(dims.size() - 1, 1);
        shape[0] = dims[1];
      }
      const ValueId other = constant(shape, 0.5, 2);
      id = below(3) == 0 ? node("Sub", {other, id}) : node(kOps[static_cast<size_t>(below(4))], {id, other});
    }
    put(at, id, dims);
  }
  void residual(size_t at) {
    for (size_t i = 0; i < live_.size(); ++i)
      if (i != at && live_[i].dims == live_[at].dims) {
        live_[i].isRead = true;
        put(at, node(below(2) == 0 ? "Add" : "Mul", {live_[at].id, live_[i].id}), live_[at].dims);
        return;
      }
  }
  void transposes(size_t at) {
    Integers dims = live_[at].dims;
    Integers order(dims.size());
    std::iota(order.begin(), order.end(), int64_t{0});
    ValueId id = live_[at].id;
    for (int64_t i = 1 + below(3); i > 0; --i) {
      std::swap(order[static_cast<size_t>(below(static_cast<int64_t>(order.size())))], order.back());
      id = node("Transpose", {id}, {{"perm", order}});
      Integers moved;
      for (const int64_t axis : order) moved.push_back(dims[static_cast<size_t>(axis)]);
      dims = moved;
    }
    put(at, id, dims);
  }
  void reshapes(size_t at) {
    const Integers dims = live_[at].dims;
    const ValueId flat = below(2) == 0 ? node("Reshape", {live_[at].id, integers({-1})})
                                       : node("Flatten", {live_[at].id}, {{"axis", int64_t{0}}});
    Integers back = dims;
    if (below(2) == 0) back[0] = -1;
    put(at, node("Reshape", {flat, integers(back)}), dims);
  }
  void computed(size_t at) {
    const ValueId made = node("Constant", {}, {{"value", Tensor::scalar(static_cast<float>(random_.uniform(0.5, 2)))}});
    const ValueId factor = node(below(2) == 0 ? "Mul" : "Sub", {made, constant({1}, 0.1, 0.4)});
    put(at, node("Mul", {live_[at].id, factor}), live_[at].dims);
  }
  void twins(size_t at) {
    const float value = static_cast<float>(random_.uniform(0.5, 2));
    const ValueId a = node("Mul", {live_[at].id, filled({1}, value)}),
                  b = node("Mul", {live_[at].id, filled({1}, value)});
    put(at, node("Add", {a, below(2) == 0 ? b : node("Tanh", {b})}), live_[at].dims);
  }
  void shapeArithmetic(size_t at) {
    const Integers dims = live_[at].dims;
    const ValueId first = node("Gather", {node("Shape", {live_[at].id}), integers({0})});
    const ValueId target = node("Concat", {first, integers({-1})}, {{"axis", int64_t{0}}});
    put(at, node("Reshape", {live_[at].id, target}),
        {dims[0], std::accumulate(dims.begin() + 1, dims.end(), int64_t{1}, std::multiplies())});
  }
  void clamps(size_t at) {
    ValueId id = live_[at].id;
    for (int64_t i = 1 + below(3); i > 0; --i) {
      const float low = below(2) == 0 ? 0.0F : -1.0F, high = below(2) == 0 ? 6.0F : 1.0F;
      if (below(2) == 0)
        id = node("Relu", {id});
      else if (opset_ < 11)
        id = node("Clip", {id}, {{"min", low}, {"max", high}});
      else
        id = node("Clip", {id, filled({}, low), filled({}, high)});
    }
    put(at, id, live_[at].dims);
  }
  /// A body that holds a no-op, a constant to fold and a capture.
  Body bodyOf(const Integers& dims, std::string_view op) {
    auto body = std::make_shared<Graph>();
    body->name = op;
    const ValueId x = body->add({"x", Type::tensor(DType::f32, Shape(dims)), std::nullopt, {}});
    body->addInput(x);
    Attributes attributes;
    attributes.set("value", Tensor::scalar(0.5F));
    const ValueId half = body->emit("Constant", {}, "half", attributes);
    addOutput(*body, body->emit(op, {body->emit("Mul", {body->emit("Identity", {x}, "a"), half}, "b")}, "y"), dims);
    return body;
  }
  void branch(size_t at) {
    Buffer yes(DType::boolean, Shape{});
    yes.as<bool>()[0] = below(2) == 0;
    const ValueId condition = model_.graph.addConstant("condition", std::move(yes).freeze());
    const ValueId id =
        node("If", {condition, live_[at].id},
             {{"then_branch", bodyOf(live_[at].dims, "Tanh")}, {"else_branch", bodyOf(live_[at].dims, "Sigmoid")}});
    model_.graph.setCaptureCount(model_.graph.producer(id), 1);
    put(at, id, live_[at].dims);
  }

  Random random_;
  Model model_;
  int64_t opset_;
  std::vector<Live> live_;
};

}  // namespace

Model randomModel(uint64_t seed) {
  return Builder(seed).build();
}

}  // namespace compress::test
