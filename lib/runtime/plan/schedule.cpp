// One walk over the nodes in order: each gets a kernel, inputs in the layouts that it wants, and a place for its
// results.
#include "lib/runtime/plan/schedule.h"

#include <algorithm>
#include <limits>

#include "lib/base/error.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

constexpr int kForever = std::numeric_limits<int>::max();

std::string nodeName(const FusedGraph& graph, const Node& node) {
  if (!node.name.empty()) return node.name;
  for (const ValueId output : node.outputs)
    if (output) return graph.graph.value(output).name;
  return node.op;
}

class Scheduler {
 public:
  Scheduler(const FusedGraph& graph, KernelSource& source, const CompileOptions& options)
      : fused_(graph),
        graph_(graph.graph),
        source_(source),
        threads_(options.threads),
        orderedOutputs_(graph_.outputs().size() - (options.observedInAnyOrder ? options.observed.size() : 0)) {
    size_t count = 0;
    for (const ValueId id : graph_.values()) count = std::max(count, static_cast<size_t>(id.index) + 1);
    homes_.resize(count);
    lastUse_.resize(count, -1);
  }

  Schedule run() {
    requireMemory();
    const std::vector<NodeId> order = graph_.order();
    findLastUses(order);
    placeInputs();
    for (position_ = 0; position_ < static_cast<int>(order.size()); ++position_) {
      const NodeId id = order[static_cast<size_t>(position_)];
      within([&] { return text("node '", nodeName(fused_, graph_.node(id)), "' (", graph_.node(id).op, ")"); },
             [&] { addNode(id); });
    }
    placeOutputs();
    return std::move(schedule_);
  }

 private:
  /// Where a value lies, by layout; `home` is the layout in which it was produced.
  struct Home {
    std::array<std::optional<Place>, 2> places;
    Layout home = Layout::plain;
  };

  Home& home(ValueId id) { return homes_[static_cast<size_t>(id.index)]; }
  int& lastUse(ValueId id) { return lastUse_[static_cast<size_t>(id.index)]; }
  int64_t bytesOfValue(ValueId id) const { return bytesOf(fused_.dtype(id), fused_.shape(id).elementCount()); }

  /// Kernels make tables as long as the axes of what they give: what no machine holds is refused before.
  void requireMemory() const {
    constexpr int64_t kAlwaysThere = int64_t{1} << 30;
    for (const ValueId id : graph_.values()) {
      const int64_t bytes = bytesOfValue(id);
      if (bytes > kAlwaysThere && bytes > availableMemory())
        throw Error(ErrorKind::resource,
                    text("value '", displayName(graph_.value(id).name), "' of shape ", print(fused_.shape(id)),
                         " takes ", bytes, " bytes, more than there is memory"));
    }
  }

  void findLastUses(const std::vector<NodeId>& order) {
    for (int i = 0; i < static_cast<int>(order.size()); ++i)
      for (const ValueId input : graph_.node(order[static_cast<size_t>(i)]).inputs)
        if (input) lastUse(input) = i;
    for (const ValueId output : graph_.outputs()) lastUse(output) = kForever;
  }

  void placeInputs() {
    const std::vector<ValueId> inputs = graph_.runtimeInputs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      schedule_.inputs.push_back({fused_.dtype(inputs[i]), fused_.shape(inputs[i])});
      Storage storage;
      storage.kind = Storage::Kind::input;
      storage.index = i;
      storage.bytes = bytesOfValue(inputs[i]);
      settle(inputs[i], {addStorage(std::move(storage)), 0}, Layout::plain);
    }
  }

  int addStorage(Storage storage) {
    schedule_.storages.push_back(std::move(storage));
    return static_cast<int>(schedule_.storages.size()) - 1;
  }

  Place newPlace(int64_t bytes) {
    Storage storage;
    storage.bytes = bytes;
    return {addStorage(std::move(storage)), 0};
  }

  Storage& rootStorage(Place place) { return schedule_.storages[static_cast<size_t>(schedule_.rootOf(place).storage)]; }

  void settle(ValueId id, Place place, Layout layout) {
    Home& where = home(id);
    where.home = layout;
    where.places[static_cast<size_t>(layout)] = place;
    rootStorage(place).members.push_back(id);
  }

  /// A constant lies in the caller's model until a layout asks for a copy.
  void placeConstant(ValueId id) {
    if (home(id).places[0]) return;
    const Tensor& tensor = *graph_.constant(id);
    schedule_.constants.push_back(tensor);
    Storage storage;
    storage.kind = Storage::Kind::constant;
    storage.bytes = static_cast<int64_t>(tensor.raw().size());
    storage.constant = const_cast<std::byte*>(tensor.raw().data());
    settle(id, {addStorage(std::move(storage)), 0}, Layout::plain);
  }

  /// The value in `layout`, by a reorder where it is not there yet.
  Place ensure(ValueId id, Layout layout) {
    if (graph_.constant(id) != nullptr) placeConstant(id);
    Home& where = home(id);
    std::optional<Place>& place = where.places[static_cast<size_t>(layout)];
    if (place) return *place;
    const std::optional<Place> from = where.places[static_cast<size_t>(where.home)];
    if (!from) throw Error(ErrorKind::bug, text("value '", graph_.value(id).name, "' is read before it is made"));
    const Shape shape = fused_.shape(id);
    place = layoutsCoincide(shape) ? *from : addReorder(id, shape, *from, where.home, layout);
    return *place;
  }

  Place addReorder(ValueId id, const Shape& shape, Place from, Layout fromLayout, Layout layout) {
    std::unique_ptr<Kernel> kernel = source_.makeReorder(fused_.dtype(id), shape, fromLayout, layout, threads_);
    if (rootStorage(from).kind == Storage::Kind::constant) return reorderConstant(*kernel, from, bytesOfValue(id));
    const Place to = newPlace(bytesOfValue(id));
    rootStorage(to).members.push_back(id);
    addStep(std::move(kernel), {from}, {to}, {}, reorderInfo(id, layout));
    return to;
  }

  StepInfo reorderInfo(ValueId id, Layout layout) {
    StepInfo info;
    info.name = graph_.value(id).name;
    info.op = "Reorder";
    info.layout = nameOf(layout, fused_.shape(id).rank());
    info.dtype = fused_.dtype(id);
    return info;
  }

  Place reorderConstant(Kernel& kernel, Place from, int64_t bytes) {
    AlignedBytes& block = schedule_.reordered.emplace_back(static_cast<size_t>(bytes));
    std::byte* const source = rootStorage(from).constant + schedule_.rootOf(from).offset;
    std::byte* const target = block.data();
    kernel.bind({&source, 1}, {&target, 1}, nullptr);
    kernel.run();
    Storage storage;
    storage.kind = Storage::Kind::constant;
    storage.bytes = bytes;
    storage.constant = target;
    return {addStorage(std::move(storage)), 0};
  }

  void addStep(std::unique_ptr<Kernel> kernel, std::vector<Place> inputs, std::vector<Place> outputs, Place scratch,
               StepInfo info) {
    info.kernel = kernel->name();
    info.macs = kernel->macs();
    schedule_.steps.push_back({std::move(kernel), std::move(inputs), std::move(outputs), scratch, std::move(info)});
  }

  /// The plan's own memory, whose content nobody needs after the node at hand, and which the node reads once.
  bool canOverwrite(const Node& node, size_t index) {
    const ValueId id = node.inputs[index];
    if (!id || graph_.constant(id) != nullptr) return false;
    const Home& where = home(id);
    const int root = schedule_.rootOf(*where.places[static_cast<size_t>(where.home)]).storage;
    const Storage& storage = schedule_.storages[static_cast<size_t>(root)];
    if (storage.kind != Storage::Kind::arena) return false;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId other = node.inputs[i];
      if (i == index || !other || graph_.constant(other) != nullptr) continue;
      for (const std::optional<Place>& place : home(other).places)
        if (place && schedule_.rootOf(*place).storage == root) return false;
    }
    return std::ranges::all_of(storage.members, [&](ValueId member) { return lastUse(member) <= position_; });
  }

  KernelRequest requestFor(NodeId id) {
    const Node& node = graph_.node(id);
    KernelRequest request{fused_, id, node, fused_.fused(id), {}, {}, threads_};
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId input = node.inputs[i];
      request.inputLayouts.push_back(input ? home(input).home : Layout::plain);
      request.canOverwrite.push_back(canOverwrite(node, i));
    }
    return request;
  }

  /// A damaged file may list more than the op has.
  static void requireKnown(const Node& node, std::string_view what, size_t i, const std::vector<Layout>& layouts) {
    if (i >= layouts.size())
      throw Error(ErrorKind::input, text(describe(node), ": ", what, " ", i, " is more than the op has"));
  }

  void addNode(NodeId id) {
    const Node& node = graph_.node(id);
    KernelChoice choice = source_.choose(requestFor(id));
    std::vector<Place> inputs;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const bool isUsed = node.inputs[i] && (choice.inputUsed.empty() || choice.inputUsed.at(i));
      if (isUsed) requireKnown(node, "input", i, choice.inputLayouts);
      inputs.push_back(isUsed ? ensure(node.inputs[i], choice.inputLayouts[i]) : Place());
    }
    if (!choice.kernel) return addView(node, choice, inputs[0]);
    const std::vector<Place> outputs = placeResults(node, choice, inputs);
    if (choice.inputsArePieces && joinPieces(node, inputs, outputs[0])) return;
    const Place scratch = choice.scratchBytes > 0 ? newPlace(choice.scratchBytes) : Place();
    addStep(std::move(choice.kernel), std::move(inputs), outputs, scratch, infoFor(id, choice));
  }

  void addView(const Node& node, const KernelChoice& choice, Place source) {
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (node.outputs[i])
        settle(node.outputs[i], {source.storage, source.offset + choice.viewOffsets[i]}, choice.outputLayouts[i]);
  }

  std::vector<Place> placeResults(const Node& node, const KernelChoice& choice, const std::vector<Place>& inputs) {
    std::vector<Place> outputs;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      outputs.emplace_back();
      if (!node.outputs[i]) continue;
      requireKnown(node, "output", i, choice.outputLayouts);
      const bool isOver = i == 0 && choice.overwrites >= 0;
      outputs[i] = isOver ? inputs[static_cast<size_t>(choice.overwrites)] : newPlace(bytesOfValue(node.outputs[i]));
      settle(node.outputs[i], outputs[i], choice.outputLayouts[i]);
    }
    return outputs;
  }

  /// Makes inputs that have memory of their own pieces of `whole`; true when all became pieces, so that nothing is left
  /// to copy.
  bool joinPieces(const Node& node, const std::vector<Place>& inputs, Place whole) {
    bool isAll = true;
    int64_t offset = 0;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const int64_t bytes = bytesOfValue(node.inputs[i]);
      Storage& piece = schedule_.storages[static_cast<size_t>(inputs[i].storage)];
      const bool isOwn = piece.kind == Storage::Kind::arena && piece.parent < 0 && inputs[i].offset == 0 &&
                         piece.bytes == bytes && inputs[i].storage != whole.storage && offset % 16 == 0;
      if (isOwn) {
        piece.parent = whole.storage;
        piece.parentOffset = offset;
        std::vector<ValueId>& members = schedule_.storages[static_cast<size_t>(whole.storage)].members;
        members.insert(members.end(), piece.members.begin(), piece.members.end());
      }
      isAll = isAll && isOwn;
      offset += bytes;
    }
    return isAll;
  }

  StepInfo infoFor(NodeId id, const KernelChoice& choice) {
    const Node& node = graph_.node(id);
    StepInfo info;
    info.name = nodeName(fused_, node);
    info.op = node.op;
    info.fused = fused_.fused(id).names;
    for (size_t i = 0; i < node.outputs.size() && info.layout.empty(); ++i) {
      if (!node.outputs[i]) continue;
      info.layout = nameOf(choice.outputLayouts[i], fused_.shape(node.outputs[i]).rank());
      info.dtype = fused_.dtype(node.outputs[i]);
    }
    return info;
  }

  /// Results go straight into the caller's buffers where they have a storage of their own, else a last step copies
  /// them.
  void placeOutputs() {
    const std::vector<ValueId>& outputs = graph_.outputs();
    for (size_t i = 0; i < outputs.size(); ++i) {
      schedule_.outputs.push_back({fused_.dtype(outputs[i]), fused_.shape(outputs[i])});
      const int64_t bytes = bytesOfValue(outputs[i]);
      const Place place = ensure(outputs[i], i < orderedOutputs_ ? Layout::plain : home(outputs[i]).home);
      const Place root = schedule_.rootOf(place);
      Storage& storage = schedule_.storages[static_cast<size_t>(root.storage)];
      if (storage.kind == Storage::Kind::arena && root.offset == 0 && storage.bytes == bytes) {
        storage.kind = Storage::Kind::output;
        storage.index = i;
        continue;
      }
      Storage target;
      target.kind = Storage::Kind::output;
      target.index = i;
      target.bytes = bytes;
      const Place to{addStorage(std::move(target)), 0};
      addStep(source_.makeReorder(fused_.dtype(outputs[i]), fused_.shape(outputs[i]), Layout::plain, Layout::plain,
                                  threads_),
              {place}, {to}, {}, reorderInfo(outputs[i], Layout::plain));
    }
  }

  const FusedGraph& fused_;
  const Graph& graph_;
  KernelSource& source_;
  int threads_;
  size_t orderedOutputs_;  ///< the first ones, that the caller wants in C order
  int position_ = 0;
  Schedule schedule_;
  std::vector<Home> homes_;
  std::vector<int> lastUse_;
};

}  // namespace

Place Schedule::rootOf(Place place) const {
  while (place.storage >= 0 && storages[static_cast<size_t>(place.storage)].parent >= 0) {
    const Storage& storage = storages[static_cast<size_t>(place.storage)];
    place = {storage.parent, place.offset + storage.parentOffset};
  }
  return place;
}

Schedule makeSchedule(const FusedGraph& graph, KernelSource& source, const CompileOptions& options) {
  return Scheduler(graph, source, options).run();
}

}  // namespace compress
