// Files of arrays, recognised by what they hold: npy, npz, idx, and npy or idx inside gzip.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "lib/eval/stored_array.h"

namespace compress {

struct ArrayFile {
  std::string_view kind;                      ///< "npy", "npz" or "idx"
  std::map<std::string, StoredArray> arrays;  ///< by key; the only array of an npy or idx has the key ""
};

/// Throws Error(input) for what is none of these, saying what it looks like.
ArrayFile openArrays(const std::filesystem::path& path);

/// The layout that an idx header declares (Y. LeCun's MNIST format: big-endian, 1 to 8 axes).
ArrayLayout readIdxHeader(const StoredFile& file);

}  // namespace compress
