// check: is the file a sound model? Nothing is executed. Reading it is the check: limits, structure, names, tensors,
// where external data lie; --deep reads the external data too, and infers all shapes.
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ops/infer_types.h"
#include "lib/ops/upgrade.h"
#include "tools/graph_walk.h"
#include "tools/input_model.h"
#include "tools/verbs.h"

namespace compress {
namespace {

/// Every tensor of the graph, those in attributes too.
void forEachTensor(const Graph& graph, const std::function<void(const std::string& name, const Tensor&)>& visit) {
  for (const ValueId id : graph.values())
    if (const Tensor* constant = graph.constant(id)) visit(graph.value(id).name, *constant);
  for (const NodeId id : graph.nodes())
    for (const Attribute& attribute : graph.node(id).attributes) {
      if (const auto* tensor = std::get_if<Tensor>(&attribute.data)) visit(attribute.name, *tensor);
      if (const auto* several = std::get_if<std::vector<Tensor>>(&attribute.data))
        for (const Tensor& tensor : *several) visit(attribute.name, tensor);
    }
}

class Check : public Verb {
 public:
  void options(OptionVisitor& visitor) override {
    visitor.visit(deep_, {.name = "deep", .help = "read external data too, and infer the shapes of all values"});
  }

  int run(VerbContext& context) override {
    context.document["check"] = {{"path", context.operands[0]}};
    const InputModel input = readInputModel(context, context.operands[0]);
    int64_t nodes = 0, tensors = 0;
    forEachGraph(input.model.graph, [&](const Graph& graph) {
      nodes += static_cast<int64_t>(graph.nodeCount());
      forEachTensor(graph, [&](const std::string& name, const Tensor& tensor) {
        ++tensors;
        if (deep_)
          within([&] { return text(input.shown, ": tensor '", displayName(name), "'"); }, [&] { touch(tensor); });
        context.budget.check();
      });
    });
    if (deep_) inferShapes(context, input);
    context.document["check"].update({{"nodes", nodes}, {"tensors", tensors}, {"deep", deep_}});
    context.console.result(text(displayName(input.shown), ": sound: ", nodes, " nodes, ", tensors, " tensors",
                                deep_ ? ", external data read" : ""));
    return 0;
  }

 private:
  static void touch(const Tensor& tensor) {
    if (tensor.dtype() != DType::string) withBytes(tensor, [&] { static_cast<void>(tensor.raw()); });
  }

  /// A contradiction of shapes is the model's; what this program does not know is only said.
  static void inferShapes(VerbContext& context, const InputModel& input) {
    try {
      inferTypes(upgraded(input.model).graph);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unsupported) throw error.at(input.shown);
      warnAs(context, text("W-SHAPES: shapes were not checked: ", error.message()));
    }
  }

  bool deep_ = false;
};

}  // namespace

VerbSpec checkVerb() {
  return {.name = "check",
          .summary = "validate a model: limits, structure, names, tensors; nothing is executed",
          .example = "--deep model.onnx",
          .operands = "MODEL",
          .groups = kReading | kReporting | kForce,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<Check>(); }};
}

}  // namespace compress
