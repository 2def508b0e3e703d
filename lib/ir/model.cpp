#include "lib/ir/model.h"

#include <algorithm>

namespace compress {

int64_t Opsets::version(std::string_view domain) const {
  for (const auto& [name, version] : items_)
    if (name == domain) return version;
  return 0;
}

void Opsets::set(std::string_view domain, int64_t version) {
  for (auto& [name, current] : items_)
    if (name == domain) {
      current = version;
      return;
    }
  items_.emplace_back(domain, version);
}

const std::string* Model::findMetadata(std::string_view key) const {
  for (const auto& [name, value] : metadata)
    if (name == key) return &value;
  return nullptr;
}

void Model::setMetadata(std::string_view key, std::string_view value) {
  for (auto& [name, current] : metadata)
    if (name == key) {
      current = value;
      return;
    }
  metadata.emplace_back(key, value);
}

}  // namespace compress
