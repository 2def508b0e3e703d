#include "lib/eval/conditions.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/metric.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;
using Pointer = Json::json_pointer;

struct Unit {
  std::string_view name;
  double factor;
};

constexpr Unit kPlain[] = {{"", 1}};
constexpr Unit kShare[] = {{"", 1}, {"%", 0.01}};
constexpr Unit kPercent[] = {{"", 1}, {"%", 1}};
constexpr Unit kDecibel[] = {{"", 1}, {"dB", 1}};
constexpr Unit kTime[] = {{"", 1}, {"ms", 1}, {"us", 1e-3}, {"s", 1e3}};
constexpr Unit kBytes[] = {{"", 1},     {"B", 1},      {"kB", 1e3},      {"MB", 1e6},
                           {"GB", 1e9}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}};
constexpr Unit kMetric[] = {{"", 1}, {"pt", 0.01}, {"%", 0.01}};

constexpr std::string_view kDrop = "_drop";

std::optional<double> numberAt(const Json& document, const std::string& path) {
  const Pointer pointer(path);
  if (!document.contains(pointer) || !document[pointer].is_number()) return std::nullopt;
  return document[pointer].get<double>();
}

/// The entry of a list whose "model" or "id" is the last that the run measured: "after", or "model" where there is one.
const Json* entryOf(const Json& document, std::string_view list, std::string_view key, std::string_view id) {
  const auto found = document.find(list);
  if (found == document.end() || !found->is_array()) return nullptr;
  for (const Json& entry : *found)
    if (entry.value(std::string(key), "") == id) return &entry;
  return nullptr;
}

std::optional<double> numberOf(const Json* entry, std::string_view field) {
  if (entry == nullptr) return std::nullopt;
  return numberAt(*entry, text('/', field));
}

const Json* resultOf(const Json& document, std::string_view list, std::string_view key) {
  const Json* after = entryOf(document, list, key, "after");
  return after != nullptr ? after : entryOf(document, list, key, "model");
}

std::optional<double> ratio(std::optional<double> after, std::optional<double> before) {
  if (!after || !before || *before <= 0) return std::nullopt;
  return *after / *before;
}

/// A number of the result's entry in a list, or what it has to that of the model before.
template <const char* list, const char* key, const char* field>
std::optional<double> resultField(const Json& document) {
  return numberOf(resultOf(document, list, key), field);
}
template <const char* list, const char* key, const char* field>
std::optional<double> resultRatio(const Json& document) {
  return ratio(numberOf(entryOf(document, list, key, "after"), field),
               numberOf(entryOf(document, list, key, "before"), field));
}
template <const char* path>
std::optional<double> numberField(const Json& document) {
  return numberAt(document, path);
}

constexpr char kModels[] = "models", kId[] = "id", kLatency[] = "latency", kModel[] = "model", kSize[] = "bytes",
               kMacs[] = "macs", kParams[] = "params", kZeros[] = "zeros_pct", kP50[] = "p50_ms", kP90[] = "p90_ms",
               kP99[] = "p99_ms", kMean[] = "mean_ms", kSqnr[] = "/drift/sqnr_db", kCosine[] = "/drift/cosine",
               kMaxAbs[] = "/drift/max_abs", kMeanAbs[] = "/drift/mean_abs", kAgree[] = "/drift/argmax_agree_pct",
               kNonFinite[] = "/drift/non_finite", kSpeedup[] = "/compare/speedup",
               kSpeedupLow[] = "/compare/speedup_ci95/0";

struct Field {
  std::string_view name;
  std::span<const Unit> units;
  std::optional<double> (*find)(const Json&);
};

constexpr Field kFields[] = {
    {"size_bytes", kBytes, resultField<kModels, kId, kSize>},
    {"size_ratio", kShare, resultRatio<kModels, kId, kSize>},
    {"macs", kPlain, resultField<kModels, kId, kMacs>},
    {"macs_ratio", kShare, resultRatio<kModels, kId, kMacs>},
    {"params", kPlain, resultField<kModels, kId, kParams>},
    {"params_ratio", kShare, resultRatio<kModels, kId, kParams>},
    {"zeros_pct", kPercent, resultField<kModels, kId, kZeros>},
    {"sqnr_db", kDecibel, numberField<kSqnr>},
    {"cosine", kPlain, numberField<kCosine>},
    {"max_abs", kPlain, numberField<kMaxAbs>},
    {"mean_abs", kPlain, numberField<kMeanAbs>},
    {"argmax_agree_pct", kPercent, numberField<kAgree>},
    {"non_finite", kPlain, numberField<kNonFinite>},
    {"p50_ms", kTime, resultField<kLatency, kModel, kP50>},
    {"p90_ms", kTime, resultField<kLatency, kModel, kP90>},
    {"p99_ms", kTime, resultField<kLatency, kModel, kP99>},
    {"mean_ms", kTime, resultField<kLatency, kModel, kMean>},
    {"speedup", kPlain, numberField<kSpeedup>},
    {"speedup_low", kPlain, numberField<kSpeedupLow>},
};

const Field* findField(std::string_view name) {
  const auto found = std::ranges::find(kFields, name, &Field::name);
  return found == std::end(kFields) ? nullptr : &*found;
}

std::string_view withoutDrop(std::string_view name) {
  return name.ends_with(kDrop) ? name.substr(0, name.size() - kDrop.size()) : name;
}

bool isMetric(std::string_view name) {
  return name == kCommandMetric || std::ranges::find(allMetrics(), name, &MetricSpec::name) != allMetrics().end();
}

/// A metric of the result, or how much worse than before it is.
std::optional<double> metricField(const Json& document, const ConditionTerm& term) {
  const std::string metric(withoutDrop(term.field));
  const auto list = document.find("accuracy");
  if (list == document.end()) return std::nullopt;
  std::optional<double> before, after;
  bool higherIsBetter = true;
  for (const Json& entry : *list) {
    if (entry["metric"] != metric) continue;
    (entry["model"] == "before" ? before : after) = numberAt(entry, "/value");
    higherIsBetter = entry.value("higher_is_better", true);
  }
  if (!term.field.ends_with(kDrop) || !after) return after;
  if (!before) return std::nullopt;
  const double drop = higherIsBetter ? *before - *after : *after - *before;
  if (!term.isShare) return drop;
  return *before == 0 ? std::optional<double>() : drop / std::abs(*before);
}

std::optional<double> valueOf(const Json& document, const ConditionTerm& term) {
  const Field* field = findField(term.field);
  const std::optional<double> value = field != nullptr ? field->find(document) : metricField(document, term);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

bool holds(double found, const ConditionTerm& term) {
  if (term.comparison == ">") return found > term.value;
  if (term.comparison == ">=") return found >= term.value;
  if (term.comparison == "<") return found < term.value;
  if (term.comparison == "<=") return found <= term.value;
  return (found == term.value) == (term.comparison == "==");
}

/// Reads terms from left to right.
class Parser {
 public:
  explicit Parser(std::string_view given) : given_(given), rest_(given) {}

  Condition condition() {
    Condition condition{std::string(given_), {term()}};
    for (skipBlanks(); !rest_.empty(); skipBlanks()) {
      if (take([](char c) { return isWordCharacter(c); }) != "and") refuse("expected 'and' between two terms");
      condition.terms.push_back(term());
    }
    return condition;
  }

 private:
  static bool isWordCharacter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }

  [[noreturn]] void refuse(std::string_view what, std::string hint = {}) const {
    throw Error(ErrorKind::usage, text("--fail-if '", displayName(given_), "': ", what), std::move(hint));
  }

  void skipBlanks() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
  }

  template <typename Accept>
  std::string_view take(Accept accept) {
    skipBlanks();
    const auto end = std::ranges::find_if_not(rest_, accept);
    const std::string_view taken = rest_.substr(0, static_cast<size_t>(end - rest_.begin()));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  ConditionTerm term() {
    ConditionTerm term;
    term.field = take(isWordCharacter);
    const Field* field = findField(term.field);
    if (field == nullptr && !isMetric(withoutDrop(term.field)))
      refuse(text("no field is called '", displayName(term.field), "'"),
             text("near: ", join(nearest(term.field, conditionFields()), ", ")));
    term.comparison = take([](char c) { return c == '<' || c == '>' || c == '=' || c == '!'; });
    constexpr std::string_view kComparisons[] = {">", ">=", "<", "<=", "==", "!="};
    if (std::ranges::find(kComparisons, term.comparison) == std::end(kComparisons))
      refuse(text("expected one of > >= < <= == != behind '", term.field, "'"));
    term.value = number() * factor(term, field != nullptr ? field->units : std::span<const Unit>(kMetric));
    return term;
  }

  double number() {
    skipBlanks();
    double value = 0;
    const auto [end, failed] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (failed != std::errc() || !std::isfinite(value)) refuse("expected a finite number behind the comparison");
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return value;
  }

  double factor(ConditionTerm& term, std::span<const Unit> units) {
    const std::string unit(rest_.starts_with(' ') ? std::string_view()
                                                  : take([](char c) { return isWordCharacter(c) || c == '%'; }));
    term.isShare = unit == "%" && term.field.ends_with(kDrop);
    std::vector<std::string> known;
    for (const Unit& candidate : units) {
      if (candidate.name == unit) return candidate.factor;
      if (!candidate.name.empty()) known.emplace_back(candidate.name);
    }
    refuse(text("'", displayName(unit), "' is no unit of ", term.field, ", which has ",
                known.empty() ? "none" : join(known, ", ")));
  }

  std::string_view given_, rest_;
};

}  // namespace

std::vector<std::string> conditionFields() {
  std::vector<std::string> names;
  for (const Field& field : kFields) names.emplace_back(field.name);
  for (const MetricSpec& metric : allMetrics()) {
    names.emplace_back(metric.name);
    names.push_back(text(metric.name, kDrop));
  }
  names.emplace_back(kCommandMetric);
  names.push_back(text(kCommandMetric, kDrop));
  return names;
}

Condition parseCondition(std::string_view given) {
  return Parser(given).condition();
}

bool readsMetric(const Condition& condition) {
  return std::ranges::any_of(condition.terms, [](const ConditionTerm& term) {
    return findField(term.field) == nullptr && withoutDrop(term.field) != kCommandMetric;
  });
}

GateResult judgeCondition(const Condition& condition, const Json& document, bool isWarning) {
  std::vector<std::string> values, missing;
  bool allHold = true;
  for (const ConditionTerm& term : condition.terms) {
    const std::optional<double> found = valueOf(document, term);
    if (!found) missing.push_back(term.field);
    values.push_back(text(term.field, ' ', found ? text(*found) : "-"));
    allHold = allHold && found && holds(*found, term);
  }
  const std::string why = !missing.empty() ? text("not measured: ", join(missing, ", "))
                          : allHold        ? "the condition holds"
                                           : "";
  return {"fail-if", isWarning ? "warn" : "error", condition.given, join(values, ", "), why.empty(), why};
}

}  // namespace compress
