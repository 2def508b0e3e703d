// Entries are found by the content of the constant, so that plans for other shapes share what was packed before.
#include "lib/runtime/cpu/packed_cache.h"

#include <xxhash.h>

#include <cstring>

#include "lib/base/text.h"

namespace compress {
namespace {

std::string keyOf(const Tensor& tensor, const std::string& form) {
  const auto raw = tensor.raw();
  const XXH128_hash_t hash = XXH3_128bits(raw.data(), raw.size());
  return text(hash.high64, ':', hash.low64, ':', raw.size(), ':', nameOf(tensor.dtype()), ':', print(tensor.shape()),
              ':', form);
}

std::string bytesOf(const dnnl::memory::desc& desc) {
  return {reinterpret_cast<const char*>(&desc.data), sizeof desc.data};
}

}  // namespace

Packed PackedCache::find(const Tensor& tensor, const std::string& form, const std::function<AlignedBytes()>& make) {
  const std::string key = keyOf(tensor, form);
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found != entries_.end())
      if (Packed held = found->second.lock()) return held;
  }
  Packed made = std::make_shared<const AlignedBytes>(make());
  const std::lock_guard lock(mutex_);
  std::weak_ptr<const AlignedBytes>& entry = entries_[key];
  if (Packed held = entry.lock()) return held;
  entry = made;
  std::erase_if(entries_, [](const auto& item) { return item.second.expired(); });
  return made;
}

Packed PackedCache::reordered(const Tensor& tensor, const dnnl::memory::desc& plain, const dnnl::memory::desc& wanted,
                              const dnnl::engine& engine) {
  return find(tensor, bytesOf(plain) + bytesOf(wanted), [&] {
    AlignedBytes packed(wanted.get_size());
    dnnl::memory from(plain, engine, const_cast<std::byte*>(tensor.raw().data()));
    dnnl::memory to(wanted, engine, packed.data());
    dnnl::stream stream(engine);
    dnnl::reorder(from, to).execute(stream, from, to);
    stream.wait();
    return packed;
  });
}

}  // namespace compress
