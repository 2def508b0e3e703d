#include "tests/support/wire.h"

namespace compress::test {

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7F) | 0x80);
  bytes += static_cast<char>(value);
  return bytes;
}

std::string numberField(uint32_t field, uint64_t value) {
  return varint(uint64_t{field} << 3) + varint(value);
}

std::string bytesField(uint32_t field, std::string_view content) {
  return varint((uint64_t{field} << 3) | 2) + varint(content.size()) + std::string(content);
}

}  // namespace compress::test
