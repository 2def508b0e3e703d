// Options described once: command-line flags, recipe keys, help and printed settings all come from the same table.
#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace compress {

struct OptionInfo {
  std::string_view name;                                  ///< long flag without dashes, also the recipe key
  std::string_view help;                                  ///< effect first, one line
  double min = -std::numeric_limits<double>::infinity();  ///< numbers: finite and in [min, max], else Error(usage)
  double max = std::numeric_limits<double>::infinity();
  std::vector<std::string_view> choices = {};  ///< strings: one of these, else Error(usage) with the list
  std::string_view placeholder = {};           ///< "N"; FILE, PATH and FOLDER say that the value names files
  char letter = 0;                             ///< short flag
  std::string_view opposite = {};              ///< bools: the flag that unsets, without dashes
  bool splitsAtCommas = true;                  ///< vectors: "a,b" is two values
};

/// The flag that unsets a bool: --no-NAME unless it has a name of its own.
inline std::string oppositeOf(const OptionInfo& info) {
  return info.opposite.empty() ? "no-" + std::string(info.name) : std::string(info.opposite);
}

/// Walks over an object's options. A bool is a flag (and --no-NAME); a vector may be given several times or with
/// commas.
class OptionVisitor {
 public:
  virtual ~OptionVisitor() = default;
  /// What follows belongs together, in help, under this title.
  virtual void section(std::string_view) {}
  virtual void visit(bool& field, const OptionInfo& info) = 0;
  virtual void visit(int64_t& field, const OptionInfo& info) = 0;
  virtual void visit(double& field, const OptionInfo& info) = 0;
  virtual void visit(std::string& field, const OptionInfo& info) = 0;
  virtual void visit(std::vector<std::string>& field, const OptionInfo& info) = 0;
  virtual void visit(std::vector<double>& field, const OptionInfo& info) = 0;
  virtual void visit(std::optional<std::string>& field, const OptionInfo& info) = 0;
  virtual void visit(std::optional<int64_t>& field, const OptionInfo& info) = 0;
  virtual void visit(std::optional<double>& field, const OptionInfo& info) = 0;
  /// A flag that may be left unsaid: --NAME, --no-NAME or neither.
  virtual void visit(std::optional<bool>& field, const OptionInfo& info) = 0;
};

}  // namespace compress
