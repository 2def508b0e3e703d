// The command line: finds the verb, fills in its options, runs it, and turns every outcome into an exit code. The only
// file that sees CLI11, and the only one that catches.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "tools/config_hash.h"
#include "tools/document.h"
#include "tools/help.h"
#include "tools/option_values.h"
#include "tools/reports.h"
#include "tools/settings.h"
#include "tools/signals.h"
#include "tools/verbs.h"

namespace compress {

std::span<const VerbSpec> allVerbs() {
  static const std::vector<VerbSpec> verbs = {
      inspectVerb(),  checkVerb(), runVerb(),      evalVerb(),    benchVerb(),      optimizeVerb(), calibrateVerb(),
      quantizeVerb(), pruneVerb(), sparsifyVerb(), compareVerb(), pipelineVerb(),   reportVerb(),   opsVerb(),
      passesVerb(),   lintVerb(),  debugVerb(),    doctorVerb(),  completionVerb(),
  };
  return verbs;
}

namespace {

using Json = nlohmann::ordered_json;
using Words = std::vector<std::string>;

/// Declares every visited option to CLI11; the values are parsed by our own rules.
class CliVisitor : public OptionVisitor {
 public:
  explicit CliVisitor(CLI::App& app) : app_(app) {}
  Origins given;

  void visit(bool& field, const OptionInfo& info) override { flag(field, info); }
  void visit(std::optional<bool>& field, const OptionInfo& info) override { flag(field, info); }
  void visit(int64_t& field, const OptionInfo& info) override {
    one(info, [&field, info](const std::string& w) { field = parseInteger(info, w); });
  }
  void visit(double& field, const OptionInfo& info) override {
    one(info, [&field, info](const std::string& w) { field = parseReal(info, w); });
  }
  void visit(std::string& field, const OptionInfo& info) override {
    one(info, [&field, info](const std::string& w) { field = parseChoice(info, w); });
  }
  void visit(std::optional<int64_t>& field, const OptionInfo& info) override {
    one(info, [&field, info](const std::string& w) { field = parseInteger(info, w); });
  }
  void visit(std::optional<double>& field, const OptionInfo& info) override {
    one(info, [&field, info](const std::string& w) { field = parseReal(info, w); });
  }
  void visit(std::optional<std::string>& field, const OptionInfo& info) override {
    one(info, [&field, info](const std::string& w) { field = parseChoice(info, w); });
  }
  void visit(std::vector<std::string>& field, const OptionInfo& info) override { many(field, info, parseChoice); }
  void visit(std::vector<double>& field, const OptionInfo& info) override { many(field, info, parseReal); }

 private:
  static std::string flags(const OptionInfo& info) {
    return info.letter != 0 ? text('-', info.letter, ",--", info.name) : text("--", info.name);
  }

  template <typename Field>
  void flag(Field& field, const OptionInfo& info) {
    app_.add_flag_function(text(flags(info), ",!--", oppositeOf(info)),
                           [this, &field, name = std::string(info.name)](int64_t count) {
                             field = count > 0;
                             given[name] = {"flag", ""};
                           });
  }

  template <typename Store>
  void one(const OptionInfo& info, Store store) {
    const std::string name(info.name);
    app_.add_option(flags(info),
                    [this, store, name](const Words& words) {
                      if (words.size() > 1)
                        throw Error(ErrorKind::usage, text("--", name, " is given ", words.size(), " times"),
                                    "give it once");
                      given[name] = {"flag", ""};
                      store(words.front());
                      return true;
                    })
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }

  template <typename T, typename Parse>
  void many(std::vector<T>& field, const OptionInfo& info, Parse parse) {
    app_.add_option(flags(info),
                    [this, &field, info, parse](const Words& words) {
                      field.clear();
                      for (const std::string& word : words)
                        for (const std::string& part : splitWords(info, word)) field.push_back(parse(info, part));
                      given[std::string(info.name)] = {"flag", ""};
                      return true;
                    })
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }

  CLI::App& app_;
};

bool has(std::span<const std::string> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

Words split(std::string_view line) {
  Words words;
  std::istringstream stream{std::string(line)};
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

const VerbSpec& findVerb(const std::string& name) {
  Words names;
  for (const VerbSpec& verb : allVerbs()) {
    if (verb.name == name) return verb;
    names.emplace_back(verb.name);
  }
  throw Error(ErrorKind::usage, text("'", displayName(name), "' is no verb"),
              text("near: ", join(nearest(name, names), ", "), "; compress --help lists all"));
}

/// What CLI11 could not place are options that the verb lacks.
void requireNoExtras(const VerbSpec& spec, std::span<const std::string> extras, std::span<const OptionRow> rows) {
  for (const std::string& word : extras) {
    if (word == "--") continue;
    Words names;
    for (const OptionRow& row : rows) names.push_back("--" + row.name);
    throw Error(ErrorKind::usage, text(spec.name, " has no option '", displayName(word.substr(0, word.find('='))), "'"),
                text("near: ", join(nearest(word.substr(0, word.find('=')), names), ", "), "; compress ", spec.name,
                     " --help lists all"));
  }
}

void requireOperands(const VerbSpec& spec, const Words& operands) {
  const Words wanted = split(spec.operands);
  const bool takesMore = !wanted.empty() && wanted.back().ends_with("...");
  if (operands.size() > wanted.size() && !takesMore)
    throw Error(ErrorKind::usage, text("one operand too many: '", displayName(operands[wanted.size()]), "'"),
                text("usage: compress ", spec.name, " [OPTIONS] ", spec.operands));
  if (operands.size() < wanted.size() && wanted[operands.size()].front() != '[')
    throw Error(ErrorKind::usage, text(spec.name, ": ", wanted[operands.size()], " is missing"),
                text("usage: compress ", spec.name, " [OPTIONS] ", spec.operands));
}

/// Fills in the verb's options and the common ones from `arguments`; the origins of those given.
Origins parseArguments(const VerbSpec& spec, Verb& verb, CommonOptions& common, Words arguments, Words& operands) {
  const std::vector<OptionRow> rows = optionRows(verb, common, spec.groups);
  CLI::App app;
  app.set_help_flag("");
  app.allow_extras();
  CliVisitor visitor(app);
  verb.options(visitor);
  common.options(visitor, spec.groups);
  app.add_option("operands", operands);
  std::ranges::reverse(arguments);  // CLI11 takes them from the back
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    throw Error(ErrorKind::usage, error.what(), text("compress ", spec.name, " --help lists the options"));
  }
  requireNoExtras(spec, app.remaining(), rows);
  return std::move(visitor.given);
}

/// What flags do not say: variables, then the file.
void applySettings(const VerbSpec& spec, Verb& verb, CommonOptions& common, Origins& origins) {
  applyEnvironment(spec, verb, common, origins);
  if (common.config)
    applyConfig(readConfigFile(*common.config), *common.config, allVerbs(), spec, verb, common, origins);
}

int printConfig(Console& console, const VerbSpec& spec, const CommonOptions& common, Json& document) {
  finishDocument(document, common, 0);
  console.write(common.json ? documentText(document) : configText(spec.name, document["effective_config"]));
  return 0;
}

/// The last event of a run, with all that was found.
void sayEnd(Console& console, const Json& document) {
  console.event("end", {{"exit_code", document["exit_code"]}, {"status", document["status"]}, {"report", document}});
}

/// A failure goes into the reports too, and then on up.
int runVerb(Verb& verb, VerbContext& context) {
  try {
    return verb.run(context);
  } catch (const Error& failure) {
    finishDocument(context.document, context.common, static_cast<int>(failure.kind()));
    recordError(context.document, failure);
    try {
      writeReports(context.common, context.document);
    } catch (const Error& error) {
      context.console.error(error.message(), error.hint());
    }
    throw;
  }
}

int runSpec(const VerbSpec& spec, const Words& arguments, CommonOptions& common, Json& document) {
  const std::unique_ptr<Verb> verb = spec.make();
  if (has(arguments, "--help") || has(arguments, "-h")) {
    Console(common).write(verbHelp(spec, optionRows(*verb, common, spec.groups)));
    return 0;
  }
  Words operands;
  Origins origins = parseArguments(spec, *verb, common, arguments, operands);
  applySettings(spec, *verb, common, origins);
  document["effective_config"] = settings(spec, *verb, common, origins);
  document["config_hash"] = configHash(spec.name, document["effective_config"]);
  Console console(common);
  if (common.printConfig) return printConfig(console, spec, common, document);
  requireOperands(spec, operands);
  common.check();
  checkReports(common, spec.name);
  for (const auto& [name, setting] : document["effective_config"].items())
    console.detail(text(name, " = ", setting["value"].dump(),
                        setting["origin"] == "flag" ? "" : text(" (", setting["origin"].get<std::string>(), ')')));
  const bool isConfined = prepareProcess(common);
  console.event("start", {{"verb", spec.name}, {"command", document["command"]}, {"tool", document["tool"]}});
  const Budget budget(common);
  VerbContext context{operands, common, console, budget, document};
  for (const std::string& warning : doubtfulVariables(allVerbs())) warnAs(context, warning);
  if (!isConfined) warnAs(context, "W-SANDBOX: this kernel has no system call filters: --untrusted works without one");
  const int code = runVerb(*verb, context);
  finishDocument(document, common, code);
  writeReports(common, document);
  if (common.json) console.write(documentText(document));
  sayEnd(console, document);
  return code;
}

int dispatch(const Words& arguments, CommonOptions& common, Json& document) {
  Console console(common);
  if (arguments.empty()) {
    console.write(programHelp(allVerbs()));
    return static_cast<int>(ErrorKind::usage);
  }
  const std::string& first = arguments.front();
  const Words rest(arguments.begin() + 1, arguments.end());
  if (first == "--help" || first == "-h" || (first == "help" && rest.empty())) {
    console.write(programHelp(allVerbs()));
    return 0;
  }
  if (first == "--version") {
    console.write(common.json ? documentText({{"schema", 1}, {"tool", toolRecord()}})
                              : text("compress ", programVersion(), '\n'));
    return 0;
  }
  if (first == "help") return runSpec(findVerb(rest.front()), {"--help"}, common, document);
  return runSpec(findVerb(first), rest, common, document);
}

/// Stopped by a signal with nothing kept that the same command could go on from.
bool isKilled(const Error& error) {
  return error.kind() == ErrorKind::interrupted && notedSignal() != 0;
}

/// Reports a failure in the form that was asked for; the exit code.
int fail(const CommonOptions& common, Json& document, const Error& error) {
  const int code = static_cast<int>(error.kind());
  Console console(common);
  recordError(document, error);
  if (isKilled(error)) document["exit_code"] = 128 + notedSignal();
  if (common.json) console.write(documentText(document));
  console.error(error.message(), error.hint());
  sayEnd(console, document);
  return isKilled(error) ? endBySignal() : code;
}

int runProgram(const Words& arguments) {
  CommonOptions common;
  common.json = has(arguments, "--json");  // also for what goes wrong before options are parsed
  Json document = startDocument(arguments);
  try {
    try {
      return dispatch(arguments, common, document);
    } catch (const Error& error) {
      return fail(common, document, error);
    } catch (const std::bad_alloc&) {
      return fail(
          common, document,
          Error(ErrorKind::resource, "memory is out", "raise --memory-limit, or use a machine with more memory"));
    } catch (const std::exception& error) {
      return fail(common, document,
                  Error(ErrorKind::bug, text("unexpected: ", error.what()),
                        "this is a bug in compress: please report it with this command and the model"));
    }
  } catch (const ClosedPipe&) {
    return 128 + SIGPIPE;
  } catch (const Error& error) {  // while the failure itself was being reported
    Console(common).error(error.message(), error.hint());
    return static_cast<int>(error.kind());
  }
}

}  // namespace
}  // namespace compress

int main(int argc, char** argv) {
  compress::watchSignals();
  return compress::runProgram({argv + 1, argv + argc});
}
