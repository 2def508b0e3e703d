// ops: the table of operators: the opsets that changed their form, how the cpu backend runs them, what quantize makes
// of them, which have gradients; and one operator's page.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/report.h"
#include "lib/ops/op.h"
#include "lib/runtime/fast_operators.h"
#include "lib/train/gradient_grid.h"
#include "passes/quantize/rules.h"
#include "tools/verbs.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

std::string_view nameOf(QuantizeKind kind) {
  constexpr std::string_view kNames[] = {"weighted", "arithmetic", "pool", "movement", "join"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view meaningOf(QuantizeKind kind) {
  constexpr std::string_view kMeanings[] = {
      "int8 weight and int32 bias, own range on the output",
      "integer when every operand is integer already, own range on the output",
      "integer when its input is and its output is wanted, own range on the output",
      "its output has its input's scale and zero point", "its inputs and its output share one scale and zero point"};
  return kMeanings[static_cast<size_t>(kind)];
}

std::string fullName(const OpSpec& spec) {
  return spec.domain.empty() ? std::string(spec.op) : text(spec.domain, ':', spec.op);
}

/// Opsets whose form of the operator differs from the one before, in a way that matters here.
std::vector<int64_t> formsOf(const OpSpec& spec) {
  std::vector<int64_t> versions;
  for (const Upgrade& upgrade : spec.upgrades) versions.push_back(upgrade.version);
  return versions;
}

/// The rules for this operator, by target.
std::vector<std::pair<std::string_view, const QuantizeRule*>> rulesOf(const OpSpec& spec) {
  std::vector<std::pair<std::string_view, const QuantizeRule*>> found;
  if (!spec.domain.empty()) return found;
  for (const std::string_view target : {"portable", "ort-x86"})
    for (const QuantizeRule& rule : quantizeRules(target))
      if (rule.op == spec.op) found.emplace_back(target, &rule);
  return found;
}

std::string_view backendOf(const OpSpec& spec, const std::set<std::string>& fast) {
  if (spec.reference == nullptr && spec.domain.empty()) return "upgraded";
  return spec.domain.empty() && fast.contains(std::string(spec.op)) ? "cpu" : "reference";
}

/// What the gradient of an operator is tested for.
std::vector<std::string> testedProperties(const OpSpec& spec) {
  if (!spec.domain.empty()) return {};
  if (spec.op == "QuantizeLinear" || spec.op == "DequantizeLinear") return {"straight through", "trained scale"};
  std::vector<std::string> properties;
  for (const GradientCase& each : gradientGrid())
    if (each.op == spec.op) properties.emplace_back(each.property);
  return properties;
}

Json toJson(const OpSpec& spec, const std::set<std::string>& fast) {
  Json record = {{"op", spec.op},
                 {"domain", spec.domain},
                 {"forms", formsOf(spec)},
                 {"newest_opset", kNewestOpset},
                 {"backend", backendOf(spec, fast)},
                 {"shape_rule", spec.infer != nullptr},
                 {"doc", spec.doc}};
  record["gradient"] = testedProperties(spec);
  record["quantize"] = Json::object();
  for (const auto& [target, rule] : rulesOf(spec))
    record["quantize"][std::string(target)] = {
        {"kind", nameOf(rule->kind)}, {"needs_output", rule->needsOutput}, {"becomes", rule->becomes}};
  return record;
}

std::string shownForms(const OpSpec& spec) {
  std::vector<std::string> words;
  for (const int64_t version : formsOf(spec)) words.push_back(text(version));
  return join(words, " ");
}

class Ops : public Verb {
 public:
  void options(OptionVisitor& visitor) override {
    visitor.visit(grad_, {.name = "grad",
                          .help = "list the operators that can be trained through, and what their "
                                  "gradients are tested for"});
  }

  int run(VerbContext& context) override {
    const std::set<std::string> fast = fastOperators();
    if (!context.operands.empty()) return page(context, find(context.operands[0]), fast);
    if (grad_) return gradients(context, fast);
    std::vector<std::vector<std::string>> rows;
    for (const OpSpec& spec : allOps()) {
      context.document["ops"].push_back(toJson(spec, fast));
      const auto rules = rulesOf(spec);
      rows.push_back({fullName(spec), shownForms(spec), std::string(backendOf(spec, fast)),
                      rules.empty() ? "" : std::string(nameOf(rules.front().second->kind)), std::string(spec.doc)});
    }
    context.console.result(renderTable({"operator", "forms", "runs on", "int8", "is"}, rows));
    return 0;
  }

 private:
  static int gradients(VerbContext& context, const std::set<std::string>& fast) {
    std::vector<std::vector<std::string>> rows;
    for (const OpSpec& spec : allOps()) {
      if (spec.gradient == nullptr) continue;
      context.document["ops"].push_back(toJson(spec, fast));
      rows.push_back({fullName(spec), join(testedProperties(spec), ", ")});
    }
    context.console.result(renderTable({"operator", "gradient tested for"}, rows));
    return 0;
  }

  static const OpSpec& find(const std::string& name) {
    std::vector<std::string> names;
    for (const OpSpec& spec : allOps()) {
      if (spec.op == name || fullName(spec) == name) return spec;
      names.push_back(fullName(spec));
    }
    throw Error(ErrorKind::usage, text("'", displayName(name), "' is no operator that is known here"),
                text("near: ", join(nearest(name, names), ", "), "; compress ops lists all"));
  }

  static int page(VerbContext& context, const OpSpec& spec, const std::set<std::string>& fast) {
    context.document["ops"].push_back(toJson(spec, fast));
    Console& console = context.console;
    console.result(text(fullName(spec), "  (opset 1 to ", kNewestOpset, ")"));
    console.result(text("  ", spec.doc));
    const std::string forms = shownForms(spec);
    console.result(text("  forms: ", forms.empty() ? "one" : text("changed in opset ", forms)));
    console.result(text("  runs on: ", backendOf(spec, fast)));
    for (const auto& [target, rule] : rulesOf(spec)) {
      console.result(text("  quantize --target ", target, ": ", nameOf(rule->kind), ": ", meaningOf(rule->kind),
                          rule->needsOutput ? "; only with a Q on the output" : ""));
      if (!rule->becomes.empty()) console.result(text("    ONNX Runtime makes of it: ", rule->becomes));
    }
    if (rulesOf(spec).empty()) {
      Node node;
      node.op = spec.op;
      node.domain = spec.domain;
      console.result(text("  quantize: stays float: ", reasonWithoutRule(node)));
    }
    const auto tested = testedProperties(spec);
    console.result(text("  gradient: ", tested.empty() ? "none" : text("tested for ", join(tested, ", "))));
    return 0;
  }

  bool grad_ = false;
};

}  // namespace

VerbSpec opsVerb() {
  return {.name = "ops",
          .summary = "list the operators, how they run and how they are quantized, or tell of one",
          .example = "Conv",
          .operands = "[OP]",
          .groups = kReporting | kForce,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<Ops>(); }};
}

}  // namespace compress
