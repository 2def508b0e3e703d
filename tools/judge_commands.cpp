#include "tools/judge_commands.h"

#include <charconv>
#include <cmath>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/gates.h"
#include "lib/eval/latency_summary.h"
#include "tools/subprocess.h"

namespace compress {
namespace {

constexpr std::string_view kModelPlace = "{model}";
constexpr std::string_view kMetricOption = "metric-cmd", kLatencyOption = "latency-cmd";
/// Times of each model; enough for a verdict by ranks.
constexpr size_t kRounds = 6;

std::vector<std::string> wordsFor(const std::string& command, std::string_view option, const std::string& model) {
  std::vector<std::string> words = splitCommand(command, option);
  bool isPlaced = false;
  for (std::string& word : words)
    for (size_t at = word.find(kModelPlace); at != std::string::npos; at = word.find(kModelPlace, at + model.size())) {
      word.replace(at, kModelPlace.size(), model);
      isPlaced = true;
    }
  if (!isPlaced) words.push_back(model);
  return words;
}

std::optional<double> onlyNumber(std::string_view out) {
  const size_t first = out.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return std::nullopt;
  const size_t last = out.find_last_not_of(" \t\r\n");
  const std::string_view word = out.substr(first, last - first + 1);
  double value = 0;
  const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (failed != std::errc() || end != word.data() + word.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// What the program said last, for the hint.
std::string lastWords(const SubprocessResult& result) {
  return result.err.empty() ? "it wrote nothing to stderr" : text("its stderr ends: ", result.err);
}

double ask(const VerbContext& context, const std::string& command, std::string_view option,
           const std::filesystem::path& model) {
  const std::vector<std::string> words = wordsFor(command, option, std::filesystem::absolute(model).string());
  const SubprocessResult result =
      within([&] { return text("--", option); },
             [&] { return runSubprocess(words, {}, [&context] { context.budget.check(); }); });
  if (result.exitCode != 0)
    throw Error(ErrorKind::negative,
                text("--", option, ": '", displayName(words[0]), "' ended with exit code ", result.exitCode, " on ",
                     model.string()),
                lastWords(result));
  const std::optional<double> number = onlyNumber(result.out);
  if (!number)
    throw Error(ErrorKind::negative,
                text("--", option, ": '", displayName(words[0]), "' printed '", displayName(result.out),
                     "', expected one finite number on stdout"),
                lastWords(result));
  return *number;
}

}  // namespace

void JudgeCommands::metricOption(OptionVisitor& visitor) {
  visitor.visit(metric_,
                {.name = kMetricOption,
                 .help = "program that measures the metric that gates judge: prints one number, the higher the "
                         "better; {model} stands for the file",
                 .placeholder = "CMD"});
}

void JudgeCommands::latencyOption(OptionVisitor& visitor) {
  visitor.visit(latency_, {.name = kLatencyOption,
                           .help = "program that times a model: prints milliseconds; {model} stands for the file",
                           .placeholder = "CMD"});
}

void JudgeCommands::check(const CommonOptions& common) const {
  for (const auto& [command, option] : {std::pair(&metric_, kMetricOption), std::pair(&latency_, kLatencyOption)}) {
    if (!*command) continue;
    splitCommand(**command, option);
    if (common.untrusted)
      throw Error(ErrorKind::usage,
                  text("--", option, " and --untrusted exclude each other: a confined process starts no programs"),
                  "leave one of them out");
  }
}

MetricResult JudgeCommands::measureMetric(const VerbContext& context, const std::filesystem::path& model) const {
  context.console.progress("measuring by --metric-cmd");
  const double value = ask(context, metric_.value(), kMetricOption, model);
  MetricResult result;
  result.name = kCommandMetric;
  result.value = result.low = result.high = value;
  result.count = 1;
  return result;
}

SpeedMeasurement JudgeCommands::measureLatency(const VerbContext& context, const std::filesystem::path& before,
                                               const std::filesystem::path& after) const {
  std::vector<double> times[2];
  for (size_t round = 0; round < kRounds; ++round)
    for (size_t i = 0; i < 2; ++i) {
      context.console.progress(text("timing by --latency-cmd: round ", round + 1, " of ", kRounds));
      const std::filesystem::path& model = i == 0 ? before : after;
      times[i].push_back(ask(context, latency_.value(), kLatencyOption, model));
      if (times[i].back() <= 0)
        throw Error(ErrorKind::negative, text("--", kLatencyOption, " printed ", times[i].back(), " for ",
                                              model.string(), ", expected milliseconds above 0"));
    }
  const auto seed = static_cast<uint64_t>(context.common.seed);
  SpeedMeasurement speed;
  speed.before = summarizeTimes(times[0], seed);
  speed.after = summarizeTimes(times[1], seed);
  speed.verdict = compareSpeed(speed.before, speed.after, seed);
  const std::span<const double> all(times[0]);
  speed.noise = std::abs(median(all.first(kRounds / 2)) / median(all.last(kRounds / 2)) - 1);
  return speed;
}

}  // namespace compress
