#include "lib/eval/unpack.h"

#include <zip.h>
#define Z_SOLO  // otherwise zlib declares a function `compress`, the name of our namespace
#include <zlib.h>

#include <algorithm>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/npy.h"

namespace compress {
namespace {

constexpr size_t kChunk = 256 << 10;
constexpr zip_int64_t kEntryLimit = 10000;

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
  throw Error(ErrorKind::input, text(displayName(name), ": ", what));
}

void requireNoBomb(const std::string& name, int64_t unpacked, int64_t packed) {
  if (unpacked > kBombBytes && unpacked / kBombRatio > packed)
    refuse(name, text(unpacked, " bytes out of ", packed, " compressed ones: more than ", kBombRatio,
                      " times, refused as a zip bomb"));
}

/// zlib's inflate over a gzip file, into a scratch file.
class GzipUnpacker {
 public:
  explicit GzipUnpacker(const StoredFile& packed)
      : packed_(packed), in_(kChunk), out_(kChunk), unpacked_(StoredFile::scratch(packed.name())) {
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) throw Error(ErrorKind::resource, "zlib: out of memory");
  }
  ~GzipUnpacker() { inflateEnd(&stream_); }
  GzipUnpacker(const GzipUnpacker&) = delete;
  GzipUnpacker& operator=(const GzipUnpacker&) = delete;

  std::shared_ptr<StoredFile> unpack() {
    for (bool ended = false; !ended || hasInput();) {
      if (ended) inflateReset(&stream_);
      ended = unpackMember();
    }
    return unpacked_;
  }

 private:
  bool hasInput() const { return stream_.avail_in > 0 || readBytes_ < packed_.size(); }

  bool unpackMember() {
    for (;;) {
      if (stream_.avail_in == 0) refill();
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
      stream_.avail_out = static_cast<uInt>(out_.size());
      const int status = inflate(&stream_, Z_NO_FLUSH);
      const size_t made = out_.size() - stream_.avail_out;
      unpacked_->writeAt(unpacked_->size(), std::span(out_).first(made));
      requireNoBomb(packed_.name(), unpacked_->size(), packed_.size());
      if (status == Z_STREAM_END) return true;
      if (status != Z_OK && !(status == Z_BUF_ERROR && hasInput()))
        refuse(packed_.name(), text("damaged gzip data: ", stream_.msg != nullptr ? stream_.msg : "it ends too early"));
    }
  }

  void refill() {
    const size_t size = std::min<size_t>(in_.size(), static_cast<size_t>(packed_.size() - readBytes_));
    if (size == 0) refuse(packed_.name(), "damaged gzip data: it ends too early");
    packed_.readAt(readBytes_, std::span(in_).first(size));
    readBytes_ += static_cast<int64_t>(size);
    stream_.next_in = reinterpret_cast<Bytef*>(in_.data());
    stream_.avail_in = static_cast<uInt>(size);
  }

  const StoredFile& packed_;
  z_stream stream_{};
  std::vector<std::byte> in_, out_;
  int64_t readBytes_ = 0;
  std::shared_ptr<StoredFile> unpacked_;
};

struct CloseArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseEntry {
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};
using Archive = std::unique_ptr<zip_t, CloseArchive>;

Archive openArchive(const std::filesystem::path& path) {
  StoredFile::open(path);  // a FIFO or directory is refused with its own message
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  if (archive) return archive;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string why = zip_error_strerror(&error);
  zip_error_fini(&error);
  refuse(path.string(), text("damaged zip archive: ", why));
}

std::shared_ptr<StoredFile> unpackEntry(zip_t* archive, const zip_stat_t& status, const std::string& name) {
  const auto expected = static_cast<int64_t>(status.size);
  const std::unique_ptr<zip_file_t, CloseEntry> entry(zip_fopen_index(archive, status.index, 0));
  if (!entry) refuse(name, text("cannot be unpacked: ", zip_strerror(archive)));
  auto unpacked = StoredFile::scratch(name);
  std::vector<std::byte> chunk(kChunk);
  for (;;) {
    const zip_int64_t got = zip_fread(entry.get(), chunk.data(), chunk.size());
    if (got < 0) refuse(name, text("damaged: ", zip_file_strerror(entry.get())));
    if (got == 0) break;
    unpacked->writeAt(unpacked->size(), std::span(chunk).first(static_cast<size_t>(got)));
    if (unpacked->size() > expected)
      refuse(name, text("holds more than the ", expected, " bytes that the archive declares"));
  }
  if (unpacked->size() != expected)
    refuse(name, text("holds ", unpacked->size(), " bytes, the archive declares ", expected));
  return unpacked;
}

}  // namespace

std::shared_ptr<StoredFile> unpackGzip(const StoredFile& packed) {
  return GzipUnpacker(packed).unpack();
}

std::map<std::string, StoredArray> openNpz(const std::filesystem::path& path) {
  const Archive archive = openArchive(path);
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  if (count > kEntryLimit) refuse(path.string(), text(count, " entries, expected at most ", kEntryLimit));
  std::map<std::string, StoredArray> arrays;
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t status;
    if (zip_stat_index(archive.get(), static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW, &status) != 0 ||
        (status.valid & ZIP_STAT_SIZE) == 0)
      refuse(path.string(), text("entry ", i, " is damaged"));
    const std::string entryName = status.name, name = text(path.string(), ":", entryName);
    if (!entryName.ends_with(".npy")) refuse(name, "is no .npy array: every entry of an npz is one");
    if (status.size > uint64_t{1} << 46) refuse(name, text("declares ", status.size, " bytes"));
    requireNoBomb(name, static_cast<int64_t>(status.size),
                  static_cast<int64_t>(std::min<uint64_t>(status.comp_size, status.size)));
    auto file = unpackEntry(archive.get(), status, name);
    ArrayLayout layout = readNpyHeader(*file);
    if (!arrays.emplace(entryName.substr(0, entryName.size() - 4), StoredArray(std::move(file), std::move(layout)))
             .second)
      refuse(name, "is there twice");
  }
  return arrays;
}

}  // namespace compress
