// A pass turns one model into another: it edits its own cheap copy and is honest about what it changed.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/eval/dataset.h"
#include "lib/ir/model.h"
#include "lib/pass/option.h"
#include "lib/runtime/backend.h"

namespace compress {

/// A node that a pass left alone, and why: nothing is skipped silently.
struct Skipped {
  std::string node;
  std::string op;
  std::string reason;
};

struct Warning {
  std::string code;  ///< stable: W-CALIB-RANDOM, W-SLOWER, W-FLOAT-ISLAND ...
  std::string text;
  std::string node;
};

/// All that a pass may use and say. No globals.
struct PassContext {
  Backend& backend;
  int threads = 1;
  uint64_t seed = 0;
  const Dataset* calibration = nullptr;                                      ///< null where there is none
  std::function<void(std::string_view)> progress = [](std::string_view) {};  ///< one line, replaced by the next
  std::vector<Skipped> skipped;
  std::vector<Warning> warnings;
};

class Pass {
 public:
  virtual ~Pass() = default;
  virtual void options(OptionVisitor&) {}
  /// Returns the count of changes; 0 means that the model is as it was.
  virtual int64_t run(Model& model, PassContext& context) = 0;
};

struct PassSpec {
  std::string_view name;     ///< "fold-batch-norm": the flag and recipe key
  std::string_view summary;  ///< one line for help and docs
  bool lossless = true;      ///< outputs equal but for rounding: verified as such
  bool idempotent = true;    ///< running twice equals running once
  std::unique_ptr<Pass> (*make)();
};

/// The catalog (passes/catalog.cpp), in the order in which `optimize` runs the lossless ones.
std::span<const PassSpec> allPasses();

}  // namespace compress
