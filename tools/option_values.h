// From the words of a command line to checked values. Every refusal is Error(usage), naming the option, what was found
// and what is accepted.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/pass/option.h"

namespace compress {

/// A whole number in [info.min, info.max].
int64_t parseInteger(const OptionInfo& info, std::string_view word);
/// A finite number in [info.min, info.max]; NaN and Inf are refused.
double parseReal(const OptionInfo& info, std::string_view word);
/// One of info.choices where there are any.
std::string parseChoice(const OptionInfo& info, std::string_view word);
/// "a,b" as two words; empty words are refused.
std::vector<std::string> splitWords(const OptionInfo& info, std::string_view word);

/// "90", "90s", "30m", "2h": seconds, above 0. `name` is the option's.
double parseSeconds(std::string_view name, std::string_view word);

}  // namespace compress
