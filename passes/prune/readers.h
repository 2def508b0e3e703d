// Layers that read channels which may go, and the rows that they multiply: what scores from samples are made of.
#pragma once
#define EIGEN_DONT_PARALLELIZE  // threads are busy with samples
#include <Eigen/Dense>
#include <functional>
#include <vector>

#include "passes/prune/layers.h"
#include "passes/prune/score.h"

namespace compress {

struct ReadingLayer {
  FitLayer layer;
  WeightView view;
  Shape weight, output;  ///< output: of one sample

  /// The weight's axis that counts what is read.
  Axis axis() const { return {layer.weight, view.inputAxis()}; }
  /// inputs x outputs.
  Eigen::MatrixXd weights(const Graph& graph) const;
  /// Rows of weights() that belong to slices of axis().
  std::vector<Eigen::Index> rowsOf(const std::vector<int64_t>& slices) const;
};

/// Layers without groups that read an axis of some family, in topological order.
std::vector<ReadingLayer> findReadingLayers(const ScoreContext& context);

using RowBlock = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

/// Feeds the calibration samples, in order, and shows for each layer rows of what it reads, evenly spread over the
/// places of the samples: `wanted(layer)` in all, or a little more.
void forRows(const ScoreContext& context, std::span<const ReadingLayer> layers,
             const std::function<int64_t(const ReadingLayer&)>& wanted,
             const std::function<void(size_t layer, const RowBlock& rows)>& visit);

/// A family without any score gets the share of the weights that goes with each class.
void priceTheUnread(const ScoreContext& context, Scores& scores);

}  // namespace compress
