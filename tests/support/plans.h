// Running models on backends and comparing what comes out.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "lib/runtime/backend.h"

namespace compress::test {

/// Compiles for the shapes of `inputs` and runs once; graph outputs, then observed values.
std::vector<Buffer> runOn(Backend& backend, const Model& model, const std::vector<Tensor>& inputs,
                          const CompileOptions& options = {});
/// sum of (a - b)^2 over sum of b^2; infinite where shapes or types differ or `a` has a NaN that `b` lacks.
double normalizedError(const Tensor& a, const Tensor& b);
/// The worst of all outputs.
double normalizedError(const std::vector<Buffer>& a, const std::vector<Buffer>& b);
bool sameBytes(const std::vector<Buffer>& a, const std::vector<Buffer>& b);
/// Operator types of the plan's steps, in order: "Conv Elementwise".
std::string stepOps(Backend& backend, const Model& model, const std::vector<Tensor>& inputs,
                    const CompileOptions& options = {});
/// Kernel names of the plan's steps, in order.
std::string stepKernels(Backend& backend, const Model& model, const std::vector<Tensor>& inputs,
                        const CompileOptions& options = {});

}  // namespace compress::test
