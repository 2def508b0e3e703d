#include "tools/integer_io.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/run_over.h"
#include "lib/runtime/session.h"
#include "passes/quantize/integer_io.h"

namespace compress {
namespace {

/// Samples that both forms are run on.
constexpr int64_t kSamples = 8;

const BorderEncoding* findBorder(const std::vector<BorderEncoding>& borders, std::string_view name) {
  const auto found = std::ranges::find(borders, name, &BorderEncoding::name);
  return found == borders.end() ? nullptr : &*found;
}

Tensor quantized(std::span<const float> real, const Shape& shape, const BorderEncoding& border, DType dtype) {
  Buffer integers(dtype, shape);
  for (size_t i = 0; i < real.size(); ++i) {
    const int32_t step = quantize(real[i], border.scale, border.zeroPoint, dtype);
    if (dtype == DType::u8)
      integers.as<uint8_t>()[i] = static_cast<uint8_t>(step);
    else
      integers.as<int8_t>()[i] = static_cast<int8_t>(step);
  }
  return std::move(integers).freeze();
}

int32_t stepAt(const Tensor& integers, size_t i) {
  return integers.dtype() == DType::u8 ? int32_t{integers.as<uint8_t>()[i]} : int32_t{integers.as<int8_t>()[i]};
}

Tensor dequantized(const Tensor& integers, const BorderEncoding& border) {
  Buffer real(DType::f32, integers.shape());
  for (size_t i = 0; i < real.as<float>().size(); ++i)
    real.as<float>()[i] = static_cast<float>(stepAt(integers, i) - border.zeroPoint) * border.scale;
  return std::move(real).freeze();
}

/// Elements further apart than a step, rounding of a Q that was fused into the kernel before it.
int64_t countDifferences(const Tensor& real, const Tensor& integers, const BorderEncoding* border) {
  if (border == nullptr) return !std::ranges::equal(real.raw(), integers.raw());
  const Tensor expected = quantized(real.as<float>(), real.shape(), *border, integers.dtype());
  int64_t count = 0;
  for (size_t i = 0; i < static_cast<size_t>(expected.elementCount()); ++i)
    count += std::abs(stepAt(expected, i) - stepAt(integers, i)) > 1;
  return count;
}

/// Smallest and largest value that each of `names`, inputs and outputs of the model, takes on the samples.
class Ranges {
 public:
  explicit Ranges(const std::vector<std::string>& names) : names_(names.begin(), names.end()) {}

  void add(const std::string& name, const Tensor& tensor) {
    if (!names_.contains(name)) return;
    for (const float value : tensor.as<float>()) {
      Range& range = ranges_[name];
      range.min = std::min(range.min, value);
      range.max = std::max(range.max, value);
    }
  }

  std::map<std::string, Encoding> encodings(DType dtype) const {
    std::map<std::string, Encoding> found;
    for (const auto& [name, range] : ranges_) found[name] = encodeRange(range, dtype, false);
    return found;
  }

 private:
  std::set<std::string> names_;
  std::map<std::string, Range> ranges_;
};

std::map<std::string, Encoding> encodingsOf(const VerbContext& context, const Model& model, Session& session,
                                            const std::vector<std::string>& names, const Dataset* samples,
                                            DType dtype) {
  Ranges ranges(names);
  for (int64_t i = 0; samples != nullptr && !names.empty() && i < samples->size(); ++i) {
    context.budget.check();
    Bindings bindings;
    bindings.inputs = samples->read(i).inputs;
    session.run(bindings);
    for (size_t input = 0; input < bindings.inputs.size(); ++input)
      ranges.add(session.inputNames()[input], bindings.inputs[input]);
    for (size_t output = 0; output < model.graph.outputs().size(); ++output)
      ranges.add(session.outputNames()[output], bindings.outputs[output].snapshot());
  }
  return ranges.encodings(dtype);
}

/// Runs both forms on the same numbers; the count of outputs that differ.
int64_t compareForms(Session& real, Session& integer, std::vector<Tensor> inputs,
                     const std::vector<BorderEncoding>& borders, DType dtype) {
  Bindings reals, integers;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const BorderEncoding* border = findBorder(borders, real.inputNames()[i]);
    integers.inputs.push_back(border == nullptr ? inputs[i]
                                                : quantized(inputs[i].as<float>(), inputs[i].shape(), *border, dtype));
    reals.inputs.push_back(border == nullptr ? inputs[i] : dequantized(integers.inputs[i], *border));
  }
  real.run(reals);
  integer.run(integers);
  int64_t differences = 0;
  for (size_t i = 0; i < reals.outputs.size(); ++i)
    differences += countDifferences(reals.outputs[i].snapshot(), integers.outputs[i].snapshot(),
                                    findBorder(borders, real.outputNames()[i]));
  return differences;
}

void record(VerbContext& context, const std::vector<BorderEncoding>& borders, const std::string& dtype) {
  for (const BorderEncoding& border : borders) {
    context.document["io"].push_back({{"name", border.name},
                                      {"role", border.isInput ? "input" : "output"},
                                      {"dtype", dtype},
                                      {"scale", border.scale},
                                      {"zero_point", border.zeroPoint}});
    context.console.result(text(border.isInput ? "input " : "output ", displayName(border.name), ": ", dtype,
                                ", scale ", border.scale, ", zero point ", border.zeroPoint));
  }
}

}  // namespace

Model withIntegerBorders(VerbContext& context, const Model& model, const std::string& dtype, const Dataset* samples) {
  const DType type = dtype == "uint8" ? DType::u8 : DType::i8;
  const std::unique_ptr<Backend> backend = makeCpuBackend();
  const SessionOptions options{.threads = static_cast<int>(context.common.threads)};
  Session realSession(model, *backend, options);
  Model integer = model;
  const std::vector<BorderEncoding> borders = makeBordersInteger(
      integer, type, encodingsOf(context, model, realSession, floatBorders(model, type), samples, type));
  Session integerSession(integer, *backend, options);
  std::unique_ptr<Dataset> random;
  if (samples == nullptr) {
    random = randomDataset(inputSpecs(model), kSamples, static_cast<uint64_t>(context.common.seed));
    samples = random.get();
  }
  int64_t differences = 0;
  for (int64_t i = 0; i < std::min(kSamples, samples->size()); ++i) {
    context.budget.check();
    differences += compareForms(realSession, integerSession, samples->read(i).inputs, borders, type);
  }
  if (differences != 0)
    throw Error(ErrorKind::bug, text("--io-dtype: ", differences, " outputs differ between float and integer borders"),
                "this is a bug in compress: please report it with this command and the model");
  record(context, borders, dtype);
  return integer;
}

}  // namespace compress
