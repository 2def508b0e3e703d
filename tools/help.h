// The texts of --help and --version, made from the table of verbs and their option tables.
#pragma once
#include <span>
#include <string>

#include "tools/option_table.h"

namespace compress {

std::string programHelp(std::span<const VerbSpec> verbs);
std::string verbHelp(const VerbSpec& spec, std::span<const OptionRow> rows);
std::string_view programVersion();

}  // namespace compress
