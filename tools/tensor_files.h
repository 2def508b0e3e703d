// Whole tensors from files and into files, for runs on given inputs.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lib/ir/tensor.h"

namespace compress {

/// A .npy or .pb (TensorProto) file. Throws Error(io) or Error(input).
Tensor readTensor(const std::filesystem::path& path);

/// Tensors by the names wanted: a folder of input_0.pb, input0.pb or input_0.npy, ... (`role` is "input" or "output"),
/// in the order of `names`; an npz with the names as keys; or one .npy or .pb for one name. What is not there is not in
/// the result; nothing at all is Error(input), telling what was looked for.
std::map<std::string, Tensor> readTensors(const std::filesystem::path& path, const std::vector<std::string>& names,
                                          std::string_view role);

/// A .npy file, format 1. Throws Error(unsupported) for element types that numpy lacks.
std::string npyFile(const Tensor& tensor);

}  // namespace compress
