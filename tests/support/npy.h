// Writes .npy and .npz files for tests, well-formed or not.
#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/ir/tensor.h"

namespace compress::test {

/// Mark, version 1, header of 128 bytes in all, then `payload`.
std::string npyBytes(std::string_view descr, std::string_view shape, std::string_view payload, bool fortran = false);
/// The same with any header text.
std::string npyWithHeader(std::string_view header, std::string_view payload, char version = 1);
/// Throws std::runtime_error for types that numpy lacks.
void writeNpy(const std::filesystem::path& path, const Tensor& tensor);
void writeBytes(const std::filesystem::path& path, std::string_view bytes);

struct ZipEntry {
  std::string name, content;
  bool deflated = true;
};
/// An npz is a zip of "KEY.npy". Throws std::runtime_error.
void writeZip(const std::filesystem::path& path, const std::vector<ZipEntry>& entries);

template <typename T>
std::string bytesOfValues(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace compress::test
