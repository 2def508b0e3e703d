// One pass of a recipe: a verb that makes a model from a model, with the options that the recipe gives it.
#pragma once
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/recipe.h"
#include "tools/settings.h"
#include "tools/verb.h"

namespace compress {

class Stage {
 public:
  /// The pass's own options above `shared`, of which those count that the verb has. Throws Error(usage) with
  /// `FILE:LINE` for a verb that makes no model, for options that it lacks and values that they do not take.
  Stage(const Recipe& recipe, size_t index, const ConfigTable& shared);

  /// From 1.
  size_t number() const { return index_ + 1; }
  const std::string& verb() const { return verbName_; }
  /// "2-quantize".
  std::string fileStem() const;
  /// Runs the verb on the model file `input`; what it makes goes to `output`, over what is there. The exit code. Errors
  /// carry the pass.
  int run(VerbContext& context, const std::filesystem::path& input, const std::filesystem::path& output);
  /// What the run found, in the form of a document of its own, without the program's and the environment's parts.
  const nlohmann::ordered_json& record() const { return record_; }
  /// SHA-256 of all that the result depends on: options, the program's version, the input's bytes, and size and time of
  /// every file that an option names.
  std::string stamp(const CommonOptions& common, const std::filesystem::path& input);

 private:
  CommonOptions commonFor(const CommonOptions& common, const std::filesystem::path& output) const;
  nlohmann::ordered_json settingsFor(CommonOptions& common);

  size_t index_;
  std::string verbName_;
  const VerbSpec* spec_;
  std::unique_ptr<Verb> verb_;
  Origins origins_;
  int64_t seed_ = 0;
  nlohmann::ordered_json record_;
};

}  // namespace compress
