// Bodies of If, Loop and Scan as plans of their own.
#pragma once
#include <functional>
#include <list>
#include <map>
#include <memory>

#include "lib/ops/evaluate.h"
#include "lib/runtime/backend.h"

namespace compress {

/// Makes a plan for inputs of the given types, which may leave dimensions unknown.
using PlanCompiler = std::function<std::unique_ptr<Executable>(const Graph& graph, std::span<const Type> inputTypes,
                                                               const CompileOptions& options)>;

bool hasBodies(const Node& node);

/// Runs a node that has bodies. Plans of a body are kept by the shapes of its inputs; inputs whose shapes change
/// within one run get a plan that leaves those dimensions open. Constants that a body captures are constants there.
class BodyRunner {
 public:
  /// `graph` is used during the call only.
  BodyRunner(const Graph& graph, const Node& node, PlanCompiler compile, const CompileOptions& options);
  /// The node's outputs. `inputs`: one per node input, those that are constants too.
  std::vector<Tensor> run(std::span<const Tensor> inputs);

 private:
  struct Plan {
    std::vector<Type> types;
    std::unique_ptr<Executable> executable;
    Bindings bindings;
  };
  struct Special {
    Graph graph;                 ///< the body with captured constants
    std::vector<size_t> inputs;  ///< of the body, that stay inputs
    std::list<Plan> plans;       ///< most recently used first
    bool hasRun = false;         ///< during this run of the node
  };

  std::vector<Tensor> runBody(const Graph& body, std::span<const Tensor> inputs);
  Plan& planFor(Special& special, const std::vector<Type>& types);
  void specialize(const Graph& body, const std::vector<const Tensor*>& captured);

  Graph holder_;  ///< of the one node
  NodeId node_;
  PlanCompiler compile_;
  CompileOptions options_;
  std::map<const Graph*, Special> bodies_;
};

}  // namespace compress
