#include "tests/support/npy.h"

#include <fstream>

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

void writeBytes(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace compress::test
