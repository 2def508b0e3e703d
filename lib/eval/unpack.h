// Compressed containers: zip archives of numpy arrays, gzip. Unpacked once into unlinked temporary files, under limits.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "lib/eval/stored_array.h"

namespace compress {

/// More than this much, unpacked from less than a hundredth of it, is taken for a bomb.
constexpr int64_t kBombBytes = 64 << 20;
constexpr int64_t kBombRatio = 100;

/// The content of a gzip file. Throws Error(input) for damaged or cut-off data, a wrong checksum, text behind the end,
/// or a bomb.
std::shared_ptr<StoredFile> unpackGzip(const StoredFile& packed);

/// The arrays of an .npz by key (the entry's name without .npy). Throws Error(input) for entries that are no arrays,
/// double keys, a wrong checksum or a bomb.
std::map<std::string, StoredArray> openNpz(const std::filesystem::path& path);

}  // namespace compress
