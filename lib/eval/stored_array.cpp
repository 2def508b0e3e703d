#include "lib/eval/stored_array.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

/// Bytes that reorder() holds at a time.
constexpr int64_t kReorderBlock = 32 << 20;

[[noreturn]] void failIo(const std::string& name, std::string_view action) {
  throw Error(ErrorKind::io, text(displayName(name), ": cannot ", action, ": ", std::strerror(errno)));
}

void swapBytes(std::span<std::byte> bytes, size_t elementSize) {
  for (size_t at = 0; at < bytes.size(); at += elementSize)
    std::reverse(bytes.data() + at, bytes.data() + at + elementSize);
}

/// Elements whose first axis varies fastest, into C order.
void fromFortran(std::span<const std::byte> from, std::span<std::byte> to, const Shape& shape, size_t elementSize) {
  const size_t rank = shape.rank();
  std::vector<size_t> stride(rank, 1), at(rank, 0);
  for (size_t axis = 1; axis < rank; ++axis) stride[axis] = stride[axis - 1] * static_cast<size_t>(shape[axis - 1]);
  size_t source = 0;
  for (size_t out = 0; out < to.size(); out += elementSize) {
    std::memcpy(to.data() + out, from.data() + source * elementSize, elementSize);
    for (size_t axis = rank; axis-- > 0;) {
      source += stride[axis];
      if (++at[axis] < static_cast<size_t>(shape[axis])) break;
      source -= stride[axis] * static_cast<size_t>(shape[axis]);
      at[axis] = 0;
    }
  }
}

}  // namespace

std::shared_ptr<StoredFile> StoredFile::open(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) failIo(path.string(), "open");
  std::shared_ptr<StoredFile> file(new StoredFile(descriptor, path.string(), 0));
  struct stat status {};
  if (fstat(descriptor, &status) != 0) failIo(path.string(), "stat");
  if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::input, text(displayName(path.string()), ": not a regular file"));
  file->size_ = status.st_size;
  return file;
}

std::shared_ptr<StoredFile> StoredFile::scratch(std::string name) {
  std::error_code failed;
  std::filesystem::path folder = std::filesystem::temp_directory_path(failed);
  if (failed) folder = "/tmp";
  std::string pattern = (folder / "compress-XXXXXX").string();
  const int descriptor = mkostemp(pattern.data(), O_CLOEXEC);
  if (descriptor < 0) failIo(folder.string(), "make a temporary file");
  ::unlink(pattern.c_str());
  return std::shared_ptr<StoredFile>(new StoredFile(descriptor, std::move(name), 0));
}

StoredFile::~StoredFile() {
  ::close(descriptor_);
}

void StoredFile::readAt(int64_t offset, std::span<std::byte> out) const {
  for (size_t done = 0; done < out.size();) {
    const ssize_t got = ::pread(descriptor_, out.data() + done, out.size() - done, offset + static_cast<int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) failIo(name_, "read");
    if (got == 0)
      throw Error(ErrorKind::io,
                  text(displayName(name_), ": ends at byte ", offset + static_cast<int64_t>(done), ", expected ",
                       offset + static_cast<int64_t>(out.size())),
                  "did another program change it?");
    done += static_cast<size_t>(got);
  }
}

void StoredFile::writeAt(int64_t offset, std::span<const std::byte> bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t put =
        ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done, offset + static_cast<int64_t>(done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) failIo(name_, "write its unpacked form to the folder for temporary files (TMPDIR)");
    done += static_cast<size_t>(put);
  }
  size_ = std::max(size_, offset + static_cast<int64_t>(bytes.size()));
}

StoredArray::StoredArray(std::shared_ptr<StoredFile> file, ArrayLayout layout)
    : file_(std::move(file)), layout_(std::move(layout)) {
  const auto elements = checkedElementCount(layout_.shape.dims());
  if (!elements)
    throw Error(ErrorKind::input,
                text(displayName(name()), ": shape ", print(layout_.shape), " is negative or too large"));
  const int64_t expected = layout_.offset + bytesOf(layout_.dtype, *elements);
  if (file_->size() != expected)
    throw Error(ErrorKind::input, text(displayName(name()), ": ", nameOf(layout_.dtype), print(layout_.shape),
                                       " takes ", expected, " bytes with its header, the file has ", file_->size()));
  if (layout_.shape.rank() > 0)
    sampleShape_ = Shape(std::vector<int64_t>(layout_.shape.dims().begin() + 1, layout_.shape.dims().end()));
  sampleBytes_ = bytesOf(layout_.dtype, sampleShape_.elementCount());
  if (layout_.isFortran && layout_.shape.rank() > 1 && *elements > 0) reorder();
}

void StoredArray::reorder() {
  const int64_t samples = count(), elementBytes = bytesOf(layout_.dtype, 1), perSample = sampleShape_.elementCount();
  const int64_t block = std::clamp<int64_t>(kReorderBlock / (samples * elementBytes), 1, perSample);
  auto sorted = StoredFile::scratch(name());
  std::vector<std::byte> columns(static_cast<size_t>(block * samples * elementBytes)),
      row(static_cast<size_t>(block * elementBytes));
  for (int64_t first = 0; first < perSample; first += block) {
    const int64_t width = std::min(block, perSample - first);
    file_->readAt(layout_.offset + first * samples * elementBytes,
                  std::span(columns).first(static_cast<size_t>(width * samples * elementBytes)));
    for (int64_t sample = 0; sample < samples; ++sample) {
      for (int64_t i = 0; i < width; ++i)
        std::memcpy(row.data() + i * elementBytes, columns.data() + (i * samples + sample) * elementBytes,
                    static_cast<size_t>(elementBytes));
      sorted->writeAt(sample * sampleBytes_ + first * elementBytes,
                      std::span(row).first(static_cast<size_t>(width * elementBytes)));
    }
  }
  file_ = std::move(sorted);
  layout_.offset = 0;
}

Tensor StoredArray::read(int64_t index) const {
  if (index < 0 || index >= count()) throw Error(ErrorKind::bug, text(name(), ": sample ", index, " of ", count()));
  Buffer sample(layout_.dtype, sampleShape_);
  file_->readAt(layout_.offset + index * sampleBytes_, sample.raw());
  const auto elementBytes = static_cast<size_t>(bytesOf(layout_.dtype, 1));
  if (layout_.isBigEndian && elementBytes > 1) swapBytes(sample.raw(), elementBytes);
  if (layout_.isFortran && sampleShape_.rank() > 1) {
    Buffer ordered(layout_.dtype, sampleShape_);
    fromFortran(sample.raw(), ordered.raw(), sampleShape_, elementBytes);
    return std::move(ordered).freeze();
  }
  return std::move(sample).freeze();
}

}  // namespace compress
