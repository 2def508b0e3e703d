#include "tests/support/npy.h"

#include <zip.h>

#include <fstream>
#include <stdexcept>

#include "lib/base/text.h"

namespace compress::test {

std::string npyWithHeader(std::string_view header, std::string_view payload, char version) {
  std::string bytes = "\x93NUMPY";
  bytes += version;
  bytes += '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) bytes += static_cast<char>((header.size() >> (8 * i)) & 0xFF);
  bytes += header;
  bytes += payload;
  return bytes;
}

std::string npyBytes(std::string_view descr, std::string_view shape, std::string_view payload, bool fortran) {
  std::string header =
      text("{'descr': '", descr, "', 'fortran_order': ", fortran ? "True" : "False", ", 'shape': ", shape, ", }");
  header.resize(117, ' ');
  header += '\n';
  return npyWithHeader(header, payload);
}

namespace {

std::string descriptionOf(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "<f4";
    case DType::f64:
      return "<f8";
    case DType::i64:
      return "<i8";
    case DType::i32:
      return "<i4";
    case DType::i8:
      return "|i1";
    case DType::u8:
      return "|u1";
    case DType::boolean:
      return "|b1";
    default:
      throw std::runtime_error("no npy type for " + std::string(nameOf(dtype)));
  }
}

}  // namespace

void writeNpy(const std::filesystem::path& path, const Tensor& tensor) {
  std::string shape = "(";
  for (const int64_t dim : tensor.shape().dims()) shape += text(dim, ",");
  const auto raw = tensor.raw();
  writeBytes(path, npyBytes(descriptionOf(tensor.dtype()), shape + ")",
                            {reinterpret_cast<const char*>(raw.data()), raw.size()}));
}

void writeBytes(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

void writeZip(const std::filesystem::path& path, const std::vector<ZipEntry>& entries) {
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  if (archive == nullptr) throw std::runtime_error("cannot make a zip archive");
  for (const ZipEntry& entry : entries) {
    zip_source_t* source = zip_source_buffer(archive, entry.content.data(), entry.content.size(), 0);
    const zip_int64_t index = zip_file_add(archive, entry.name.c_str(), source, 0);
    if (index < 0) throw std::runtime_error("cannot add to a zip archive");
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), entry.deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE,
                             0);
  }
  if (zip_close(archive) != 0) throw std::runtime_error("cannot write a zip archive");
}

}  // namespace compress::test
