// A model ready to run: plans are compiled on first use of each set of input shapes and kept.
#pragma once
#include <list>
#include <map>

#include "lib/runtime/backend.h"

namespace compress {

struct SessionOptions {
  int threads = 1;
  std::vector<std::string> observed = {};  ///< names of values to return as well
  std::set<std::string> disabledFusions = {};
  bool profile = false;
  size_t planLimit = 8;             ///< plans kept, least recently used dropped first
  bool observedInAnyOrder = false;  ///< observed values need not be in C order: enough for statistics, and cheaper
};

class Session {
 public:
  /// The backend outlives the session. Throws Error(input) for an observed name that the model does not have.
  Session(const Model& model, Backend& backend, SessionOptions options = {});

  /// Names and declared types of what run() takes and returns (observed values last).
  const std::vector<std::string>& inputNames() const { return inputNames_; }
  const std::vector<std::string>& outputNames() const { return outputNames_; }
  const std::vector<Type>& inputTypes() const { return inputTypes_; }

  /// Runs on bindings.inputs; fills bindings.outputs. Throws Error(input) for tensors that do not fit the declared
  /// types.
  void run(Bindings& bindings);
  /// The plan for the shapes of `inputs`, compiled when new.
  Executable& plan(std::span<const Tensor> inputs);

 private:
  struct Plan {
    std::vector<Shape> shapes;
    std::unique_ptr<Executable> executable;
  };
  Model model_;  // in the newest form
  Backend& backend_;
  SessionOptions options_;
  std::vector<std::string> inputNames_;
  std::vector<std::string> outputNames_;
  std::vector<Type> inputTypes_;
  std::vector<ValueId> observed_;
  std::list<Plan> plans_;  // most recently used first
};

}  // namespace compress
