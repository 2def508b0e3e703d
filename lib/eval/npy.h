// numpy's .npy files, read strictly: header versions 1 to 3, C and Fortran order, numbers only. Pickled objects are
// refused.
#pragma once
#include <filesystem>
#include <memory>

#include "lib/eval/stored_array.h"

namespace compress {

/// The layout that the header of `file` declares. Throws Error(input) for a damaged header or a pickle,
/// Error(unsupported) for element types that are no real numbers, each with the file's name.
ArrayLayout readNpyHeader(const StoredFile& file);

/// Header and size checked.
StoredArray openNpy(const std::filesystem::path& path);

}  // namespace compress
