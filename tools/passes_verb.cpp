// passes: the catalog of passes, and one pass with its options.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/report.h"
#include "lib/pass/pass.h"
#include "tools/option_table.h"
#include "tools/verbs.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

std::string_view kindOf(const PassSpec& spec) {
  return spec.lossless ? "lossless" : "lossy";
}

Json toJson(const PassSpec& spec) {
  Json options = Json::array();
  for (const OptionRow& row : optionRows([&](OptionVisitor& visitor) { spec.make()->options(visitor); }))
    options.push_back({{"name", row.name}, {"help", row.help}});
  return {{"name", spec.name},
          {"summary", spec.summary},
          {"lossless", spec.lossless},
          {"idempotent", spec.idempotent},
          {"options", options}};
}

class Passes : public Verb {
 public:
  void options(OptionVisitor&) override {}

  int run(VerbContext& context) override {
    if (!context.operands.empty()) return page(context, find(context.operands[0]));
    std::vector<std::vector<std::string>> rows;
    for (const PassSpec& spec : allPasses()) {
      rows.push_back({std::string(spec.name), std::string(kindOf(spec)), std::string(spec.summary)});
      context.document["catalog"].push_back(toJson(spec));
    }
    context.console.result(renderTable({"pass", "kind", "does"}, rows));
    return 0;
  }

 private:
  static const PassSpec& find(const std::string& name) {
    std::vector<std::string> names;
    for (const PassSpec& spec : allPasses()) {
      if (spec.name == name) return spec;
      names.emplace_back(spec.name);
    }
    throw Error(ErrorKind::usage, text("'", displayName(name), "' is no pass"),
                text("near: ", join(nearest(name, names), ", "), "; compress passes lists all"));
  }

  static int page(VerbContext& context, const PassSpec& spec) {
    context.document["catalog"].push_back(toJson(spec));
    context.console.result(text(spec.name, "  (", kindOf(spec), spec.idempotent ? ", idempotent)" : ")"));
    context.console.result(text("  ", spec.summary));
    const std::vector<OptionRow> rows = optionRows([&](OptionVisitor& visitor) { spec.make()->options(visitor); });
    for (const OptionRow& row : rows) context.console.result(text("  ", row.flags, "  ", row.help));
    return 0;
  }
};

}  // namespace

VerbSpec passesVerb() {
  return {.name = "passes",
          .summary = "list the passes that optimize, quantize and pipelines are made of, or tell of one",
          .example = "fold-batch-norm",
          .operands = "[PASS]",
          .groups = kReporting | kForce,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<Passes>(); }};
}

}  // namespace compress
