// Memory for the schedule's storages, pointers for its steps, and the loop that runs them.
#include "lib/runtime/plan/executable.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/runtime/plan/arena.h"
#include "lib/runtime/plan/schedule.h"

namespace compress {
namespace {

constexpr size_t kGuardBytes = 64;
constexpr std::byte kGuardByte{0xA5};

/// A stand-in for a buffer of the caller, with guard bytes on both sides.
class GuardedBlock {
 public:
  explicit GuardedBlock(size_t bytes) : bytes_(bytes), block_(bytes + 2 * kGuardBytes) {
    std::fill_n(block_.data(), block_.size(), kGuardByte);
  }
  std::byte* data() { return block_.data() + kGuardBytes; }
  bool isIntact() const {
    const auto isGuard = [](std::byte byte) { return byte == kGuardByte; };
    const std::byte* const end = block_.data() + kGuardBytes + bytes_;
    return std::all_of(block_.data(), block_.data() + kGuardBytes, isGuard) &&
           std::all_of(end, end + kGuardBytes, isGuard);
  }

 private:
  size_t bytes_;
  AlignedBytes block_;
};

/// Pointers of one step, filled in when memory is known.
struct Pointers {
  std::vector<std::byte*> inputs;
  std::vector<std::byte*> outputs;
  std::byte* scratch = nullptr;
};

}  // namespace

struct PlanExecutable::Impl {
  Schedule schedule;
  int threads;
  bool profile;
  bool guarded;
  std::vector<int> arenaIndex;  ///< storage -> buffer of the arena, -1 elsewhere
  ArenaLayout layout;
  std::vector<Lifetime> lifetimes;
  AlignedBytes arena{0};
  std::vector<Pointers> pointers;
  std::vector<size_t> borderSteps;  ///< those that touch the caller's memory
  std::vector<std::byte*> callerInputs;
  std::vector<std::byte*> callerOutputs;
  std::vector<Kernel*> kernels;
  std::vector<double> seconds;
  int64_t runs = 0;
  std::vector<GuardedBlock> guardedInputs;  ///< with `guarded`: what steps see in place of the caller's memory
  std::vector<GuardedBlock> guardedOutputs;

  Storage::Kind kindOf(Place place) const {
    return schedule.storages[static_cast<size_t>(schedule.rootOf(place).storage)].kind;
  }

  template <typename Visit>
  static void visitPlaces(const Step& step, const Visit& visit) {
    for (const Place& place : step.inputs) visit(place);
    for (const Place& place : step.outputs) visit(place);
    visit(step.scratch);
  }

  void layOutArena() {
    std::vector<Lifetime> lives(schedule.storages.size(), Lifetime{0, std::numeric_limits<int>::max(), -1});
    for (size_t i = 0; i < schedule.steps.size(); ++i)
      visitPlaces(schedule.steps[i], [&](Place place) {
        if (place.storage < 0) return;
        Lifetime& life = lives[static_cast<size_t>(schedule.rootOf(place).storage)];
        life.first = std::min(life.first, static_cast<int>(i));
        life.last = std::max(life.last, static_cast<int>(i));
      });
    arenaIndex.assign(schedule.storages.size(), -1);
    for (size_t i = 0; i < schedule.storages.size(); ++i) {
      if (schedule.storages[i].kind != Storage::Kind::arena || schedule.storages[i].parent >= 0 || lives[i].last < 0)
        continue;
      lives[i].bytes = schedule.storages[i].bytes;
      arenaIndex[i] = static_cast<int>(lifetimes.size());
      lifetimes.push_back(lives[i]);
    }
    layout = guarded ? layOutApart(lifetimes, static_cast<int64_t>(kGuardBytes)) : layOut(lifetimes);
    arena = AlignedBytes(static_cast<size_t>(layout.bytes));
    if (guarded) visitGuards([](std::byte& byte) { byte = kGuardByte; });
  }

  template <typename Visit>
  void visitGuards(const Visit& visit) {
    for (size_t i = 0; i < lifetimes.size(); ++i)
      for (int64_t k = 0; k < static_cast<int64_t>(kGuardBytes); ++k) {
        visit(arena.data()[layout.offsets[i] - 1 - k]);
        visit(arena.data()[layout.offsets[i] + lifetimes[i].bytes + k]);
      }
  }

  std::byte* address(Place place) {
    if (place.storage < 0) return nullptr;
    const Place root = schedule.rootOf(place);
    const Storage& storage = schedule.storages[static_cast<size_t>(root.storage)];
    switch (storage.kind) {
      case Storage::Kind::input:
        return callerInputs[storage.index] + root.offset;
      case Storage::Kind::output:
        return callerOutputs[storage.index] + root.offset;
      case Storage::Kind::constant:
        return storage.constant + root.offset;
      case Storage::Kind::arena:
        break;
    }
    return arena.data() + layout.offsets[static_cast<size_t>(arenaIndex[static_cast<size_t>(root.storage)])] +
           root.offset;
  }

  void bindStep(size_t index) {
    Step& step = schedule.steps[index];
    Pointers& where = pointers[index];
    for (size_t i = 0; i < step.inputs.size(); ++i) where.inputs[i] = address(step.inputs[i]);
    for (size_t i = 0; i < step.outputs.size(); ++i) where.outputs[i] = address(step.outputs[i]);
    where.scratch = address(step.scratch);
    step.kernel->bind(where.inputs, where.outputs, where.scratch);
  }

  void bindInnerSteps() {
    pointers.resize(schedule.steps.size());
    for (size_t i = 0; i < schedule.steps.size(); ++i) {
      const Step& step = schedule.steps[i];
      pointers[i].inputs.resize(step.inputs.size());
      pointers[i].outputs.resize(step.outputs.size());
      kernels.push_back(step.kernel.get());
      bool isBorder = false;
      visitPlaces(step, [&](Place place) {
        isBorder = isBorder || (place.storage >= 0 &&
                                (kindOf(place) == Storage::Kind::input || kindOf(place) == Storage::Kind::output));
      });
      if (isBorder)
        borderSteps.push_back(i);
      else
        bindStep(i);
    }
  }

  void checkInputs(const Bindings& bindings) const {
    if (bindings.inputs.size() != schedule.inputs.size())
      throw Error(ErrorKind::bug, text(bindings.inputs.size(), " inputs bound, expected ", schedule.inputs.size()));
    for (size_t i = 0; i < schedule.inputs.size(); ++i)
      if (bindings.inputs[i].dtype() != schedule.inputs[i].dtype ||
          !(bindings.inputs[i].shape() == schedule.inputs[i].shape))
        throw Error(ErrorKind::bug, text("input ", i, " is ", nameOf(bindings.inputs[i].dtype()),
                                         print(bindings.inputs[i].shape()), ", the plan was made for ",
                                         nameOf(schedule.inputs[i].dtype), print(schedule.inputs[i].shape)));
  }

  /// Allocates outputs that do not have their form yet, and binds the border steps again when a pointer has moved.
  void bindCaller(Bindings& bindings) {
    bool isMoved = false;
    const auto point = [&](std::byte*& held, const std::byte* now) {
      isMoved = isMoved || held != now;
      held = const_cast<std::byte*>(now);
    };
    for (size_t i = 0; i < callerInputs.size(); ++i) point(callerInputs[i], bindings.inputs[i].raw().data());
    bindings.outputs.resize(schedule.outputs.size());
    for (size_t i = 0; i < callerOutputs.size(); ++i) {
      const OutputForm& form = schedule.outputs[i];
      Buffer& output = bindings.outputs[i];
      if (output.dtype() != form.dtype || !(output.shape() == form.shape)) output = Buffer(form.dtype, form.shape);
      point(callerOutputs[i], output.raw().data());
    }
    if (isMoved)
      for (const size_t index : borderSteps) bindStep(index);
  }

  /// Points the steps at blocks between guard bytes, for the life of the executable.
  void guardCaller() {
    const auto guard = [](const std::vector<OutputForm>& forms, std::vector<GuardedBlock>& blocks,
                          std::vector<std::byte*>& held) {
      for (size_t i = 0; i < forms.size(); ++i) {
        blocks.emplace_back(static_cast<size_t>(bytesOf(forms[i].dtype, forms[i].shape.elementCount())));
        held[i] = blocks[i].data();
      }
    };
    guard(schedule.inputs, guardedInputs, callerInputs);
    guard(schedule.outputs, guardedOutputs, callerOutputs);
    for (const size_t index : borderSteps) bindStep(index);
  }

  /// Copies the caller's tensors in and out, and looks at all guard bytes and inputs after every step.
  void runGuarded(Bindings& bindings) {
    for (size_t i = 0; i < callerInputs.size(); ++i)
      std::ranges::copy(bindings.inputs[i].raw(), guardedInputs[i].data());
    for (size_t i = 0; i < kernels.size(); ++i) {
      kernels[i]->run();
      const bool areSame =
          std::ranges::equal(bindings.inputs, guardedInputs, [](const Tensor& given, GuardedBlock& held) {
            return std::equal(given.raw().begin(), given.raw().end(), held.data());
          });
      if (!areSame || !guardsIntact())
        throw Error(ErrorKind::bug, text("step '", schedule.steps[i].info.name, "' (", schedule.steps[i].info.kernel,
                                         ") wrote ", areSame ? "outside its buffers" : "to an input of the caller"));
    }
    bindings.outputs.clear();
    for (size_t i = 0; i < callerOutputs.size(); ++i) {
      Buffer& output = bindings.outputs.emplace_back(schedule.outputs[i].dtype, schedule.outputs[i].shape);
      std::copy_n(guardedOutputs[i].data(), output.raw().size(), output.raw().data());
    }
  }

  bool guardsIntact() {
    bool isIntact = true;
    visitGuards([&](std::byte byte) { isIntact = isIntact && byte == kGuardByte; });
    return isIntact && std::ranges::all_of(guardedInputs, &GuardedBlock::isIntact) &&
           std::ranges::all_of(guardedOutputs, &GuardedBlock::isIntact);
  }

  void runTimed() {
    using Clock = std::chrono::steady_clock;
    Clock::time_point before = Clock::now();
    for (size_t i = 0; i < kernels.size(); ++i) {
      kernels[i]->run();
      const Clock::time_point now = Clock::now();
      seconds[i] += std::chrono::duration<double>(now - before).count();
      before = now;
    }
    ++runs;
  }
};

PlanExecutable::PlanExecutable(const FusedGraph& graph, KernelSource& source, const CompileOptions& options,
                               bool guarded)
    : impl_(std::make_unique<Impl>()) {
  const ThreadLimit limit(options.threads);
  impl_->schedule = makeSchedule(graph, source, options);
  impl_->threads = options.threads;
  impl_->profile = options.profile;
  impl_->guarded = guarded;
  impl_->callerInputs.resize(impl_->schedule.inputs.size());
  impl_->callerOutputs.resize(impl_->schedule.outputs.size());
  impl_->seconds.resize(impl_->schedule.steps.size());
  impl_->layOutArena();
  impl_->bindInnerSteps();
  if (guarded) impl_->guardCaller();
}

PlanExecutable::~PlanExecutable() = default;

void PlanExecutable::run(Bindings& bindings) {
  impl_->checkInputs(bindings);
  const ThreadLimit limit(impl_->threads);
  if (impl_->guarded) return impl_->runGuarded(bindings);
  impl_->bindCaller(bindings);
  if (impl_->profile) return impl_->runTimed();
  for (Kernel* kernel : impl_->kernels) kernel->run();
}

std::vector<StepInfo> PlanExecutable::steps() const {
  std::vector<StepInfo> infos;
  for (size_t i = 0; i < impl_->schedule.steps.size(); ++i) {
    infos.push_back(impl_->schedule.steps[i].info);
    if (impl_->runs > 0) infos.back().ms = impl_->seconds[i] * 1e3 / static_cast<double>(impl_->runs);
  }
  return infos;
}

int64_t PlanExecutable::arenaBytes() const {
  return impl_->layout.bytes;
}

}  // namespace compress
