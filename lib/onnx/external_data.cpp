#include "lib/onnx/external_data.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {

/// A data file as it was when the model was read.
struct ExternalData::File {
  std::shared_ptr<const DataFolder> folder;
  std::string location;
  struct ::stat status {};

  void requireUnchanged(const FileHandle& handle) const {
    const auto now = handle.status();
    const bool same = now.st_dev == status.st_dev && now.st_ino == status.st_ino && now.st_size == status.st_size &&
                      now.st_mtim.tv_sec == status.st_mtim.tv_sec && now.st_mtim.tv_nsec == status.st_mtim.tv_nsec;
    if (!same)
      throw Error(ErrorKind::io,
                  text("external data '", displayName(handle.path().string()), "' changed after the model was read"),
                  "run again once nothing writes to it");
  }

  /// Opened for each tensor: a model may have more data files than a process may have open.
  AlignedBytes read(int64_t offset, int64_t size, DType dtype) const {
    const FileHandle handle = folder->open(location);
    requireUnchanged(handle);
    AlignedBytes block(static_cast<size_t>(size));
    handle.readAt(offset, {block.data(), block.size()});
    requireUnchanged(handle);
    if (dtype == DType::boolean)
      within([&] { return text("external data '", displayName(location), "'"); },
             [&] {
               requireBooleans({block.data(), block.size()});
             });
    return block;
  }
};

namespace {

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::input, message);
}

int64_t wholeNumber(const std::string& key, const std::string& digits) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = error == std::errc() && end == digits.data() + digits.size() && !digits.empty();
  if (!whole || number > static_cast<uint64_t>(INT64_MAX))
    refuse(text("external data: ", key, " is '", displayName(digits), "', expected a whole number of bytes"));
  return static_cast<int64_t>(number);
}

struct Place {
  std::optional<std::string> location, offset, length, checksum;
};

std::optional<std::string>* member(Place& place, const std::string& key) {
  if (key == "location") return &place.location;
  if (key == "offset") return &place.offset;
  if (key == "length") return &place.length;
  if (key == "checksum") return &place.checksum;
  return nullptr;
}

}  // namespace

void requireBooleans(std::span<const std::byte> bytes) {
  const auto odd = std::ranges::find_if(bytes, [](std::byte b) { return b > std::byte{1}; });
  if (odd != bytes.end())
    refuse(
        text("boolean element ", odd - bytes.begin(), " has the value ", static_cast<int>(*odd), ", expected 0 or 1"));
}

void ExternalData::warnUnknownKey(const std::string& key) {
  constexpr size_t kShown = 10;
  if (unknownKeys_.size() >= kShown || std::ranges::find(unknownKeys_, key) != unknownKeys_.end()) return;
  unknownKeys_.push_back(key);
  warnings_.push_back(text("external data: unknown key '", displayName(key), "' is ignored"));
}

std::shared_ptr<const ExternalData::File> ExternalData::fileAt(const std::string& location) {
  if (const auto known = byLocation_.find(location); known != byLocation_.end()) return known->second;
  if (!folder_) folder_ = std::make_shared<const DataFolder>(model_, allowLinked_);
  auto file = std::make_shared<File>();
  file->folder = folder_;
  file->location = location;
  file->status = folder_->open(location).status();
  files_.push_back(file);
  byLocation_.emplace(location, file);
  return file;
}

Bytes ExternalData::find(const onnx::TensorProto& tensor, DType dtype, int64_t size) {
  Place place;
  for (const auto& entry : tensor.external_data()) {
    auto* known = member(place, entry.key());
    if (known == nullptr) {
      warnUnknownKey(entry.key());
      continue;
    }
    if (known->has_value()) refuse(text("external data: ", entry.key(), " is given twice"));
    *known = entry.value();
  }
  if (!place.location) refuse("external data: there is no location");
  const int64_t offset = place.offset ? wholeNumber("offset", *place.offset) : 0;
  const int64_t length = place.length ? wholeNumber("length", *place.length) : size;
  if (length != size)
    refuse(text("external data: length is ", length, ", expected ", size, " for its type and dimensions"));
  const auto file = fileAt(*place.location);
  const int64_t available = file->status.st_size;
  if (length > available || offset > available - length)
    refuse(text("external data: ", length, " bytes from offset ", offset, " pass the end of '",
                displayName(*place.location), "', which has ", available, " bytes"));
  Bytes& bytes = ranges_[{file.get(), offset, length, dtype == DType::boolean}];
  if (bytes.size() == 0 && size > 0)
    bytes =
        Bytes::lazy(static_cast<size_t>(size), [file, offset, size, dtype] { return file->read(offset, size, dtype); });
  return bytes;
}

std::vector<std::filesystem::path> ExternalData::files() const {
  std::vector<std::filesystem::path> paths;
  for (const auto& file : files_) paths.push_back(folder_->path() / file->location);
  return paths;
}

void ExternalData::warnOfOverlaps() {
  const File* file = nullptr;
  const File* warned = nullptr;
  std::tuple<int64_t, int64_t> last{};
  for (const auto& [range, bytes] : ranges_) {
    const auto [owner, offset, length, isBoolean] = range;
    const bool sameRange = std::tuple(offset, length) == last;
    if (owner == file && !sameRange && offset < std::get<0>(last) + std::get<1>(last) && warned != owner) {
      warnings_.push_back(text("external data '", displayName(owner->location),
                               "': ranges of different tensors overlap at offset ", offset));
      warned = owner;
    }
    if (owner != file || offset + length > std::get<0>(last) + std::get<1>(last)) last = {offset, length};
    file = owner;
  }
}

}  // namespace compress
