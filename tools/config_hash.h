// What a result depends on, in one number: two runs with the same hash and the same input files give the same bytes.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace compress {

/// SHA-256 over version, verb and the options of `settings` that can change the result: not the thread count, not where
/// things are written, nor how much is said about them.
std::string configHash(std::string_view verb, const nlohmann::ordered_json& settings);

}  // namespace compress
