// Elementwise steps on bytes: tables, arithmetic, borders, quantization, concatenation.
#include "lib/runtime/cpu/int8/makers.h"

#include <algorithm>

#include "lib/runtime/cpu/int8/binary.h"
#include "lib/runtime/cpu/int8/byte_kernel.h"
#include "lib/runtime/cpu/int8/quantize.h"
#include "lib/runtime/cpu/int8/table.h"
#include "lib/runtime/plan/int8/patterns.h"

namespace compress::int8 {
namespace {

/// A channels-last tensor of rank 3 or 4 as images.
ImageShape imageShape(const Shape& shape) {
  if (shape.rank() == 3) return {shape[0], shape[1], 1, shape[2]};
  return {shape[0], shape[1], shape[2], shape[3]};
}

Border borderOf(const Node& node) {
  const std::vector<int64_t> pads = node.attributes.integers("pads");
  if (pads.size() == 2) return {0, pads[0], 0, pads[1]};
  if (pads.size() == 4) return {pads[0], pads[1], pads[2], pads[3]};
  return {};
}

/// The content of the result: its shape without the border.
Grid contentGrid(const KernelRequest& request) {
  const Border border = borderOf(request.node);
  if (border.empty()) {
    Grid grid;
    grid.rowBytes = request.outputShape().elementCount();
    return grid;
  }
  ImageShape shape = imageShape(request.outputShape());
  shape.height -= border.top + border.bottom;
  shape.width -= border.left + border.right;
  return gridOf(shape, border, static_cast<uint8_t>(request.node.attributes.integer("fill", 0)));
}

KernelChoice choiceOf(const KernelRequest& request, Layout layout, std::string name, ByteKernel::Body body) {
  KernelChoice choice;
  choice.inputLayouts.assign(request.node.inputs.size(), layout);
  choice.outputLayouts = {layout};
  choice.kernel = std::make_unique<ByteKernel>(std::move(name), std::move(body));
  return choice;
}

/// Elementwise: the layout that the inputs have, channels-last where they differ or a border is written.
Layout commonLayout(const KernelRequest& request) {
  if (!borderOf(request.node).empty()) return Layout::channelsLast;
  for (const Layout layout : request.inputLayouts)
    if (layout == Layout::channelsLast) return layout;
  return Layout::plain;
}

ByteTable tableFrom(std::span<const std::byte> bytes) {
  ByteTable table;
  for (size_t i = 0; i < table.size(); ++i) table[i] = static_cast<uint8_t>(bytes[i]);
  return table;
}

bool isRead(const KernelRequest& request, std::initializer_list<std::string_view> ops) {
  const Graph& graph = request.graph.graph;
  return std::ranges::any_of(graph.uses(request.node.outputs[0]), [&](const Use& use) {
    return std::ranges::find(ops, graph.node(use.node).op) != ops.end();
  });
}

}  // namespace

KernelChoice makeByteTable(const KernelRequest& request, CpuContext&) {
  const ByteTable table = tableFrom(request.node.attributes.tensor("table")->raw());
  const Grid grid = contentGrid(request);
  KernelChoice choice = choiceOf(request, commonLayout(request), "table",
                                 [table, grid](const Pointers& at) { applyTable(table, at.x(), at.y(), grid); });
  if (!grid.bordered() && request.canOverwrite[0]) choice.overwrites = 0;
  return choice;
}

KernelChoice makeByteBorder(const KernelRequest& request, CpuContext&) {
  const Grid grid = contentGrid(request);
  return choiceOf(request, Layout::channelsLast, "border",
                  [grid](const Pointers& at) { copyRows(at.x(), at.y(), grid); });
}

KernelChoice makeQuantizedBinary(const KernelRequest& request, CpuContext&) {
  const Attributes& attributes = request.node.attributes;
  Binary binary;
  const std::string op = attributes.string("op", "Add");
  binary.op = op == "Add" ? BinaryOp::add : op == "Sub" ? BinaryOp::sub : BinaryOp::mul;
  binary.a = quantizationOf(attributes, "a");
  binary.b = quantizationOf(attributes, "b");
  binary.y = quantizationOf(attributes, "y");
  binary.low = attributes.real("low", binary.low);
  binary.high = attributes.real("high", binary.high);
  const Grid grid = contentGrid(request);
  KernelChoice choice = choiceOf(request, commonLayout(request), op + " u8",
                                 [binary, grid](const Pointers& at) { binary.run(at.x(0), at.x(1), at.y(), grid); });
  for (int i = 0; i < 2 && !grid.bordered(); ++i)
    if (choice.overwrites < 0 && request.canOverwrite[static_cast<size_t>(i)]) choice.overwrites = i;
  return choice;
}

KernelChoice makeQuantizedConcat(const KernelRequest& request, CpuContext&) {
  struct Piece {
    ByteTable table;
    bool identity;
    int64_t bytes;
  };
  const Layout layout = commonLayout(request);
  const auto axis = static_cast<size_t>(request.node.attributes.integer("axis", 0));
  const Shape shape = request.outputShape();
  const bool isInnermost = layout == Layout::channelsLast && axis == 1;
  const int64_t outer = layout == Layout::plain || axis == 0 ? shape.count(0, axis)
                        : isInnermost                        ? shape.elementCount() / shape[1]
                                                             : shape[0] * shape.count(2, axis);
  const auto tables = request.node.attributes.tensor("tables")->raw();
  std::vector<Piece> pieces;
  for (size_t i = 0; i < request.node.inputs.size(); ++i) {
    const ByteTable table = tableFrom(tables.subspan(i * 256, 256));
    pieces.push_back({table, isIdentity(table), request.shape(i).elementCount() / std::max<int64_t>(outer, 1)});
  }
  int64_t pitch = 0;
  for (const Piece& piece : pieces) pitch += piece.bytes;
  return choiceOf(request, layout, "concat u8", [pieces, outer, pitch](const Pointers& at) {
    const double nsPerByte =
        0.1 + static_cast<double>(pieces.size()) / static_cast<double>(std::max<int64_t>(pitch, 1));
    splitRange(outer, 1, threadsFor(nsPerByte * static_cast<double>(outer * pitch)), [&](int64_t begin, int64_t end) {
      uint8_t* to = at.y() + begin * pitch;
      for (size_t i = 0; i < pieces.size(); ++i) {
        const Piece& piece = pieces[i];
        const uint8_t* from = at.x(i) + begin * piece.bytes;
        if (piece.identity)
          copyRows(from, piece.bytes, to, pitch, end - begin, piece.bytes);
        else
          applyTable(piece.table, from, piece.bytes, to, pitch, end - begin, piece.bytes);
        to += piece.bytes;
      }
    });
  });
}

KernelChoice makeQuantizeChannels(const KernelRequest& request, CpuContext&) {
  const Node& node = request.node;
  const Quantization y = quantizationOf(node.attributes, "y");
  const Border border = borderOf(node);
  ImageShape shape = imageShape(request.outputShape());
  shape.height -= border.top + border.bottom;
  shape.width -= border.left + border.right;
  ChannelSource source = plainSource(shape);
  if (node.attributes.has("offsets")) {
    const std::vector<int64_t> strides = node.attributes.integers("strides");
    source = {strides[0], strides[1], strides[2], node.attributes.integers("offsets")};
  }
  const ChannelsLastQuantizer quantizer(y, shape, source, border);
  KernelChoice choice = choiceOf(request, Layout::channelsLast, "quantize",
                                 [quantizer](const Pointers& at) { quantizer.run(at.floats(), at.y()); });
  choice.inputLayouts[0] = Layout::plain;
  return choice;
}

KernelChoice makeQuantizeLinear(const KernelRequest& request, CpuContext& context) {
  const std::optional<Quantization> y = quantizerOf(request.graph, request.id);
  if (!y) return notForMe();
  const Shape shape = request.outputShape();
  const Layout layout = request.inputLayouts[0];
  KernelChoice choice;
  const bool wantsLast = shape.rank() == 4 && layout == Layout::plain && !layoutsCoincide(shape) &&
                         isRead(request, {"QuantizedConv", "ByteBorder", "QuantizedAveragePool", "MaxPool",
                                          "QuantizedBinary", "QuantizedConcat"});
  if (wantsLast) {
    Node node = request.node;
    setQuantization(node.attributes, "y", *y);
    choice = makeQuantizeChannels(
        {request.graph, request.id, node, request.fused, request.inputLayouts, request.canOverwrite, request.threads},
        context);
  } else {
    choice = choiceOf(request, layout, "quantize", [q = *y, count = shape.elementCount()](const Pointers& at) {
      quantize(q, at.floats(), at.y(), count);
    });
  }
  choice.inputLayouts.resize(request.node.inputs.size(), Layout::plain);
  choice.inputUsed.assign(request.node.inputs.size(), false);
  choice.inputUsed[0] = true;
  return choice;
}

KernelChoice makeDequantizeLinear(const KernelRequest& request, CpuContext&) {
  const std::optional<Dequantized> x = findDequantized(request.graph, request.node.outputs[0]);
  if (!x) return notForMe();
  const Shape shape = request.outputShape();
  const Layout layout = request.inputLayouts[0];
  const bool wantsFirst =
      shape.rank() == 4 && layout == Layout::channelsLast && request.graph.graph.isOutput(request.node.outputs[0]);
  KernelChoice choice = choiceOf(request, layout, "dequantize", [=, q = x->q](const Pointers& at) {
    if (wantsFirst)
      dequantizeToChannelsFirst(q, imageShape(shape), at.x(), at.floatResult());
    else
      dequantize(q, at.x(), at.floatResult(), shape.elementCount());
  });
  if (wantsFirst) choice.outputLayouts[0] = Layout::plain;
  choice.inputUsed.assign(request.node.inputs.size(), false);
  choice.inputUsed[0] = true;
  return choice;
}

}  // namespace compress::int8
