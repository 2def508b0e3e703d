// A verb of the command line: its options as a table, and what it does. One file per verb, one line in tools/main.cpp.
#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/pass/option.h"
#include "tools/common_options.h"
#include "tools/console.h"
#include "tools/process.h"

namespace compress {

/// What a verb is given by main: operands, common options, where to talk to, and the JSON document to fill in.
struct VerbContext {
  const std::vector<std::string>& operands;  ///< as many as VerbSpec::operands names, [optional] ones perhaps not
  const CommonOptions& common;
  Console& console;                  ///< the only way to stdout and stderr
  const Budget& budget;              ///< of --timeout and --memory-limit
  nlohmann::ordered_json& document;  ///< docs/cli.md; printed with --json, stored by --report
};

/// Shows a warning and adds it to the document; `warning` is "W-CODE: text".
void warnAs(VerbContext& context, std::string_view warning, std::string_view node = {});

class Verb {
 public:
  virtual ~Verb() = default;
  /// Options of this verb, without the common ones.
  virtual void options(OptionVisitor& visitor) = 0;
  /// Returns the exit code: 0, or 1 for a negative result. Throws Error for everything else.
  virtual int run(VerbContext& context) = 0;
};

struct VerbSpec {
  std::string_view name;
  std::string_view summary;   ///< effect, one line
  std::string_view example;   ///< arguments after the verb's name
  std::string_view operands;  ///< "MODEL", "A B", "MODEL [OTHER]"
  OptionGroups groups;        ///< common options that the verb honours; no others are accepted
  std::unique_ptr<Verb> (*make)();
};

/// All verbs, in the order of `compress --help`.
std::span<const VerbSpec> allVerbs();

}  // namespace compress
