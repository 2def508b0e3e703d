#include "tools/limits.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "tools/config_file.h"

namespace compress {
namespace {

struct Limit {
  std::string_view key;
  int64_t ReadLimits::*field;
};

constexpr Limit kLimits[] = {
    {"file_bytes", &ReadLimits::fileBytes},
    {"memory_bytes", &ReadLimits::memoryBytes},
    {"nodes", &ReadLimits::nodes},
    {"initializers", &ReadLimits::initializers},
    {"graph_inputs_and_outputs", &ReadLimits::graphInputsAndOutputs},
    {"attributes_per_node", &ReadLimits::attributesPerNode},
    {"name_bytes", &ReadLimits::nameBytes},
    {"tensor_rank", &ReadLimits::tensorRank},
    {"subgraph_depth", &ReadLimits::subgraphDepth},
    {"functions", &ReadLimits::functions},
    {"function_call_depth", &ReadLimits::functionCallDepth},
    {"opset_imports", &ReadLimits::opsetImports},
};

int64_t ReadLimits::*fieldOf(const std::string& key, const std::string& place) {
  std::vector<std::string> known;
  for (const Limit& limit : kLimits) {
    if (limit.key == key) return limit.field;
    known.emplace_back(limit.key);
  }
  throw Error(ErrorKind::usage, text(place, ": there is no limit '", displayName(key), "'"),
              text("limits: ", join(known, ", ")));
}

}  // namespace

ReadLimits readLimitsFile(const std::filesystem::path& path) {
  const std::string name = displayName(path.string());
  const ConfigTable table = readConfigFile(path);
  requireSchema(table, name);
  ReadLimits limits;
  for (const auto& [key, value] : table) {
    if (key == "schema") continue;
    const std::string place = placeOf(name, value.line);
    int64_t& field = limits.*fieldOf(key, place);
    const auto* number = std::get_if<int64_t>(&value.data);
    if (number == nullptr || *number < 1)
      throw Error(ErrorKind::usage, text(place, ": ", key, " is ", number == nullptr ? kindOf(value) : text(*number),
                                         ", expected a whole number of at least 1"));
    field = *number;
  }
  return limits;
}

ReadLimits halved(ReadLimits limits) {
  for (const Limit& limit : kLimits) limits.*limit.field /= 2;
  return limits;
}

}  // namespace compress
