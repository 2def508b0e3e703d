// A verb of the command line: its options as a table, and what it does. One file per verb, one line in tools/main.cpp.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "lib/pass/option.h"

namespace compress {

class VerbContext;

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
  std::string_view example;
  std::string_view positionals;  ///< "MODEL", "A B"
  std::unique_ptr<Verb> (*make)();
};

/// All verbs, in the order of `compress --help`.
std::span<const VerbSpec> allVerbs();

}  // namespace compress
