#include "lib/onnx/scopes.h"

#include <deque>
#include <unordered_set>

#include "lib/onnx/graphs.h"

namespace compress {
namespace {

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::input, message);
}

/// Number of the node that defines a name; kAtStart for inputs and initializers.
constexpr int kAtStart = -1;

class NameChecker {
 public:
  /// Checks `root` and every body below it.
  void check(Scope root);

 private:
  using Definitions = std::unordered_map<std::string_view, int>;

  void define(const Scope& scope, Definitions& names, std::string_view name, int position);
  void defineAll(const Scope& scope);
  void checkUses(const Scope& scope);
  bool isDefined(const Scope& scope, std::string_view name) const;
  void addBodies(const Scope& scope);
  static std::string placeIn(const Scope& scope, int position);

  std::deque<Scope> scopes_;  // an outer one before the bodies in it; addresses stay
  std::unordered_map<const Scope*, Definitions> names_;
};

/// "graph" or "then_branch of node 'if1' (If): node 'a' (Add)".
std::string NameChecker::placeIn(const Scope& scope, int position) {
  const std::string node =
      position == kAtStart ? std::string("its inputs and initializers") : placeOf(scope.nodes->Get(position));
  return scope.place.empty() ? node : text(scope.place, ", ", node);
}

void NameChecker::define(const Scope& scope, Definitions& names, std::string_view name, int position) {
  const auto [it, added] = names.emplace(name, position);
  if (!added) {
    if (it->second == kAtStart && position == kAtStart)
      refuse(text(placeIn(scope, position), ": value ", inQuotes(name), " is listed twice"));
    refuse(text("value ", inQuotes(name), " is defined twice: by ", placeIn(scope, it->second), " and by ",
                placeIn(scope, position)));
  }
  for (const Scope *inner = &scope, *outer = scope.outer; outer != nullptr; inner = outer, outer = outer->outer) {
    const auto hidden = names_.at(outer).find(name);
    if (hidden != names_.at(outer).end() && hidden->second < inner->position)
      refuse(text("value ", inQuotes(name), " of ", placeIn(scope, position),
                  " hides the value of that name outside, from ", placeIn(*outer, hidden->second)));
  }
}

void NameChecker::defineAll(const Scope& scope) {
  Definitions& names = names_[&scope];
  for (const std::string_view name : scope.inputs) define(scope, names, name, kAtStart);
  std::unordered_set<std::string_view> initialized;
  for (const std::string_view name : scope.initializers) {
    if (name.empty()) refuse(text(scope.place.empty() ? "the graph" : scope.place, ": an initializer has no name"));
    if (!initialized.insert(name).second) refuse(text("initializer ", inQuotes(name), " is defined twice"));
    if (!names.contains(name)) define(scope, names, name, kAtStart);
  }
  for (int i = 0; i < scope.nodes->size(); ++i)
    for (const std::string& output : scope.nodes->Get(i).output())
      if (!output.empty()) define(scope, names, output, i);
}

bool NameChecker::isDefined(const Scope& scope, std::string_view name) const {
  for (const Scope* at = &scope; at != nullptr; at = at->outer)
    if (names_.at(at).contains(name)) return true;
  return false;
}

void NameChecker::checkUses(const Scope& scope) {
  for (int i = 0; i < scope.nodes->size(); ++i) {
    const auto& inputs = scope.nodes->Get(i).input();
    for (int k = 0; k < inputs.size(); ++k)
      if (!inputs[k].empty() && !isDefined(scope, inputs[k]))
        refuse(text(placeIn(scope, i), ": input ", k, " ", inQuotes(inputs[k]),
                    " is computed by no node and is neither an input nor an initializer"));
  }
  for (const std::string_view output : scope.outputs)
    if (!isDefined(scope, output))
      refuse(text(scope.place.empty() ? "" : scope.place + ": ", "output ", inQuotes(output),
                  " is computed by no node and is neither an input nor an initializer"));
}

Scope scopeOf(const onnx::GraphProto& graph) {
  Scope scope;
  for (const auto& input : graph.input()) scope.inputs.push_back(input.name());
  for (const auto& initializer : graph.initializer()) scope.initializers.push_back(initializer.name());
  for (const auto& sparse : graph.sparse_initializer()) scope.initializers.push_back(sparse.values().name());
  for (const auto& output : graph.output()) scope.outputs.push_back(output.name());
  scope.nodes = &graph.node();
  return scope;
}

void NameChecker::addBodies(const Scope& scope) {
  for (int i = 0; i < scope.nodes->size(); ++i) {
    const onnx::NodeProto& node = scope.nodes->Get(i);
    forEachBody(node, [&](const onnx::GraphProto& body) {
      Scope inner = scopeOf(body);
      inner.place = text("subgraph ", inQuotes(body.name()), " of ", placeIn(scope, i));
      inner.outer = &scope;
      inner.position = i;
      scopes_.push_back(std::move(inner));
    });
  }
}

void NameChecker::check(Scope root) {
  scopes_.push_back(std::move(root));
  for (size_t i = 0; i < scopes_.size(); ++i) {
    defineAll(scopes_[i]);
    addBodies(scopes_[i]);
  }
  for (const Scope& scope : scopes_) checkUses(scope);
}

}  // namespace

void checkMainGraph(const onnx::GraphProto& graph) {
  NameChecker().check(scopeOf(graph));
}

void checkFunctionNames(const onnx::FunctionProto& function) {
  Scope scope;
  scope.place = text("function ", inQuotes(function.name()));
  scope.inputs.assign(function.input().begin(), function.input().end());
  scope.outputs.assign(function.output().begin(), function.output().end());
  scope.nodes = &function.node();
  NameChecker().check(std::move(scope));
}

}  // namespace compress
