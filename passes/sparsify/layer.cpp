#include "passes/sparsify/layer.h"

#include <algorithm>

namespace compress {

SparseLayer::SparseLayer(const Graph& graph, const FitLayer& fit)
    : fit_(fit),
      view_(graph.node(fit.node), graph.constant(fit.weight)->shape(), fit.groups),
      grid_{view_.outputs(), view_.inputs() / view_.window(), view_.window()} {
  const auto values = graph.constant(fit.weight)->as<float>();
  const std::vector<float> bias = fit.bias ? toFloats(*graph.constant(fit.bias)) : std::vector<float>();
  for (int64_t group = 0; group < fit.groups; ++group) {
    Matrix& w = weights.emplace_back(Matrix::Zero(view_.inputs() + 1, view_.outputs()));
    ZeroMask& mask = masks.emplace_back(static_cast<size_t>(view_.inputs() * view_.outputs()), char{0});
    for (int64_t o = 0; o < view_.outputs(); ++o) {
      for (int64_t i = 0; i < view_.inputs(); ++i) {
        const float value = values[view_.index(group, i, o)];
        w(i, o) = static_cast<double>(value);
        mask[static_cast<size_t>(o * view_.inputs() + i)] = value == 0 ? 1 : 0;
      }
      if (!bias.empty()) w(view_.inputs(), o) = static_cast<double>(bias[static_cast<size_t>(group * view_.outputs() + o)]);
    }
  }
}

int64_t SparseLayer::zeroCount() const {
  int64_t zeros = 0;
  for (const ZeroMask& mask : masks) zeros += std::ranges::count_if(mask, [](char zero) { return zero != 0; });
  return zeros;
}

void SparseLayer::write(Graph& graph) const {
  Buffer buffer(DType::f32, graph.constant(fit_.weight)->shape());
  const auto values = buffer.as<float>();
  std::vector<float> bias(static_cast<size_t>(fit_.groups * view_.outputs()));
  for (int64_t group = 0; group < fit_.groups; ++group) {
    const Matrix& w = weights[static_cast<size_t>(group)];
    const ZeroMask& mask = masks[static_cast<size_t>(group)];
    for (int64_t o = 0; o < view_.outputs(); ++o) {
      for (int64_t i = 0; i < view_.inputs(); ++i)
        values[view_.index(group, i, o)] =
            mask[static_cast<size_t>(o * view_.inputs() + i)] != 0 ? 0.0F : static_cast<float>(w(i, o));
      bias[static_cast<size_t>(group * view_.outputs() + o)] = static_cast<float>(w(view_.inputs(), o));
    }
  }
  graph.setConstant(fit_.weight, std::move(buffer).freeze());
  const bool isBiased = fit_.bias || std::ranges::any_of(bias, [](float b) { return b != 0; });
  if (hasBias() && isBiased) setBias(graph, fit_, bias);
}

}  // namespace compress
