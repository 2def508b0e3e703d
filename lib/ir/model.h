// A model: the main graph and what the file says about it. A value: keep a copy to have "before" beside "after".
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/ir/graph.h"

namespace compress {

/// Domain -> version, in the file's order; the default domain is "".
class Opsets {
 public:
  /// Version of `domain`; 0 when it is not imported.
  int64_t version(std::string_view domain) const;
  void set(std::string_view domain, int64_t version);
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  bool operator==(const Opsets&) const = default;

 private:
  std::vector<std::pair<std::string, int64_t>> items_;
};

/// A local function: what a node that calls it stands for.
struct Function {
  std::string domain, name, overload;
  Graph body;           ///< inputs and outputs by position
  Attributes defaults;  ///< of attributes that a call may leave out
  Opsets opsets;
};

struct Model {
  Graph graph;
  Opsets opsets;
  int64_t irVersion = 0;
  std::vector<std::pair<std::string, std::string>> metadata;  ///< metadata_props, keys unique
  /// Those that the file defines, null when none: `rest` holds the file's form of them.
  std::shared_ptr<const std::vector<Function>> functions;
  std::string rest;  ///< functions, producer, training info, unknown fields: kept as they are

  const std::string* findMetadata(std::string_view key) const;
  void setMetadata(std::string_view key, std::string_view value);
};

}  // namespace compress
