// Datasets with a file or folder per sample: pictures, and ONNX's test_data_set folders.
#pragma once
#include <memory>
#include <vector>

#include "lib/eval/dataset.h"

namespace compress {

/// More damaged pictures than this share are an error.
constexpr double kDamagedShare = 0.05;

/// A picture, or a folder of them: directly (no classes), or in sub-folders, which are the classes in the order of
/// their bytes. Damaged pictures are left out and counted; more than 5 % of them are Error(input).
std::unique_ptr<Dataset> openPictures(const DataSource& source, const std::vector<InputSpec>& inputs,
                                      const PreprocessOptions& options);

/// test_data_set_K folders (or one of them), each with input_I.pb and output_I.pb; input<I>.pb is accepted as well.
/// Tensors are fed as they are; the first output is the label.
std::unique_ptr<Dataset> openTensorFolders(const DataSource& source, const std::vector<InputSpec>& inputs);

/// Does the folder hold input_0.pb, or a test_data_set folder?
bool isTensorFolder(const std::filesystem::path& folder);

}  // namespace compress
