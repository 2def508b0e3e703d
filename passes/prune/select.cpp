#include "passes/prune/select.h"

#include <fast_float/fast_float.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "passes/prune/remove.h"

namespace compress {
namespace {

int64_t defaultRound(const Family& family) {
  const size_t classes = family.classes.size();
  if (family.byDigit && family.policy == DigitPolicy::outer) return 1;
  return classes >= 32 ? 8 : classes >= 16 ? 4 : 1;
}

/// The next classes of a family to go, and what that costs and saves.
struct Step {
  size_t count = 0;
  double price = 0;
  Slices slices;
};

class Selector {
 public:
  Selector(const Prunable& prunable, const Scores& scores, const CostModel& cost, const SelectOptions& options)
      : prunable_(prunable), cost_(cost), options_(options), next_(prunable.families.size(), 0) {
    selection_.classes.resize(prunable.families.size());
    selection_.before = selection_.after = cost.total({});
    for (size_t f = 0; f < scores.size(); ++f) {
      rank(scores[f]);
      groups_.push_back(options.scope == PruneScope::layer ? std::to_string(f) : prunable.families[f].signature);
    }
  }

  Selection run() && {
    if (options_.target.measure == PruneTarget::Measure::channels) {
      for (size_t f = 0; f < prunable_.families.size(); ++f) takeShare(f);
    } else {
      takeUntilMet();
    }
    return std::move(selection_);
  }

 private:
  /// Ascending order of the family's classes, and their scores relative to the mean.
  void rank(const std::vector<double>& scores) {
    auto& order = order_.emplace_back(scores.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, {}, [&](size_t i) { return scores[i]; });
    const double mean = std::accumulate(scores.begin(), scores.end(), 0.0) / static_cast<double>(scores.size());
    auto& relative = relative_.emplace_back(scores);
    if (!options_.scoresAreGlobal)
      for (double& score : relative) score = mean > 0 ? score / mean : 1;
  }

  double measured(const PruneCost& cost) const {
    switch (options_.target.measure) {
      case PruneTarget::Measure::macs:
        return static_cast<double>(cost.macs);
      case PruneTarget::Measure::size:
        return static_cast<double>(cost.bytes);
      case PruneTarget::Measure::latency:
        return cost.ms;
      default:
        return static_cast<double>(cost.parameters);
    }
  }

  bool isMet() const {
    return measured(selection_.after) <= options_.target.left * measured(options_.origin.value_or(selection_.before));
  }

  /// How many classes bring the family down by `rounds` allowed counts; 0 when there are not so many.
  size_t stepSize(size_t f, int64_t rounds = 1) const {
    const auto total = static_cast<int64_t>(prunable_.families[f].classes.size());
    const int64_t kept = total - static_cast<int64_t>(next_[f]);
    const int64_t round = options_.round > 0 ? options_.round : defaultRound(prunable_.families[f]);
    const int64_t least = std::max<int64_t>(options_.minChannels, round);
    const int64_t goal = ((kept - 1) / round - rounds + 1) * round;
    return goal < least ? 0 : static_cast<size_t>(kept - goal);
  }

  Step nextStep(size_t f, int64_t rounds = 1) const {
    Step step{.count = stepSize(f, rounds), .price = 0, .slices = {}};
    for (size_t i = 0; i < step.count; ++i) {
      const size_t one = order_[f][next_[f] + i];
      step.price += relative_[f][one];
      unite(step.slices, prunable_.families[f].classes[one].slices);
    }
    return step;
  }

  void take(size_t f, const Step& step) {
    selection_.after = selection_.after - cost_.saved(selection_.removed, step.slices);
    for (size_t i = 0; i < step.count; ++i) selection_.classes[f].push_back(order_[f][next_[f] + i]);
    next_[f] += step.count;
    unite(selection_.removed, step.slices);
  }

  void takeShare(size_t f) {
    const auto total = static_cast<double>(prunable_.families[f].classes.size());
    while (const size_t count = stepSize(f)) {
      const double kept = total - static_cast<double>(next_[f] + count);
      if (kept < options_.target.left * total - 1e-9) return;
      take(f, nextStep(f));
    }
  }

  void takeUntilMet() {
    while (!isMet()) {
      const auto best = findBest();
      if (!best) {
        selection_.isReached = false;
        return;
      }
      take(best->first, best->second);
    }
  }

  /// Of the groups that compete, the one with most left; in it, the step of least price per saving.
  std::optional<std::pair<size_t, Step>> findBest() const {
    std::optional<std::pair<size_t, Step>> best;
    double bestRatio = 0, bestLeft = 0;
    for (size_t f = 0; f < prunable_.families.size(); ++f) {
      auto [step, ratio] = cheapestStep(f);
      if (step.count == 0) continue;
      const double left = options_.scope == PruneScope::global ? 1 : shareLeft(groups_[f]);
      if (best && (left < bestLeft || (left == bestLeft && ratio >= bestRatio))) continue;
      best = {f, std::move(step)};
      bestRatio = ratio;
      bestLeft = left;
    }
    return best;
  }

  /// The step of a family of least price per saving, and that ratio. Times fall at some counts only: for them, longer
  /// steps are looked at as well.
  std::pair<Step, double> cheapestStep(size_t f) const {
    constexpr double kNoise = 0.002;
    const bool isTimed = options_.target.measure == PruneTarget::Measure::latency;
    const double least = isTimed ? kNoise * measured(selection_.after) : 0;
    std::pair<Step, double> best;
    for (int64_t rounds = 1; rounds == 1 || isTimed; ++rounds) {
      Step step = nextStep(f, rounds);
      if (step.count == 0 || !leavesSome(step)) break;
      const double saved = measured(cost_.saved(selection_.removed, step.slices));
      if (saved <= least || (best.first.count > 0 && step.price / saved >= best.second)) continue;
      best = {std::move(step), 0};
      best.second = best.first.price / saved;
    }
    return best;
  }

  /// Of the classes of all families of a group.
  double shareLeft(const std::string& group) const {
    double left = 0, all = 0;
    for (size_t f = 0; f < prunable_.families.size(); ++f) {
      if (groups_[f] != group) continue;
      all += static_cast<double>(prunable_.families[f].classes.size());
      left += static_cast<double>(prunable_.families[f].classes.size() - next_[f]);
    }
    return left / all;
  }

  /// Families may share axes (heads and head dimensions): together they must not empty one.
  bool leavesSome(const Step& step) const {
    return std::ranges::all_of(step.slices, [&](const auto& entry) {
      Slices both;
      if (const auto present = selection_.removed.find(entry.first); present != selection_.removed.end())
        both.insert(*present);
      unite(both, Slices{entry});
      return static_cast<int64_t>(both.begin()->second.size()) < cost_.extent(entry.first);
    });
  }

  const Prunable& prunable_;
  const CostModel& cost_;
  const SelectOptions& options_;
  std::vector<std::string> groups_;  // by family: which compete
  std::vector<std::vector<size_t>> order_;
  std::vector<std::vector<double>> relative_;
  std::vector<size_t> next_;  // by family: how many of its order are gone
  Selection selection_;
};

}  // namespace

PruneTarget PruneTarget::parse(std::string_view given) {
  const auto wrong = [&](std::string_view why) {
    return Error(ErrorKind::usage, text("--target ", given, ": ", why),
                 "write macs=-40%, params=-30%, size=-30%, latency=-30% or channels=-50%");
  };
  const size_t equals = given.find('=');
  if (equals == std::string_view::npos) throw wrong("no '='");
  PruneTarget target;
  const std::string_view measure = given.substr(0, equals);
  std::string_view value = given.substr(equals + 1);
  if (measure == "macs")
    target.measure = Measure::macs;
  else if (measure == "params")
    target.measure = Measure::parameters;
  else if (measure == "size")
    target.measure = Measure::size;
  else if (measure == "latency")
    target.measure = Measure::latency;
  else if (measure == "channels")
    target.measure = Measure::channels;
  else
    throw wrong("no such measure");
  if (!value.starts_with('-') || !value.ends_with('%')) throw wrong("a cut is meant, as in -40%");
  double percent = 0;
  const char* end = value.data() + value.size() - 1;
  const auto read = fast_float::from_chars(value.data() + 1, end, percent);
  if (read.ec != std::errc() || read.ptr != end || !(percent > 0 && percent < 100))
    throw wrong("a cut lies between 0 and 100 %");
  target.left = 1 - percent / 100;
  return target;
}

Selection select(const Prunable& prunable, const Scores& scores, const CostModel& cost, const SelectOptions& options) {
  return Selector(prunable, scores, cost, options).run();
}

}  // namespace compress
