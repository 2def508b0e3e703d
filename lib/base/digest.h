// Digests of whole files, in constant memory.
#pragma once
#include <filesystem>
#include <string>

namespace compress {

/// SHA-256 of a file's bytes in lower-case hexadecimal. Throws Error(io) with path and cause.
std::string sha256File(const std::filesystem::path& path);

}  // namespace compress
