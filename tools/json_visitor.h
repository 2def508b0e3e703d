// An option visitor that sees every value as JSON: the one form that all types of options share.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>

#include "lib/pass/option.h"

namespace compress {

class JsonVisitor : public OptionVisitor {
 public:
  using Json = nlohmann::ordered_json;

  void visit(bool& field, const OptionInfo& info) override { option(field, info); }
  void visit(int64_t& field, const OptionInfo& info) override { option(field, info); }
  void visit(double& field, const OptionInfo& info) override { option(field, info); }
  void visit(std::string& field, const OptionInfo& info) override { option(field, info); }
  void visit(std::vector<std::string>& field, const OptionInfo& info) override { option(field, info); }
  void visit(std::vector<double>& field, const OptionInfo& info) override { option(field, info); }
  void visit(std::optional<std::string>& field, const OptionInfo& info) override { optional(field, info); }
  void visit(std::optional<int64_t>& field, const OptionInfo& info) override { optional(field, info); }
  void visit(std::optional<double>& field, const OptionInfo& info) override { optional(field, info); }
  void visit(std::optional<bool>& field, const OptionInfo& info) override { flag(field, info); }

 protected:
  virtual void option(const Json& value, const OptionInfo& info) = 0;
  /// A flag with three states.
  virtual void flag(const std::optional<bool>& value, const OptionInfo& info) { optional(value, info); }

 private:
  template <typename T>
  void optional(const std::optional<T>& field, const OptionInfo& info) {
    option(field ? Json(*field) : Json(nullptr), info);
  }
};

}  // namespace compress
