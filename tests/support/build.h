// Models from a few lines of text, for tests. One statement a line; `#` starts a comment:
//
//   opset 13                                  (default kNewestOpset)
//   opset com.example 1
//   ir 8                                      (default 8)
//   input x: float32[N, 3, 8, 8]
//   const w: float32[4, 3, 3, 3]              (standard normal numbers, seeded by the name)
//   const b: float32[4] = 1, 2, 3, 4          (or: fill(0.5), uniform(-1, 1), range(0): counts up, sparse(0.9, 4): zeros in blocks)
//   value y: float32[N, 4, 8, 8]              (a declared type)
//   y = Conv[pads=[1, 1, 1, 1]](x, w, b)      (the node is called "y"; a trailing 'name' calls it otherwise, ''
//   nothing) z, _ = com.example.Op[s="text", f=1.0, t=float32[2]{1, 2}](y, _) graph body (a body, closed by `end`, used
//   as an attribute @body) r = If[then_branch=@body, else_branch=@body](c, y) captures 1 output y
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "lib/ir/model.h"

namespace compress::test {

/// Throws std::runtime_error with the line that cannot be read.
Model buildModel(std::string_view text);

/// The tensor that `float32[2]` with `data` ("1, 2", "fill(0)", "uniform(-1, 1)", "range(0)" or empty: normal) stands
/// for.
Tensor buildTensor(DType dtype, const Shape& shape, std::string_view data, std::string_view seedName = "tensor");

/// One random tensor per runtime input, unknown dimensions `unknown`: normal numbers, integers in [0, 2), random
/// booleans.
std::vector<Tensor> randomInputs(const Model& model, uint64_t seed, int64_t unknown = 2);

}  // namespace compress::test
