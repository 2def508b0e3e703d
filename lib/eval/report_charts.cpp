#include "lib/eval/report_charts.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lib/base/escape.h"
#include "lib/base/text.h"
#include "lib/eval/report_fields.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kLeft = 200, kPlot = 480;  ///< x of the plot, and its width

/// A name that fits before the plot.
std::string label(const std::string& name) {
  return escapeHtml(displayName(name).substr(0, 28));
}

std::string opening(double height, std::string_view title) {
  return text("<div class=\"scroll\"><svg viewBox=\"0 0 720 ", height, "\" role=\"img\" aria-label=\"",
              escapeHtml(title), "\">\n");
}

std::string rectangle(std::string_view kind, double x, double y, double width, double height) {
  return text("<rect class=\"", kind, "\" x=\"", fixed(x, 1), "\" y=\"", fixed(y, 1), "\" width=\"", fixed(width, 1),
              "\" height=\"", fixed(height, 1), "\"/>");
}

std::string rule(double x, double top, double bottom) {
  return text("<line class=\"rule\" x1=\"", fixed(x, 1), "\" x2=\"", fixed(x, 1), "\" y1=\"", fixed(top, 1), "\" y2=\"",
              fixed(bottom, 1), "\"/>");
}

std::string words(double x, double y, const std::string& content) {
  return text("<text x=\"", fixed(x, 1), "\" y=\"", fixed(y, 1), "\">", content, "</text>\n");
}

std::vector<double> countsOf(const Json& entry) {
  std::vector<double> counts;
  for (const Json& count : items(entry, "counts"))
    counts.push_back(count.is_number() ? std::max(0.0, count.get<double>()) : 0);
  return counts;
}

/// What every chart of counts has: from where to where they go, and how many there are in each part.
struct Counts {
  double from = 0, to = 0;
  std::vector<double> counts;

  explicit Counts(const Json& entry, std::string_view fromKey, std::string_view toKey)
      : from(number(entry, fromKey)), to(number(entry, toKey)), counts(countsOf(entry)) {}
  bool isPlain() const {
    return std::isfinite(from) && std::isfinite(to) && to > from && !counts.empty() && counts.size() <= 1000 &&
           *std::ranges::max_element(counts) > 0;
  }
};

/// Bars of `counts` over [first, last], standing on `base`; the highest has `height`. Roots, so that tails are seen.
std::string bars(const Counts& data, double first, double last, double base, double height, std::string_view kind) {
  const double most = *std::ranges::max_element(data.counts);
  const auto x = [&](double value) { return kLeft + (value - first) / (last - first) * kPlot; };
  const double step = (data.to - data.from) / static_cast<double>(data.counts.size());
  std::string out;
  for (size_t i = 0; i < data.counts.size(); ++i) {
    if (data.counts[i] <= 0) continue;
    const double tall = std::max(1.0, std::sqrt(data.counts[i] / most) * height);
    const double at = x(data.from + static_cast<double>(i) * step);
    out += rectangle(kind, at, base - tall, std::max(0.5, step / (last - first) * kPlot), tall);
  }
  return out + "\n";
}

std::string rangeChart(const Json& entry) {
  const Counts data(entry, "from", "to");
  const Json& range = items(entry, "range");
  if (!data.isPlain() || range.size() != 2 || !range[0].is_number() || !range[1].is_number()) return {};
  const double low = range[0].get<double>(), high = range[1].get<double>();
  const double first = std::min(data.from, low), last = std::max(data.to, high);
  if (!std::isfinite(first) || !std::isfinite(last)) return {};
  const auto x = [&](double value) { return kLeft + (value - first) / (last - first) * kPlot; };
  std::string out = words(0, 16, label(string(entry, "name")));
  out += words(
      0, 34, escapeHtml(text(string(entry, "method"), ", ", shown(100 * number(entry, "clipped_share"), 4), " % cut")));
  out += bars(data, first, last, 52, 48, "one") + rule(x(low), 2, 54) + rule(x(high), 2, 54);
  const auto place = [](double at) { return std::min(at, 640.0); };
  out +=
      words(place(x(low)), 68, shown(low, 3)) + words(std::max(place(x(high)), place(x(low)) + 70), 68, shown(high, 3));
  return opening(74, text("values of ", string(entry, "name"), " with the chosen range")) + out + "</svg></div>\n";
}

}  // namespace

std::string sizeWaterfall(const Json& document) {
  std::vector<std::pair<std::string, double>> rows;
  for (const Json& pass : items(document, "passes")) {
    const double before = number(member(pass, "before"), "bytes"), after = number(member(pass, "after"), "bytes");
    if (!(before >= 0) || !(after >= 0) || after > 9e15 || before > 9e15) continue;
    if (rows.empty()) rows.emplace_back("as it came", before);
    rows.emplace_back(string(pass, "name"), after);
  }
  double largest = 0;
  for (const auto& [name, bytes] : rows) largest = std::max(largest, bytes);
  if (!(largest > 0)) return {};
  std::string out = opening(24 * static_cast<double>(rows.size()) + 6, "size after each pass");
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto y = static_cast<double>(24 * i);
    const double width = rows[i].second / largest * 400;
    out += words(0, y + 16, label(rows[i].first)) +
           rectangle(i + 1 == rows.size() ? "two" : "one", kLeft, y + 4, width, 16) +
           words(kLeft + 6 + width, y + 16, humanBytes(static_cast<int64_t>(rows[i].second)));
  }
  return "<h2>Size pass by pass</h2>\n" + out + "</svg></div>\n";
}

std::string latencyChart(const Json& document) {
  std::vector<std::pair<const Json*, Counts>> rows;
  double last = 0;
  for (const Json& entry : items(document, "latency")) {
    Counts data(member(entry, "distribution"), "from_ms", "to_ms");
    if (!data.isPlain() || data.from < 0) continue;
    last = std::max(last, data.to);
    rows.emplace_back(&entry, std::move(data));
  }
  if (rows.empty()) return {};
  std::string out = opening(60 * static_cast<double>(rows.size()) + 22, "how often each time came");
  double base = 0;
  for (const auto& [entry, data] : rows) {
    base += 60;
    out += words(0, base - 20, label(string(*entry, "model"))) +
           bars(data, 0, last, base, 50, &data == &rows.back().second ? "two" : "one");
    for (const std::string_view mark : {"p50_ms", "p99_ms"})
      if (const double ms = number(*entry, mark); ms >= 0 && ms <= last)
        out += rule(kLeft + ms / last * kPlot, base - 54, base);
  }
  out += words(kLeft, base + 18, "0 ms") + words(kLeft + kPlot - 40, base + 18, text(shown(last, 3), " ms"));
  return out + "</svg></div>\n<p>Lines: the median, and 99 % of the runs. Heights are square roots of counts.</p>\n";
}

std::string rangeCharts(const Json& document) {
  std::string charts;
  for (const Json& entry : items(member(document, "calibration"), "histograms")) charts += rangeChart(entry);
  if (charts.empty()) return {};
  return "<h2>Calibration: the tensors that are cut most</h2>\n<p>Counts of values (square roots); lines: the chosen "
         "range.</p>\n" +
         charts;
}

}  // namespace compress
