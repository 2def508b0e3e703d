#include "tools/help.h"

#include <algorithm>

#include "lib/base/text.h"

namespace compress {
namespace {

constexpr std::string_view kExitCodes =
    "Exit codes:\n"
    "  0  done, all gates met\n"
    "  1  negative result: a gate failed, outputs differ\n"
    "  2  usage: unknown option, bad value, pattern that matches nothing\n"
    "  3  input refused: malformed, unsafe, truncated or over a limit\n"
    "  4  unsupported operator, opset, type or layout\n"
    "  5  input or output: missing, exists, permission, disk full\n"
    "  6  resource: memory limit, timeout, no GPU\n"
    "  7  numeric: NaN or Inf, empty calibration\n"
    " 70  a bug in compress\n"
    " 75  stopped; the same command resumes\n";

std::string padded(std::string_view word, size_t width) {
  std::string out(word);
  out.resize(std::max(width, word.size()), ' ');
  return out;
}

}  // namespace

std::string_view programVersion() {
  return COMPRESS_VERSION;
}

std::string programHelp(std::span<const VerbSpec> verbs) {
  std::string out =
      "compress makes ONNX models smaller and faster, and proves it.\n\nUsage: compress VERB [OPTIONS] "
      "MODEL\n\nVerbs:\n";
  for (const VerbSpec& verb : verbs) out += text("  ", padded(verb.name, 10), "  ", verb.summary, '\n');
  out += "\ncompress VERB --help tells a verb's options; compress --version [--json] the version.\n\n";
  return out + std::string(kExitCodes);
}

std::string verbHelp(const VerbSpec& spec, std::span<const OptionRow> rows) {
  std::string out = text("Usage: compress ", spec.name, " [OPTIONS] ", spec.operands, "\n\n", spec.summary, '\n');
  size_t width = 0;
  for (const OptionRow& row : rows) width = std::max(width, std::min<size_t>(row.flags.size(), 32));
  std::string_view section;
  for (const OptionRow& row : rows) {
    if (row.section != section) out += text('\n', row.section, ":\n");
    section = row.section;
    const bool fits = row.flags.size() <= width;
    out +=
        text("  ", padded(row.flags, width), fits ? "" : text('\n', std::string(width + 2, ' ')), "  ", row.help, '\n');
  }
  return out + text("\nExample: compress ", spec.name, ' ', spec.example, "\n\n", kExitCodes);
}

}  // namespace compress
