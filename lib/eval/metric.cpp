#include "lib/eval/metric.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/metrics/metrics.h"

namespace compress {

MetricSettings::MetricSettings(std::string_view name) : whole_(name) {
  const size_t colon = std::min(name.find(':'), name.size());
  metric_ = name.substr(0, colon);
  std::string_view list = name.substr(std::min(colon + 1, name.size()));
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    const std::string_view item = list.substr(0, end);
    const size_t equals = std::min(item.find('='), item.size());
    const std::string_view digits = item.substr(std::min(equals + 1, item.size()));
    double value = 0;
    const auto [stop, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || failed != std::errc() || stop != digits.data() + digits.size() || !std::isfinite(value) ||
        value < 0)
      throw Error(ErrorKind::usage,
                  text("--metric ", displayName(whole_), ": '", displayName(item), "', expected key=number"));
    values_.emplace(item.substr(0, equals), value);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

std::optional<double> MetricSettings::number(std::string_view key) {
  const auto found = values_.find(key);
  if (found == values_.end()) return std::nullopt;
  const double value = found->second;
  values_.erase(found);
  return value;
}

std::optional<int64_t> MetricSettings::whole(std::string_view key, int64_t most) {
  const std::optional<double> value = number(key);
  if (!value) return std::nullopt;
  if (*value != std::floor(*value) || *value > static_cast<double>(most))
    refuse(text("a whole ", key, " up to ", most));
  return static_cast<int64_t>(*value);
}

void MetricSettings::requireAllTaken() const {
  if (!values_.empty())
    throw Error(ErrorKind::usage, text("--metric ", displayName(whole_), ": '", displayName(values_.begin()->first),
                                       "' is no setting of ", metric_));
}

void MetricSettings::refuse(std::string_view expected) const {
  throw Error(ErrorKind::usage, text("--metric ", displayName(whole_), ": expected ", expected));
}

std::span<const MetricSpec> allMetrics() {
  static const MetricSpec all[] = {
      top1Metric(), top5Metric(),    meanSquaredErrorMetric(), cosineMetric(), peakSignalToNoiseMetric(), f1Metric(),
      aucMetric(),  meanIouMetric(), spearmanMetric(),         exactMetric(),  tokenErrorMetric(),
  };
  return all;
}

std::string metricNames() {
  std::vector<std::string> names;
  for (const MetricSpec& spec : allMetrics()) names.emplace_back(spec.name);
  return join(names, ", ");
}

std::unique_ptr<Metric> makeMetric(std::string_view name) {
  MetricSettings settings(name);
  const auto spec = std::ranges::find(allMetrics(), settings.metric(), &MetricSpec::name);
  if (spec == allMetrics().end())
    throw Error(ErrorKind::usage, text("--metric ", displayName(name), ": expected one of ", metricNames()));
  std::unique_ptr<Metric> made = spec->make(settings);
  settings.requireAllTaken();
  return made;
}

}  // namespace compress
