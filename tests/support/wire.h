// Protobuf's wire format by hand, for files that no library would write.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace compress::test {

std::string varint(uint64_t value);
/// A field that holds a number.
std::string numberField(uint32_t field, uint64_t value);
/// A field that holds bytes, text or a message.
std::string bytesField(uint32_t field, std::string_view content);

}  // namespace compress::test
