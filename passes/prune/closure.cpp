#include "passes/prune/closure.h"

#include <algorithm>
#include <set>

#include "lib/base/text.h"

namespace compress {

ClosureFinder::ClosureFinder(const Graph& graph, const KnownTypes& known, const TieSet& set)
    : graph_(graph), set_(set), zeros_(graph, known, set) {
  for (const ValueId value : graph.values()) {
    if (firstId_.size() <= static_cast<size_t>(value.index)) firstId_.resize(static_cast<size_t>(value.index) + 1, -1);
    const auto shape = known.shape(value);
    if (!shape) continue;
    firstId_[static_cast<size_t>(value.index)] = static_cast<AxisId>(axes_.size());
    for (size_t axis = 0; axis < shape->rank(); ++axis) {
      axes_.push_back({value, axis});
      sizes_.push_back((*shape)[axis]);
    }
  }
  blocked_.resize(axes_.size(), nullptr);
  for (const auto& [axis, obstacle] : set.blocked) blocked_[static_cast<size_t>(idOf(axis))] = &obstacle;
  tiesOf_.resize(axes_.size());
  digitsOf_.resize(axes_.size());
  for (size_t group = 0; group < set.ties.size(); ++group)
    for (size_t member = 0; member < set.ties[group].members.size(); ++member)
      tiesOf_[static_cast<size_t>(idOf(set.ties[group].members[member].axis))].push_back({group, 0, member});
  for (size_t group = 0; group < set.digits.size(); ++group)
    for (size_t digit = 0; digit < set.digits[group].size(); ++digit)
      for (size_t member = 0; member < set.digits[group][digit].members.size(); ++member)
        digitsOf_[static_cast<size_t>(idOf(set.digits[group][digit].members[member].axis))].push_back(
            {group, digit, member});
  gone_.resize(axes_.size());
  goneCount_.resize(axes_.size(), 0);
  cameFrom_.resize(axes_.size(), -1);
  passObstaclesOn();
}

/// An axis tied slice by slice to a blocked one is blocked as well: known beforehand, so that a removal with a choice
/// of digits turns elsewhere.
void ClosureFinder::passObstaclesOn() {
  const auto isRigid = [](const Tie& tie) {
    return std::ranges::all_of(tie.members, [](const Tie::Member& member) { return member.labels.isIdentity(); });
  };
  std::vector<AxisId> fresh;
  for (size_t at = 0; at < blocked_.size(); ++at)
    if (blocked_[at] != nullptr) fresh.push_back(static_cast<AxisId>(at));
  while (!fresh.empty()) {
    const auto at = static_cast<size_t>(fresh.back());
    fresh.pop_back();
    for (const Place& place : tiesOf_[at]) {
      if (!isRigid(set_.ties[place.group])) continue;
      for (const Tie::Member& member : set_.ties[place.group].members) {
        const auto other = static_cast<size_t>(idOf(member.axis));
        if (blocked_[other] != nullptr) continue;
        blocked_[other] = blocked_[at];
        fresh.push_back(static_cast<AxisId>(other));
      }
    }
  }
}

void ClosureFinder::reset() {
  for (const AxisId axis : touched_) {
    gone_[static_cast<size_t>(axis)].clear();
    goneCount_[static_cast<size_t>(axis)] = 0;
    cameFrom_[static_cast<size_t>(axis)] = -1;
  }
  touched_.clear();
  pending_.clear();
  pendingDigits_.clear();
  chosen_.clear();
  inexact_.reset();
  choseDigit_ = false;
  obstructed_.reset();
}

std::variant<Closed, Obstructed> ClosureFinder::close(Axis seed, int64_t slice, DigitPolicy policy) {
  reset();
  policy_ = policy;
  bool isFree = remove(idOf(seed), std::span(&slice, 1), -1);
  while (isFree && (!pending_.empty() || !pendingDigits_.empty())) {
    if (pending_.empty()) {
      const AxisId axis = pendingDigits_.back();
      pendingDigits_.pop_back();
      isFree = spreadDigits(axis);
      continue;
    }
    const Arrival arrival = std::move(pending_.back());
    pending_.pop_back();
    for (const Place& place : tiesOf_[static_cast<size_t>(arrival.axis)]) {
      isFree = isFree && spread(set_.ties[place.group], place.member, arrival.slices);
      noteInexact(set_.ties[place.group]);
    }
  }
  if (!isFree) return *obstructed_;
  Closed closed{.slices = {}, .inexact = {}, .choseDigit = choseDigit_};
  for (const AxisId axis : touched_) {
    std::vector<int64_t>& slices = closed.slices[axes_[static_cast<size_t>(axis)]];
    const std::vector<bool>& gone = gone_[static_cast<size_t>(axis)];
    for (size_t i = 0; i < gone.size(); ++i)
      if (gone[i]) slices.push_back(static_cast<int64_t>(i));
  }
  if (!inexact_) {
    if (const Tie* sum = zeros_.findBrokenSum(closed.slices))
      inexact_ = {text(graph_.node(sum->node).op, " sums over it, and it is not zero without its parameters"),
                  sum->node};
  }
  closed.inexact = inexact_;
  return closed;
}

void ClosureFinder::noteInexact(const Tie& tie) {
  if (!tie.exact && !inexact_)
    inexact_ = {text("the statistics of ", graph_.node(tie.node).op, " are taken over it"), tie.node};
}

bool ClosureFinder::remove(AxisId axis, std::span<const int64_t> slices, AxisId from) {
  if (slices.empty()) return true;
  const auto at = static_cast<size_t>(axis);
  std::vector<bool>& gone = gone_[at];
  if (gone.empty()) {
    gone.resize(static_cast<size_t>(sizes_[at]), false);
    touched_.push_back(axis);
    cameFrom_[at] = from;
  }
  Arrival arrival{axis, {}};
  for (const int64_t slice : slices) {
    if (gone[static_cast<size_t>(slice)]) continue;
    gone[static_cast<size_t>(slice)] = true;
    ++goneCount_[at];
    arrival.slices.push_back(slice);
  }
  if (arrival.slices.empty()) return true;
  if (blocked_[at] != nullptr) return obstruct(axis, *blocked_[at]), false;
  if (goneCount_[at] == sizes_[at]) return obstruct(axis, {"nothing of it would be left", {}}), false;
  if (!digitsOf_[at].empty()) pendingDigits_.push_back(axis);
  pending_.push_back(std::move(arrival));
  return true;
}

bool ClosureFinder::spread(const Tie& tie, size_t member, std::span<const int64_t> slices) {
  const AxisId from = idOf(tie.members[member].axis);
  std::set<int64_t> labels;
  for (const int64_t slice : slices)
    if (const int64_t label = tie.members[member].labels.at(slice); label != Labels::kFree) labels.insert(label);
  for (const Tie::Member& other : tie.members) {
    const AxisId to = idOf(other.axis);
    std::vector<int64_t> reached;
    for (const int64_t label : labels)
      other.labels.withLabel(label, sizes_[static_cast<size_t>(to)], [&](int64_t slice) { reached.push_back(slice); });
    if (!remove(to, reached, from)) return false;
  }
  return true;
}

bool ClosureFinder::spreadDigits(AxisId axis) {
  const std::span<const Place> places = digitsOf_[static_cast<size_t>(axis)];
  for (size_t first = 0; first < places.size();) {
    size_t last = first;
    while (last < places.size() && places[last].group == places[first].group) ++last;
    if (!spreadDigit(places[chooseDigit(places.subspan(first, last - first), axis) + first], axis)) return false;
    first = last;
  }
  return true;
}

bool ClosureFinder::spreadDigit(const Place& place, AxisId axis) {
  std::vector<int64_t> slices;
  const std::vector<bool>& gone = gone_[static_cast<size_t>(axis)];
  for (size_t i = 0; i < gone.size(); ++i)
    if (gone[i]) slices.push_back(static_cast<int64_t>(i));
  const Tie& digit = set_.digits[place.group][place.digit];
  noteInexact(digit);
  return spread(digit, place.member, slices);
}

size_t ClosureFinder::chooseDigit(std::span<const Place> places, AxisId axis) {
  if (places.size() == 1) return 0;
  const size_t group = places[0].group;
  const auto member = [&](size_t i) -> const Tie::Member& {
    return set_.digits[group][places[i].digit].members[places[i].member];
  };
  for (size_t i = 0; i < places.size(); ++i)
    if (isCylinder(member(i), axis)) return i;
  if (const auto found = chosen_.find(group); found != chosen_.end())
    for (size_t i = 0; i < places.size(); ++i)
      if (places[i].digit == found->second) return i;
  choseDigit_ = true;
  size_t choice = policy_ == DigitPolicy::outer ? 0 : places.size() - 1;
  for (size_t step = 0; step < places.size(); ++step) {
    const size_t i = policy_ == DigitPolicy::outer ? step : places.size() - 1 - step;
    if (!hasRoom(set_.digits[group][places[i].digit])) continue;
    choice = i;
    break;
  }
  chosen_[group] = places[choice].digit;
  return choice;
}

bool ClosureFinder::isCylinder(const Tie::Member& member, AxisId axis) const {
  const std::vector<bool>& gone = gone_[static_cast<size_t>(axis)];
  std::set<int64_t> labels;
  for (size_t i = 0; i < gone.size(); ++i)
    if (gone[i]) labels.insert(member.labels.at(static_cast<int64_t>(i)));
  if (labels.contains(Labels::kFree)) return false;
  int64_t slices = 0;
  for (const int64_t label : labels)
    member.labels.withLabel(label, sizes_[static_cast<size_t>(axis)], [&](int64_t) { ++slices; });
  return slices == goneCount_[static_cast<size_t>(axis)];
}

bool ClosureFinder::hasRoom(const Tie& digit) const {
  return std::ranges::none_of(digit.members, [&](const Tie::Member& member) {
    const auto at = static_cast<size_t>(idOf(member.axis));
    return blocked_[at] != nullptr || sizes_[at] <= 1;
  });
}

void ClosureFinder::obstruct(AxisId axis, Obstacle obstacle) {
  Obstructed obstructed{std::move(obstacle), {}};
  for (AxisId at = axis; at >= 0; at = cameFrom_[static_cast<size_t>(at)])
    obstructed.path.push_back(axes_[static_cast<size_t>(at)]);
  std::ranges::reverse(obstructed.path);
  obstructed_ = std::move(obstructed);
}

}  // namespace compress
