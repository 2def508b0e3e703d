// Conditions on what a report holds, as in "top1_drop > 0.5pt and size_ratio > 0.5": gates that a user writes.
//
//   CONDITION = TERM { "and" TERM }      TERM = FIELD OPERATOR NUMBER[UNIT]      OPERATOR = > >= < <= == !=
//
// Units: kB MB GB KiB MiB GiB for bytes, us ms s for times, pt for hundredths, % for hundredths or, behind a _drop, a
// share of the value before. A field that was not measured makes the gate fail.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/eval/gates.h"

namespace compress {

struct ConditionTerm {
  std::string field;       ///< "sqnr_db", or a metric's name, with or without "_drop"
  std::string comparison;  ///< ">", ">=", "<", "<=", "==", "!="
  double value = 0;        ///< in the field's unit
  bool isShare = false;    ///< of the value before: "1%" behind a _drop
};

struct Condition {
  std::string given;
  std::vector<ConditionTerm> terms;  ///< all must hold
};

/// Names of the fields; beside them each metric and NAME_drop.
std::vector<std::string> conditionFields();

/// Throws Error(usage) for bad syntax, a number that is not finite, a unit that the field does not have, and, with near
/// names, for a field that there is not.
Condition parseCondition(std::string_view given);

/// Whether a term reads a metric that is measured on the evaluation samples.
bool readsMetric(const Condition& condition);

/// The gate "fail-if" over a document of a run: fails where all terms hold, and where one of their fields was not
/// measured.
GateResult judgeCondition(const Condition& condition, const nlohmann::ordered_json& document, bool isWarning);

}  // namespace compress
