// report: documents of earlier runs (--json, --report FILE.json) rendered again, several in one file, or compared.
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/eval/report.h"
#include "tools/report_merge.h"
#include "tools/verbs.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

Json readDocument(const std::string& path) {
  Json document = Json::parse(readFile(path), nullptr, false);
  if (!document.is_object() || !document.contains("schema") || !document.contains("tool"))
    throw Error(ErrorKind::input, text(displayName(path), ": no report of compress"),
                "make one with --report FILE.json");
  if (document["schema"] != 1)
    throw Error(ErrorKind::unsupported,
                text(displayName(path), ": report of schema ", document["schema"].dump(), ", expected 1"));
  return document;
}

class Report : public Verb {
 public:
  void options(OptionVisitor&) override {}

  int run(VerbContext& context) override {
    const std::string& action = context.operands[0];
    std::vector<Json> documents;
    if (action != "diff") renderReports(action, {});  // an unknown format is said before files are read
    for (size_t i = 1; i < context.operands.size(); ++i) documents.push_back(readDocument(context.operands[i]));
    return action == "diff" ? diff(context, documents) : render(context, action, documents);
  }

 private:
  static int render(VerbContext& context, const std::string& format, const std::vector<Json>& documents) {
    const std::string rendered = renderReports(format, documents);
    const std::optional<std::string>& output = context.common.output;
    if (output && *output != "-") {
      writeFileAtomically(*output, rendered, context.common.force);
      context.document["outputs"].push_back({{"path", *output}, {"bytes", rendered.size()}});
      context.console.note(text(documents.size(), " reports -> ", displayName(*output)));
    } else if (!context.common.json) {
      context.console.write(rendered);
    } else {
      context.document["rendered"] = rendered;
    }
    return 0;
  }

  static int diff(VerbContext& context, const std::vector<Json>& documents) {
    if (documents.size() != 2)
      throw Error(ErrorKind::usage, text("diff compares 2 reports, found ", documents.size()),
                  "usage: compress report diff A.json B.json");
    std::vector<std::vector<std::string>> rows;
    for (const ReportDifference& difference : differences(documents[0], documents[1])) {
      rows.push_back({difference.path, difference.before, difference.after, difference.change});
      context.document["differences"].push_back({{"path", difference.path},
                                                 {"before", difference.before},
                                                 {"after", difference.after},
                                                 {"change", difference.change}});
    }
    context.console.result(rows.empty() ? "no difference" : renderTable({"field", "A", "B", "change"}, rows));
    return rows.empty() ? 0 : static_cast<int>(ErrorKind::negative);
  }
};

}  // namespace

VerbSpec reportVerb() {
  return {.name = "report",
          .summary = "render or merge reports of earlier runs (text, html, md, junit, csv, prom, json), or diff two",
          .example = "html a.json b.json -o both.html",
          .operands = "FORMAT|diff REPORT.json...",
          .groups = kOutput | kForce,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<Report>(); }};
}

}  // namespace compress
