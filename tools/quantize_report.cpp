#include "tools/quantize_report.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "lib/base/text.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

Json toJson(const LayerReport& layer) {
  Json record = {{"name", layer.node},
                 {"op", layer.op},
                 {"output", layer.output},
                 {"dtype", "int8"},
                 {"sqnr_db_cumulative", layer.sqnrDb},
                 {"clipped_share", layer.clippedShare},
                 {"range", layer.rangeMethod}};
  if (layer.scale > 0) record.update({{"scale", layer.scale}, {"zero_point", layer.zeroPoint}});
  return record;
}

Json toJson(const ClippedTensor& tensor) {
  return {{"name", tensor.name},           {"method", tensor.method}, {"range", {tensor.range.min, tensor.range.max}},
          {"clipped_share", tensor.share}, {"from", tensor.from},     {"to", tensor.to},
          {"counts", tensor.counts}};
}

std::string shown(const Encoding& encoding) {
  const auto [low, high] = std::ranges::minmax(encoding.scales);
  const std::string scales =
      encoding.axis ? text(encoding.scales.size(), " scales ", low, " to ", high, " on axis ", *encoding.axis)
                    : text("scale ", low);
  return text(nameOf(encoding.dtype), ", ", scales, ", zero point ", encoding.zeroPoints.front());
}

void explainValue(VerbContext& context, const QuantizeReport& report, std::string_view role, const std::string& name) {
  const auto found = report.encodings.find(name);
  context.console.result(
      text("  ", role, ' ', displayName(name), ": ", found == report.encodings.end() ? "float" : shown(found->second)));
}

}  // namespace

void reportLayers(VerbContext& context, const QuantizeReport& report, const std::vector<Skipped>& skipped) {
  for (const ClippedTensor& tensor : report.clipped)
    context.document["calibration"]["histograms"].push_back(toJson(tensor));
  std::map<std::string, std::vector<std::string>> byReason;
  for (const LayerReport& layer : report.layers) context.document["layers"].push_back(toJson(layer));
  for (const Skipped& skip : skipped) {
    context.document["layers"].push_back(
        {{"name", skip.node}, {"op", skip.op}, {"dtype", "float32"}, {"reason_kept_float", skip.reason}});
    byReason[skip.reason].push_back(displayName(skip.node.empty() ? skip.op : skip.node));
    context.console.detail(text("float: ", displayName(skip.node), " (", displayName(skip.op), "): ", skip.reason));
  }
  context.console.result(text(report.quantizedNodes, " nodes quantized, ", report.floatNodes, " stay float"));
  constexpr size_t kNamesShown = 4;
  for (auto& [reason, names] : byReason) {
    const size_t count = names.size();
    names.resize(std::min(count, kNamesShown));
    context.console.result(text("  ", count, " float: ", displayText(reason), ": ", join(names, ", "),
                                count > kNamesShown ? ", ..." : ""));
  }
}

void explainNode(VerbContext& context, const QuantizeReport& report, const std::vector<Skipped>& skipped,
                 const Model& input, const std::string& node) {
  const Graph& graph = input.graph;
  const Node& explained = graph.node(graph.findNode(node));
  context.console.result(text(displayName(node), " (", displayName(explained.op), ")"));
  for (const Skipped& skip : skipped)
    if (skip.node == node) context.console.result(text("  stays float: ", displayText(skip.reason)));
  for (const LayerReport& layer : report.layers)
    if (layer.node == node)
      context.console.result(text("  range by ", layer.rangeMethod, ", ", fixed(100 * layer.clippedShare, 3),
                                  " % of the values outside, SQNR ", fixed(layer.sqnrDb, 1), " dB"));
  for (ValueId id : explained.inputs)
    if (id) explainValue(context, report, "input", graph.value(id).name);
  for (ValueId id : explained.outputs)
    if (id) explainValue(context, report, "output", graph.value(id).name);
}

}  // namespace compress
