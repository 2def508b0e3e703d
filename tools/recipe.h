// A recipe: a model, samples, gates, and the passes that are to follow one another, as a TOML or JSON file.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tools/config_file.h"
#include "tools/verb.h"

namespace compress {

/// One verb of the recipe with the options that are its own.
struct RecipePass {
  std::string verb;
  ConfigTable options;
  int64_t line = 0;
};

struct Recipe {
  std::string name;              ///< of the file, for messages
  std::filesystem::path folder;  ///< what paths in the file are relative to; `model` is resolved
  std::optional<std::string> model;
  ConfigTable data;   ///< options of samples, for all passes; `eval` has become `data`
  ConfigTable gates;  ///< options that judge the result against the model that the recipe began with
  std::vector<RecipePass> passes;
};

/// Throws Error(io) for a file that cannot be read, Error(usage) with `FILE:LINE` for unknown keys, wrong types and a
/// recipe without passes. Options are not looked at.
Recipe readRecipe(const std::filesystem::path& path);

/// Paths among the values of `table`, by the placeholders of `verb`'s options, become relative to `folder` instead of
/// the working folder.
void resolvePaths(ConfigTable& table, Verb& verb, const std::filesystem::path& folder);

}  // namespace compress
