// Samples as small pictures, as the model sees them: for reports, where a wrong colour order or scale is seen at a
// glance.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "lib/eval/dataset.h"

namespace compress {

/// `input`, one sample of a model's input after `done`, back in bytes: u8 [H, W, 3], RGB. Nothing where it is no
/// picture: [1,] 1 or 3 channels first or last, at least 2 x 2. Values that `done` does not bring back to 0..255 are
/// stretched.
std::optional<Tensor> pictureOf(const Tensor& input, const Preprocess& done);

/// `picture` (u8 [H, W, 3]) as a PNG file.
std::string encodePng(const Tensor& picture);

/// Up to `count` samples, evenly spread: [{"name": ..., "png": base64}]; empty where they are no pictures.
nlohmann::ordered_json thumbnails(const Dataset& dataset, int64_t count);

}  // namespace compress
