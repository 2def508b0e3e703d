#include "lib/base/bytes.h"

#include <cassert>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {

constexpr size_t kAlignment = 64;

void AlignedBytes::Free::operator()(std::byte* p) const {
  std::free(p);
}

AlignedBytes::AlignedBytes(size_t size) : size_(size) {
  const size_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
  auto* memory = rounded >= size
                     ? static_cast<std::byte*>(std::aligned_alloc(kAlignment, rounded == 0 ? kAlignment : rounded))
                     : nullptr;
  if (memory == nullptr) throw Error(ErrorKind::resource, text("out of memory: ", size, " bytes asked for"));
  data_.reset(memory);
  std::memset(memory, 0, rounded);
}

struct Bytes::Storage {
  std::string string;
  mutable std::optional<AlignedBytes> block;
  std::function<AlignedBytes()> read;
  mutable std::mutex mutex;

  std::span<const std::byte> view() const {
    if (!read)
      return block ? std::span<const std::byte>{block->data(), block->size()} : std::as_bytes(std::span(string));
    const std::lock_guard lock(mutex);
    if (!block) block = read();
    return {block->data(), block->size()};
  }
};

Bytes Bytes::own(AlignedBytes&& block) {
  Bytes bytes;
  auto storage = std::make_shared<Storage>();
  bytes.size_ = block.size();
  storage->block.emplace(std::move(block));
  bytes.storage_ = std::move(storage);
  return bytes;
}

Bytes Bytes::own(std::string&& block) {
  auto storage = std::make_shared<Storage>();
  const size_t size = block.size();
  storage->string = std::move(block);
  if (reinterpret_cast<uintptr_t>(storage->string.data()) % 8 != 0) {
    storage->block.emplace(size);
    std::memcpy(storage->block->data(), storage->string.data(), size);
    storage->string = {};
  }
  Bytes bytes;
  bytes.size_ = size;
  bytes.storage_ = std::move(storage);
  return bytes;
}

Bytes Bytes::lazy(size_t size, std::function<AlignedBytes()> read) {
  Bytes bytes;
  auto storage = std::make_shared<Storage>();
  storage->read = std::move(read);
  bytes.size_ = size;
  bytes.storage_ = std::move(storage);
  return bytes;
}

std::span<const std::byte> Bytes::view() const {
  if (!storage_) return {};
  const auto whole = storage_->view();
  assert(offset_ + size_ <= whole.size());
  return whole.subspan(offset_, size_);
}

Bytes Bytes::slice(size_t offset, size_t size) const {
  assert(offset <= size_ && size <= size_ - offset);
  Bytes part = *this;
  part.offset_ += offset;
  part.size_ = size;
  return part;
}

bool Bytes::isResident() const {
  if (!storage_ || !storage_->read) return true;
  const std::lock_guard lock(storage_->mutex);
  return storage_->block.has_value();
}

void Bytes::drop() const {
  if (!storage_ || !storage_->read) return;
  const std::lock_guard lock(storage_->mutex);
  storage_->block.reset();
}

}  // namespace compress
