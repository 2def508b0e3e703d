// Completion scripts for shells, made from the table of verbs and their option tables.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "tools/verb.h"

namespace compress {

/// A script for "bash", "zsh" or "fish".
std::string completionScript(std::string_view shell, std::span<const VerbSpec> verbs);

}  // namespace compress
