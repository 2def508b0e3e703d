#include "tools/input_model.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/eval/gates.h"
#include "lib/onnx/read.h"
#include "lib/ops/op.h"
#include "tools/graph_walk.h"
#include "tools/limits.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

std::string readStandardInput(const Budget& budget) {
  std::string bytes;
  char block[1 << 16];
  while (true) {
    const ssize_t count = ::read(STDIN_FILENO, block, sizeof block);
    budget.check();
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error(ErrorKind::io, std::strerror(errno));
    if (count == 0) return bytes;
    bytes.append(block, static_cast<size_t>(count));
  }
}

ReadOptions readOptions(const CommonOptions& common) {
  ReadOptions options;
  options.allowLinkedData = common.allowLinkedData;
  options.allowExternalData = !common.untrusted;
  if (common.limits) options.limits = readLimitsFile(*common.limits);
  if (common.untrusted && !common.limits) options.limits = halved(options.limits);
  if (const auto bytes = memoryLimit(common)) options.limits.memoryBytes = *bytes;
  return options;
}

Json fileRecord(const std::filesystem::path& path, int64_t bytes) {
  return {{"path", path.string()}, {"sha256", sha256File(path)}, {"bytes", bytes}};
}

int64_t fileBytes(const std::filesystem::path& path) {
  return static_cast<int64_t>(std::filesystem::file_size(path));
}

InputModel fromFile(VerbContext& context, const std::filesystem::path& path, std::vector<std::string>& warnings) {
  ReadResult read = readModel(path, readOptions(context.common));
  InputModel input{std::move(read.model), path.string(), path, fileBytes(path)};
  Json record = fileRecord(path, input.bytes);
  for (const std::filesystem::path& external : read.externalFiles) {
    record["external"].push_back(fileRecord(external, fileBytes(external)));
    input.bytes += fileBytes(external);
  }
  context.document["inputs"].push_back(std::move(record));
  warnings = std::move(read.warnings);
  return input;
}

InputModel fromStandardInput(VerbContext& context, std::vector<std::string>& warnings) {
  std::string bytes = readStandardInput(context.budget);
  const auto size = static_cast<int64_t>(bytes.size());
  context.document["inputs"].push_back({{"path", "-"}, {"sha256", sha256(bytes)}, {"bytes", size}});
  ReadResult read = parseModel(std::move(bytes), readOptions(context.common));
  warnings = std::move(read.warnings);
  return {std::move(read.model), "standard input", std::nullopt, size};
}

/// For models from strangers: every operator's domain is one that this program knows.
void requireKnownDomains(const Model& model) {
  std::set<std::string, std::less<>> known;
  for (const OpSpec& spec : allOps()) known.emplace(spec.domain);
  forEachGraph(model.graph, [&](const Graph& graph) {
    for (const NodeId id : graph.nodes()) {
      const Node& node = graph.node(id);
      if (!known.contains(node.domain))
        throw Error(ErrorKind::unsupported,
                    text("node '", displayName(node.name), "' (", displayName(node.op), "): the domain '",
                         displayName(node.domain), "' is not known"),
                    "--untrusted refuses such models");
    }
  });
}

/// "1x3x32x32"; nothing where it is none.
std::optional<Shape> parseShape(std::string_view word) {
  std::vector<int64_t> dims;
  while (true) {
    int64_t dim = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), dim);
    if (error != std::errc{} || dim < 0) return std::nullopt;
    dims.push_back(dim);
    word.remove_prefix(static_cast<size_t>(end - word.data()));
    if (word.empty()) break;
    if (word.front() != 'x') return std::nullopt;
    word.remove_prefix(1);
  }
  if (!checkedElementCount(dims)) return std::nullopt;
  return Shape(std::move(dims));
}

ValueId findInput(const Graph& graph, std::string_view name) {
  const std::vector<ValueId> inputs = graph.runtimeInputs();
  if (name.empty() && inputs.size() == 1) return inputs.front();
  std::vector<std::string> names;
  for (ValueId id : inputs) {
    if (graph.value(id).name == name) return id;
    names.push_back(graph.value(id).name);
  }
  const std::string known = text("the model's inputs: ", displayName(join(names, ", ")));
  if (name.empty())
    throw Error(ErrorKind::usage, text("--shape names no input, and the model has ", names.size()), known);
  throw Error(ErrorKind::usage, text("--shape: the model has no input '", displayName(name), "'"), known);
}

void setInputShape(Graph& graph, const std::string& word) {
  const size_t colon = word.rfind(':');
  const std::string name = colon == std::string::npos ? "" : word.substr(0, colon);
  const std::optional<Shape> shape =
      parseShape(std::string_view(word).substr(colon == std::string::npos ? 0 : colon + 1));
  if (!shape)
    throw Error(ErrorKind::usage, text("--shape: '", displayName(word), "' is not of the form NAME:1x3x32x32"));
  const ValueId input = findInput(graph, name);
  const Type& declared = graph.value(input).type;
  bool fits = !declared.hasRank() || declared.rank() == shape->rank();
  for (size_t i = 0; fits && declared.hasRank() && i < shape->rank(); ++i)
    fits = !(*declared.dims)[i].isKnown() || (*declared.dims)[i].value == (*shape)[i];
  if (!fits)
    throw Error(ErrorKind::usage, text("--shape: input '", displayName(graph.value(input).name), "' is declared ",
                                       print(declared), ", found ", print(*shape)));
  graph.setType(input, Type::tensor(declared.dtype, *shape));
}

}  // namespace

InputModel readInputModel(VerbContext& context, const std::string& operand) {
  std::vector<std::string> warnings;
  const bool isStandardInput = operand == "-";
  const std::string shown = isStandardInput ? "standard input" : operand;
  InputModel input = within(
      [&] { return shown; },
      [&] { return isStandardInput ? fromStandardInput(context, warnings) : fromFile(context, operand, warnings); });
  if (context.common.untrusted) within([&] { return shown; }, [&] { requireKnownDomains(input.model); });
  context.budget.check();
  for (const std::string& warning : warnings) warnAs(context, text("W-INPUT: ", shown, ": ", warning));
  return input;
}

void setInputShapes(Model& model, const std::vector<std::string>& shapes) {
  for (const std::string& shape : shapes) setInputShape(model.graph, shape);
}

}  // namespace compress
