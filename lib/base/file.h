// Files: whole reads, and writes that leave the old content or the new, never half of it.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace compress {

/// All bytes of a regular file. Throws Error(io) with path and cause; a directory, FIFO or device is Error(input).
std::string readFile(const std::filesystem::path& path);

/// Temporary `.NAME.XXXXXX.tmp` beside `path`, every write, fsync and close checked, then rename: without `overwrite`
/// an existing `path` is Error(io). `verify` is called with the temporary's path before the rename; what it throws is
/// passed on. On any error the temporary is removed and `path` untouched (docs/reliability.md R5).
void writeFileAtomically(const std::filesystem::path& path, std::string_view content, bool overwrite,
                         const std::function<void(const std::filesystem::path&)>& verify = {});

/// Throws Error(io) when a file could not be made beside `path`: its folder is missing, is no folder, or is not
/// writable. For saying so before work starts; the write itself checks again.
void requireWritableFolder(const std::filesystem::path& path);

/// Same file, by device and inode.
bool isSameFile(const std::filesystem::path& a, const std::filesystem::path& b);

/// SHA-256 in lower-case hexadecimal.
std::string sha256(std::string_view bytes);
/// The same of a regular file's bytes, in constant memory. Throws as readFile does.
std::string sha256File(const std::filesystem::path& path);

}  // namespace compress
