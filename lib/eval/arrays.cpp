#include "lib/eval/arrays.h"

#include <algorithm>
#include <array>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/npy.h"
#include "lib/eval/unpack.h"

namespace compress {
namespace {

constexpr int64_t kIdxAxisLimit = 8;

std::string head(const StoredFile& file) {
  std::string bytes(static_cast<size_t>(std::min<int64_t>(file.size(), 8)), '\0');
  file.readAt(0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

DType idxType(int code) {
  switch (code) {
    case 0x08:
      return DType::u8;
    case 0x09:
      return DType::i8;
    case 0x0B:
      return DType::i16;
    case 0x0C:
      return DType::i32;
    case 0x0D:
      return DType::f32;
    case 0x0E:
      return DType::f64;
    default:
      return DType::undefined;
  }
}

std::string_view looksLike(std::string_view start) {
  struct Known {
    std::string_view mark, name;
  };
  static constexpr Known kKnown[] = {{"\xFF\xD8\xFF", "a JPEG picture"},
                                     {"\x89PNG", "a PNG picture"},
                                     {"\x89HDF", "an HDF5 file"},
                                     {"PAR1", "a Parquet file"},
                                     {"BZh", "bzip2 data"},
                                     {"\xFD"
                                      "7zXZ",
                                      "xz data"},
                                     {"\x28\xB5\x2F\xFD", "zstd data"},
                                     {"\x80\x04", "a Python pickle"},
                                     {"\x80\x05", "a Python pickle"},
                                     {"\x80\x02", "a Python pickle"}};
  for (const Known& known : kKnown)
    if (start.starts_with(known.mark)) return known.name;
  return "neither npy, npz, idx nor gzip";
}

}  // namespace

ArrayLayout readIdxHeader(const StoredFile& file) {
  return within([&] { return displayName(file.name()); },
                [&] {
                  std::array<std::byte, 4> mark{};
                  if (file.size() < 4)
                    throw Error(ErrorKind::input, text("idx header cut off: the file has ", file.size(), " bytes"));
                  file.readAt(0, mark);
                  ArrayLayout layout;
                  layout.isBigEndian = true;
                  layout.dtype = idxType(static_cast<int>(mark[2]));
                  const auto axes = static_cast<int64_t>(mark[3]);
                  if (mark[0] != std::byte{0} || mark[1] != std::byte{0} || layout.dtype == DType::undefined ||
                      axes < 1 || axes > kIdxAxisLimit)
                    throw Error(ErrorKind::input,
                                text("no idx file: type code ", static_cast<int>(mark[2]), ", ", axes, " axes"));
                  layout.offset = 4 + 4 * axes;
                  if (file.size() < layout.offset)
                    throw Error(ErrorKind::input, text("idx header cut off: the file has ", file.size(),
                                                       " bytes, expected ", layout.offset));
                  std::vector<int64_t> dims;
                  for (int64_t axis = 0; axis < axes; ++axis) {
                    std::array<std::byte, 4> extent{};
                    file.readAt(4 + 4 * axis, extent);
                    int64_t value = 0;
                    for (const std::byte byte : extent) value = value << 8 | static_cast<int64_t>(byte);
                    dims.push_back(value);
                  }
                  layout.shape = Shape(std::move(dims));
                  return layout;
                });
}

ArrayFile openArrays(const std::filesystem::path& path) {
  auto file = StoredFile::open(path);
  if (file->size() == 0) throw Error(ErrorKind::input, text(displayName(path.string()), ": is empty"));
  std::string start = head(*file);
  if (start.starts_with("PK")) return {"npz", openNpz(path)};
  if (start.starts_with("\x1F\x8B")) {
    file = unpackGzip(*file);
    start = head(*file);
  }
  const bool isNpy = start.starts_with("\x93NUMPY"), isIdx = start.size() >= 4 && start[0] == 0 && start[1] == 0;
  if (!isNpy && !isIdx)
    throw Error(ErrorKind::input, text(displayName(path.string()), ": is ", looksLike(start)),
                "give an npy, npz or idx file, or a folder of pictures");
  ArrayLayout layout = isNpy ? readNpyHeader(*file) : readIdxHeader(*file);
  ArrayFile opened{isNpy ? "npy" : "idx", {}};
  opened.arrays.emplace("", StoredArray(std::move(file), std::move(layout)));
  return opened;
}

}  // namespace compress
