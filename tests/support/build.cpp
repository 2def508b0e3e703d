#include "tests/support/build.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <stdexcept>

#include "lib/base/random.h"
#include "lib/base/text.h"
#include "lib/ops/op.h"

namespace compress::test {
namespace {

DType dtypeNamed(std::string_view name) {
  for (int32_t i = 1; i <= 26; ++i)
    if (nameOf(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  throw std::runtime_error(text("unknown element type '", name, "'"));
}

/// Reads one statement from left to right.
class Scanner {
 public:
  explicit Scanner(std::string_view line) : line_(line) {}

  bool atEnd() {
    skipSpace();
    return at_ == line_.size();
  }
  bool accept(std::string_view token) {
    skipSpace();
    if (line_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  void expect(std::string_view token) {
    if (!accept(token))
      throw std::runtime_error(text("expected '", token, "' at '", line_.substr(at_), "' of '", line_, "'"));
  }
  /// A name, number or symbol: everything up to a delimiter.
  std::string word() {
    skipSpace();
    const size_t end = std::min(line_.find_first_of(" ,()[]{}=:'\"@", at_), line_.size());
    std::string found(line_.substr(at_, end - at_));
    at_ = end;
    if (found.empty()) throw std::runtime_error(text("expected a word at '", line_.substr(at_), "' of '", line_, "'"));
    return found;
  }
  std::string quoted(char quote) {
    expect(std::string_view(&quote, 1));
    const size_t end = line_.find(quote, at_);
    if (end == std::string_view::npos) throw std::runtime_error(text("unclosed quote in '", line_, "'"));
    std::string found(line_.substr(at_, end - at_));
    at_ = end + 1;
    return found;
  }
  char peek() {
    skipSpace();
    return at_ < line_.size() ? line_[at_] : '\0';
  }
  std::string_view until(char end) {
    const size_t stop = line_.find(end, at_);
    if (stop == std::string_view::npos) throw std::runtime_error(text("missing '", end, "' in '", line_, "'"));
    const auto found = line_.substr(at_, stop - at_);
    at_ = stop + 1;
    return found;
  }
  std::string_view rest() {
    skipSpace();
    return line_.substr(at_);
  }

 private:
  void skipSpace() {
    while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t')) ++at_;
  }
  std::string_view line_;
  size_t at_ = 0;
};

bool isNumber(const std::string& word) {
  char* end = nullptr;
  std::strtod(word.c_str(), &end);
  return !word.empty() && *end == '\0';
}

bool isInteger(const std::string& word) {
  return isNumber(word) && word.find_first_of(".eEni") == std::string::npos;
}

/// "float32[N, 3, ?]", "float32[...]" or "float32" for a scalar.
Type scanType(Scanner& scanner) {
  Type type = Type::tensor(dtypeNamed(scanner.word()));
  std::vector<Dim> dims;
  if (scanner.accept("[")) {
    if (scanner.accept("...]")) return type;
    while (!scanner.accept("]")) {
      const std::string word = scanner.word();
      dims.push_back(isNumber(word) ? Dim::of(std::stoll(word)) : word == "?" ? Dim{} : Dim{-1, word});
      scanner.accept(",");
    }
  }
  type.dims = std::move(dims);
  return type;
}

Shape shapeOf(const Type& type) {
  const auto shape = type.shape();
  if (!shape) throw std::runtime_error("a constant needs a known shape");
  return *shape;
}

void fill(Buffer& buffer, size_t i, double value) {
  switch (buffer.dtype()) {
    case DType::f32:
      buffer.as<float>()[i] = static_cast<float>(value);
      return;
    case DType::f64:
      buffer.as<double>()[i] = value;
      return;
    case DType::f16:
      buffer.as<Half>()[i] = Half(static_cast<float>(value));
      return;
    case DType::bf16:
      buffer.as<BFloat16>()[i] = BFloat16(static_cast<float>(value));
      return;
    case DType::i8:
      buffer.as<int8_t>()[i] = static_cast<int8_t>(value);
      return;
    case DType::u8:
      buffer.as<uint8_t>()[i] = static_cast<uint8_t>(value);
      return;
    case DType::i16:
      buffer.as<int16_t>()[i] = static_cast<int16_t>(value);
      return;
    case DType::u16:
      buffer.as<uint16_t>()[i] = static_cast<uint16_t>(value);
      return;
    case DType::i32:
      buffer.as<int32_t>()[i] = static_cast<int32_t>(value);
      return;
    case DType::u32:
      buffer.as<uint32_t>()[i] = static_cast<uint32_t>(value);
      return;
    case DType::i64:
      buffer.as<int64_t>()[i] = static_cast<int64_t>(value);
      return;
    case DType::u64:
      buffer.as<uint64_t>()[i] = static_cast<uint64_t>(value);
      return;
    case DType::boolean:
      buffer.as<bool>()[i] = value != 0;
      return;
    default:
      throw std::runtime_error(text("no test data for ", nameOf(buffer.dtype())));
  }
}

std::vector<double> scanNumbers(std::string_view data) {
  std::vector<double> numbers;
  for (Scanner scanner(data); !scanner.atEnd(); scanner.accept(",")) numbers.push_back(std::stod(scanner.word()));
  return numbers;
}

template <typename Next>
Tensor filled(DType dtype, const Shape& shape, const Next& next) {
  Buffer buffer(dtype, shape);
  for (int64_t i = 0; i < shape.elementCount(); ++i) fill(buffer, static_cast<size_t>(i), next(i));
  return std::move(buffer).freeze();
}

/// Builds one graph, the main one or a body, line by line.
class GraphBuilder {
 public:
  GraphBuilder(Graph& graph, const std::map<std::string, Body>& bodies) : graph_(graph), bodies_(bodies) {}

  void add(std::string_view line) {
    Scanner scanner(line);
    if (scanner.accept("input ")) {
      graph_.addInput(declare(scanner));
      return;
    }
    if (scanner.accept("output ")) {
      graph_.addOutput(declare(scanner));
      return;
    }
    if (scanner.accept("value ")) {
      declare(scanner);
      return;
    }
    if (scanner.accept("const ")) {
      addConstant(scanner);
      return;
    }
    addNode(scanner);
  }

 private:
  ValueId named(const std::string& name) {
    if (name == "_") return kNoValue;
    const ValueId found = graph_.findValue(name);
    return found ? found : graph_.add({name, {}, std::nullopt, {}});
  }

  ValueId declare(Scanner& scanner) {
    const ValueId id = named(scanner.word());
    if (scanner.accept(":")) graph_.setType(id, scanType(scanner));
    return id;
  }

  void addConstant(Scanner& scanner) {
    const std::string name = scanner.word();
    scanner.expect(":");
    const Type type = scanType(scanner);
    if (!scanner.atEnd()) scanner.expect("=");
    graph_.setConstant(named(name), buildTensor(type.dtype, shapeOf(type), scanner.rest(), name));
  }

  std::vector<ValueId> scanValues(Scanner& scanner, std::string_view end) {
    std::vector<ValueId> ids;
    while (!scanner.accept(end)) {
      ids.push_back(named(scanner.word()));
      scanner.accept(",");
    }
    return ids;
  }

  AttributeData scanList(Scanner& scanner) {
    std::vector<std::string> words, strings;
    while (!scanner.accept("]")) {
      if (scanner.peek() == '"')
        strings.push_back(scanner.quoted('"'));
      else
        words.push_back(scanner.word());
      scanner.accept(",");
    }
    if (!strings.empty()) return strings;
    if (std::ranges::all_of(words, isInteger)) {
      std::vector<int64_t> integers;
      for (const std::string& word : words) integers.push_back(std::stoll(word));
      return integers;
    }
    std::vector<float> reals;
    for (const std::string& word : words) reals.push_back(std::stof(word));
    return reals;
  }

  AttributeData scanAttribute(Scanner& scanner) {
    if (scanner.accept("[")) return scanList(scanner);
    if (scanner.accept("@")) return bodies_.at(scanner.word());
    if (scanner.peek() == '"') return scanner.quoted('"');
    Scanner ahead = scanner;
    const std::string word = ahead.word();
    if (isNumber(word)) {
      scanner = ahead;
      if (isInteger(word)) return static_cast<int64_t>(std::stoll(word));
      return std::stof(word);
    }
    const Type type = scanType(scanner);
    scanner.expect("{");
    return buildTensor(type.dtype, shapeOf(type), scanner.until('}'));
  }

  void addNode(Scanner& scanner) {
    Node node;
    node.outputs = scanValues(scanner, "=");
    node.op = scanner.word();
    if (const size_t dot = node.op.rfind('.'); dot != std::string::npos) {
      node.domain = node.op.substr(0, dot);
      node.op = node.op.substr(dot + 1);
    }
    if (scanner.accept("["))
      while (!scanner.accept("]")) {
        const std::string name = scanner.word();
        scanner.expect("=");
        node.attributes.set(name, scanAttribute(scanner));
        scanner.accept(",");
      }
    scanner.expect("(");
    node.inputs = scanValues(scanner, ")");
    if (scanner.accept("captures")) node.captureCount = std::stoi(scanner.word());
    for (const ValueId output : node.outputs)
      if (output && node.name.empty()) node.name = graph_.value(output).name;
    if (scanner.peek() == '\'') node.name = scanner.quoted('\'');
    if (!scanner.atEnd()) throw std::runtime_error(text("unread text '", scanner.rest(), "'"));
    graph_.append(std::move(node));
  }

  Graph& graph_;
  const std::map<std::string, Body>& bodies_;
};

/// Model-wide statements; false when the line is none.
bool addModelLine(Model& model, std::string_view line) {
  Scanner scanner(line);
  if (scanner.accept("ir ")) {
    model.irVersion = std::stoll(scanner.word());
    return true;
  }
  if (!scanner.accept("opset ")) return false;
  const std::string first = scanner.word();
  if (scanner.atEnd())
    model.opsets.set("", std::stoll(first));
  else
    model.opsets.set(first, std::stoll(scanner.word()));
  return true;
}

std::string_view trimmed(std::string_view line) {
  const size_t comment = line.find('#');
  line = line.substr(0, comment);
  const size_t first = line.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(" \t") - first + 1);
}

void addLine(Model& model, std::map<std::string, Body>& bodies, std::shared_ptr<Graph>& body, std::string_view line) {
  if (line.empty() || addModelLine(model, line)) return;
  if (line.starts_with("graph ")) {
    body = std::make_shared<Graph>();
    body->name = line.substr(6);
  } else if (line == "end") {
    bodies[body->name] = body;
    body.reset();
  } else {
    GraphBuilder(body ? *body : model.graph, bodies).add(line);
  }
}

/// Normal numbers, a share of them zero: `block` neighbours along the axis of output channels are zero together or not.
/// That axis is the last of a matrix, else the first.
Tensor sparse(DType dtype, const Shape& shape, double share, int64_t block, Random& random) {
  const size_t axis = shape.rank() == 2 ? 1 : 0;
  const int64_t inner = shape.count(axis + 1, shape.rank());
  std::map<int64_t, bool> isZero;  // by the element that the block begins with
  return filled(dtype, shape, [&](int64_t i) {
    const int64_t channel = i / inner % shape[axis];
    const auto [found, isNew] = isZero.try_emplace(i - channel % block * inner, false);
    if (isNew) found->second = random.uniform() < share;
    const double value = random.normal();
    return found->second ? 0.0 : value;
  });
}

}  // namespace

Tensor buildTensor(DType dtype, const Shape& shape, std::string_view data, std::string_view seedName) {
  Random random(0, seedName);
  Scanner scanner(data);
  if (scanner.atEnd())
    return filled(dtype, shape,
                  [&](int64_t) { return isFloating(dtype) ? random.normal() : static_cast<double>(random.below(2)); });
  for (const std::string_view form : {"fill(", "uniform(", "range(", "sparse("}) {
    if (!scanner.accept(form)) continue;
    const auto numbers = scanNumbers(scanner.until(')'));
    if (form == "fill(") return filled(dtype, shape, [&](int64_t) { return numbers.at(0); });
    if (form == "sparse(") return sparse(dtype, shape, numbers.at(0), static_cast<int64_t>(numbers.at(1)), random);
    if (form == "range(")
      return filled(dtype, shape, [&](int64_t i) { return numbers.at(0) + static_cast<double>(i); });
    return filled(dtype, shape, [&](int64_t) { return random.uniform(numbers.at(0), numbers.at(1)); });
  }
  const auto numbers = scanNumbers(data);
  if (static_cast<int64_t>(numbers.size()) != shape.elementCount())
    throw std::runtime_error(text(numbers.size(), " numbers for shape ", print(shape)));
  return filled(dtype, shape, [&](int64_t i) { return numbers[static_cast<size_t>(i)]; });
}

Model buildModel(std::string_view source) {
  Model model;
  model.irVersion = 8;
  model.opsets.set("", kNewestOpset);
  model.graph.name = "test";
  std::map<std::string, Body> bodies;
  std::shared_ptr<Graph> body;
  while (!source.empty()) {
    const size_t end = std::min(source.find('\n'), source.size());
    const std::string_view line = trimmed(source.substr(0, end));
    try {
      addLine(model, bodies, body, line);
    } catch (const std::exception& error) {
      throw std::runtime_error(text("test model, line '", line, "': ", error.what()));
    }
    source.remove_prefix(std::min(end + 1, source.size()));
  }
  return model;
}

std::vector<Tensor> randomInputs(const Model& model, uint64_t seed, int64_t unknown) {
  std::vector<Tensor> inputs;
  for (const ValueId id : model.graph.runtimeInputs()) {
    const Value& value = model.graph.value(id);
    std::vector<int64_t> dims;
    for (const Dim& dim : value.type.dims.value_or(std::vector<Dim>{}))
      dims.push_back(dim.isKnown() ? dim.value : unknown);
    Random random(seed, value.name);
    const bool real = isFloating(value.type.dtype);
    inputs.push_back(filled(value.type.dtype, Shape(std::move(dims)),
                            [&](int64_t) { return real ? random.normal() : static_cast<double>(random.below(2)); }));
  }
  return inputs;
}

}  // namespace compress::test
