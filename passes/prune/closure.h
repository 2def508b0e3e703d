// All that must go when one slice goes: the least set that the ties of the graph are content with (docs/pruning.md P2).
#pragma once
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "passes/prune/patch.h"
#include "passes/prune/ties.h"
#include "passes/prune/zero_slices.h"

namespace compress {

/// Which digit of an axis goes first where a removal has the choice: heads and groups (outer), or the channels within
/// each of them (inner).
enum class DigitPolicy { outer, inner };

/// Slices that go together.
struct Closed {
  Slices slices;
  std::optional<Obstacle> inexact;  ///< why what stays is not as it would be with the others set to zero
  bool choseDigit = false;          ///< the policy had a say
};

/// Why a slice cannot go.
struct Obstructed {
  Obstacle obstacle;
  std::vector<Axis> path;  ///< from the seed to the axis that cannot lose slices
};

/// Finds closures of one graph, one after another; buffers are reused.
class ClosureFinder {
 public:
  /// `set` outlives the finder; `sizes` are those of `known`.
  ClosureFinder(const Graph& graph, const KnownTypes& known, const TieSet& set);

  /// `slice` of `seed` and all that must go with it.
  std::variant<Closed, Obstructed> close(Axis seed, int64_t slice, DigitPolicy policy);
  /// Whether the policy had a say in the last closure, also where that was obstructed.
  bool choseDigit() const { return choseDigit_; }

 private:
  using AxisId = int32_t;
  struct Arrival {
    AxisId axis;
    std::vector<int64_t> slices;
  };
  /// Member `member` of a tie, or of digit `digit` of a choice.
  struct Place {
    size_t group;
    size_t digit;
    size_t member;
  };

  AxisId idOf(const Axis& axis) const {
    return firstId_[static_cast<size_t>(axis.value.index)] + static_cast<AxisId>(axis.axis);
  }
  void passObstaclesOn();
  void reset();
  /// False when the axis is blocked or would be emptied: `obstructed_` then says so.
  bool remove(AxisId axis, std::span<const int64_t> slices, AxisId from);
  bool spread(const Tie& tie, size_t member, std::span<const int64_t> slices);
  bool spreadDigits(AxisId axis);
  bool spreadDigit(const Place& place, AxisId axis);
  /// Which of the digits of a choice that cut `axis` a removal of its present slices passes along.
  size_t chooseDigit(std::span<const Place> places, AxisId axis);
  bool isCylinder(const Tie::Member& member, AxisId axis) const;
  bool hasRoom(const Tie& digit) const;
  void obstruct(AxisId axis, Obstacle obstacle);
  void noteInexact(const Tie& tie);

  const Graph& graph_;
  const TieSet& set_;
  ZeroSlices zeros_;
  std::vector<AxisId> firstId_;               // by value
  std::vector<Axis> axes_;                    // by id
  std::vector<int64_t> sizes_;                // by id
  std::vector<const Obstacle*> blocked_;      // by id
  std::vector<std::vector<Place>> tiesOf_;    // by id: digit unused
  std::vector<std::vector<Place>> digitsOf_;  // by id, ascending by group and digit
  std::vector<std::vector<bool>> gone_;       // by id; empty where nothing is
  std::vector<int64_t> goneCount_;            // by id
  std::vector<AxisId> cameFrom_;              // by id
  std::vector<AxisId> touched_;
  std::vector<Arrival> pending_;
  std::vector<AxisId> pendingDigits_;
  std::map<size_t, size_t> chosen_;  // digit by choice
  DigitPolicy policy_ = DigitPolicy::outer;
  std::optional<Obstacle> inexact_;
  bool choseDigit_ = false;
  std::optional<Obstructed> obstructed_;
};

}  // namespace compress
