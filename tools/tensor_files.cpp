#include "tools/tensor_files.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/arrays.h"
#include "lib/eval/npy.h"
#include "lib/onnx/read.h"

namespace compress {
namespace {

Tensor wholeArray(const StoredArray& array) {
  if (array.shape().rank() == 0) return array.read(0);
  Buffer whole(array.dtype(), array.shape());
  size_t at = 0;
  for (int64_t i = 0; i < array.count(); ++i) {
    const Tensor sample = array.read(i);
    if (!sample.raw().empty()) std::memcpy(whole.raw().data() + at, sample.raw().data(), sample.raw().size());
    at += sample.raw().size();
  }
  return std::move(whole).freeze();
}

std::optional<std::filesystem::path> findNumbered(const std::filesystem::path& folder, std::string_view role,
                                                  size_t index) {
  for (const std::string& name :
       {text(role, '_', index, ".pb"), text(role, index, ".pb"), text(role, '_', index, ".npy")})
    if (std::filesystem::exists(folder / name)) return folder / name;
  return std::nullopt;
}

std::string_view numpyType(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "<f4";
    case DType::f64:
      return "<f8";
    case DType::f16:
      return "<f2";
    case DType::u8:
      return "|u1";
    case DType::i8:
      return "|i1";
    case DType::u16:
      return "<u2";
    case DType::i16:
      return "<i2";
    case DType::u32:
      return "<u4";
    case DType::i32:
      return "<i4";
    case DType::u64:
      return "<u8";
    case DType::i64:
      return "<i8";
    case DType::boolean:
      return "|b1";
    default:
      throw Error(ErrorKind::unsupported, text("npy files hold no ", nameOf(dtype)));
  }
}

/// What the npz holds under the names wanted.
std::map<std::string, Tensor> tensorsByKey(const std::filesystem::path& path, const ArrayFile& file,
                                           const std::vector<std::string>& names, std::string_view role) {
  std::map<std::string, Tensor> tensors;
  std::vector<std::string> keys;
  for (const auto& [key, array] : file.arrays) keys.push_back(key);
  for (const std::string& name : names)
    if (const auto found = file.arrays.find(name); found != file.arrays.end())
      tensors[name] = wholeArray(found->second);
  if (tensors.empty())
    throw Error(ErrorKind::input, text(path.string(), ": no key is called like an ", role, " (",
                                       displayName(join(names, ", ")), "), found ", displayName(join(keys, ", "))));
  return tensors;
}

}  // namespace

Tensor readTensor(const std::filesystem::path& path) {
  return path.extension() == ".pb" ? readTensorProto(path) : wholeArray(openNpy(path));
}

std::map<std::string, Tensor> readTensors(const std::filesystem::path& path, const std::vector<std::string>& names,
                                          std::string_view role) {
  std::map<std::string, Tensor> tensors;
  if (std::filesystem::is_directory(path)) {
    for (size_t i = 0; i < names.size(); ++i)
      if (const auto file = findNumbered(path, role, i)) tensors[names[i]] = readTensor(*file);
    if (tensors.empty())
      throw Error(ErrorKind::input,
                  text(path.string(), ": no ", role, "_0.pb, ", role, "0.pb or ", role, "_0.npy in this folder"));
    return tensors;
  }
  if (path.extension() != ".pb") {
    ArrayFile file = openArrays(path);
    if (file.kind == "npz") return tensorsByKey(path, file, names, role);
  }
  if (names.size() != 1)
    throw Error(ErrorKind::usage, text(path.string(), ": one tensor, and the model has ", names.size(), ' ', role, "s"),
                "give a folder or an npz file");
  tensors[names.front()] = readTensor(path);
  return tensors;
}

std::string npyFile(const Tensor& tensor) {
  std::string shape;
  for (int64_t dim : tensor.shape().dims()) shape += text(dim, ", ");
  std::string header =
      text("{'descr': '", numpyType(tensor.dtype()), "', 'fortran_order': False, 'shape': (", shape, "), }");
  constexpr size_t kPrefixBytes = 10, kAlignment = 64;
  header.append(kAlignment - (kPrefixBytes + header.size() + 1) % kAlignment, ' ');
  header += '\n';
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size() & 0xFFU);
  file += static_cast<char>(header.size() >> 8U);
  file += header;
  const std::span<const std::byte> raw = tensor.raw();
  return file.append(reinterpret_cast<const char*>(raw.data()), raw.size());
}

}  // namespace compress
