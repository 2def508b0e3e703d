#include "lib/runtime/cpu/primitive_kernel.h"

namespace compress {

class PrimitiveChain::ChainKernel : public Kernel {
 public:
  ChainKernel(std::vector<Link> links, std::string name, int64_t macs)
      : links_(std::move(links)), name_(std::move(name)), macs_(macs) {}

  std::string name() const override { return name_; }
  int64_t macs() const override { return macs_; }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte* scratch) override {
    for (Link& link : links_)
      for (size_t i = 0; i < link.places.size(); ++i) {
        const auto [kind, index] = link.places[i];
        const auto at = static_cast<size_t>(index);
        link.primitive.point(i, kind == ArgumentPlace::Kind::input    ? inputs[at]
                                : kind == ArgumentPlace::Kind::output ? outputs[at]
                                                                      : scratch + index);
      }
  }
  void run() override {
    for (Link& link : links_) link.primitive.run();
  }

 private:
  std::vector<Link> links_;
  std::string name_;
  int64_t macs_;
};

void PrimitiveChain::add(const dnnl::primitive& primitive, const std::vector<Argument>& arguments) {
  std::vector<std::pair<int, dnnl::memory::desc>> descs;
  std::vector<ArgumentPlace> places;
  for (const Argument& argument : arguments) {
    descs.emplace_back(argument.role, argument.desc);
    places.push_back(argument.place);
  }
  links_.push_back({BoundPrimitive(primitive, context_.engine, descs, threads_), std::move(places)});
}

ArgumentPlace PrimitiveChain::reserve(const dnnl::memory::desc& desc) {
  constexpr int64_t kAlignment = 64;
  const int64_t first = scratchBytes_;
  scratchBytes_ += (static_cast<int64_t>(desc.get_size()) + kAlignment - 1) / kAlignment * kAlignment;
  return {ArgumentPlace::Kind::scratch, first};
}

void PrimitiveChain::addReorder(const Argument& from, const Argument& to) {
  const dnnl::reorder::primitive_desc description(context_.engine, from.desc, context_.engine, to.desc);
  add(dnnl::reorder(description), {{DNNL_ARG_FROM, from.desc, from.place}, {DNNL_ARG_TO, to.desc, to.place}});
}

PrimitiveChain::Argument PrimitiveChain::wanted(int role, int64_t index, const dnnl::memory::desc& plain,
                                                const dnnl::memory::desc& wanted) {
  const Argument whole{role, plain, ArgumentPlace::input(index)};
  if (plain == wanted) return whole;
  const Argument packed{role, wanted, reserve(wanted)};
  addReorder(whole, packed);
  return packed;
}

PrimitiveChain::Argument PrimitiveChain::given(int role, int64_t index, const dnnl::memory::desc& plain,
                                               const dnnl::memory::desc& given) {
  const Argument whole{role, plain, ArgumentPlace::output(index)};
  if (plain == given) return whole;
  pending_.push_back({{role, given, reserve(given)}, whole});
  return pending_.back().from;
}

void PrimitiveChain::finish() {
  for (const Pending& each : pending_) addReorder(each.from, each.to);
  pending_.clear();
}

std::unique_ptr<Kernel> PrimitiveChain::make(std::string name, int64_t macs) {
  return std::make_unique<ChainKernel>(std::move(links_), std::move(name), macs);
}

KernelChoice chainChoice(const KernelRequest& request, PrimitiveChain& chain, std::string name, Layout layout,
                         int64_t macs) {
  chain.finish();
  KernelChoice choice;
  choice.inputLayouts.assign(request.node.inputs.size(), layout);
  choice.outputLayouts.assign(request.node.outputs.size(), layout);
  choice.scratchBytes = chain.scratchBytes();
  choice.kernel = chain.make(std::move(name), macs);
  return choice;
}

}  // namespace compress
