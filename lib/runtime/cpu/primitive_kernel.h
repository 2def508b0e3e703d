// A kernel of one oneDNN primitive, with reorders before and after it where its own layouts differ from the plan's.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/runtime/cpu/cpu.h"

namespace compress {

/// Where the memory of an argument lies: an input or an output of the node, or a part of the scratch memory.
struct ArgumentPlace {
  enum class Kind { input, output, scratch } kind;
  int64_t index;  ///< of the input or output; of the first byte in the scratch memory

  static ArgumentPlace input(int64_t i) { return {Kind::input, i}; }
  static ArgumentPlace output(int64_t i = 0) { return {Kind::output, i}; }
};

/// Collects primitives in the order in which they run.
class PrimitiveChain {
 public:
  struct Argument {
    int role;  ///< DNNL_ARG_...
    dnnl::memory::desc desc;
    ArgumentPlace place;
  };

  PrimitiveChain(CpuContext& context, int threads) : context_(context), threads_(threads) {}

  void add(const dnnl::primitive& primitive, const std::vector<Argument>& arguments);
  /// Scratch memory for `desc`.
  ArgumentPlace reserve(const dnnl::memory::desc& desc);
  /// Input `index`, that lies as `plain`, as a primitive wants it: reordered in every run where that differs.
  Argument wanted(int role, int64_t index, const dnnl::memory::desc& plain, const dnnl::memory::desc& wanted);
  /// What a primitive leaves as `given` for output `index`, that lies as `plain`: call finish() after add().
  Argument given(int role, int64_t index, const dnnl::memory::desc& plain, const dnnl::memory::desc& given);
  void finish();

  std::unique_ptr<Kernel> make(std::string name, int64_t macs);
  int64_t scratchBytes() const { return scratchBytes_; }

 private:
  struct Pending {
    Argument from, to;
  };
  struct Link {
    BoundPrimitive primitive;
    std::vector<ArgumentPlace> places;
  };
  class ChainKernel;
  void addReorder(const Argument& from, const Argument& to);

  CpuContext& context_;
  int threads_;
  int64_t scratchBytes_ = 0;
  std::vector<Link> links_;
  std::vector<Pending> pending_;
};

/// A choice in which every input and output has `layout`.
KernelChoice chainChoice(const KernelRequest& request, PrimitiveChain& chain, std::string name, Layout layout,
                         int64_t macs = 0);

}  // namespace compress
