// Segments of a JPEG file before its pixels.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace compress {

/// Content of the first segment of type `marker` (0xE1: APP1) that begins with `prefix`, without it. Never reads
/// outside `jpeg`.
std::optional<std::string_view> findSegment(std::string_view jpeg, uint8_t marker, std::string_view prefix);

}  // namespace compress
