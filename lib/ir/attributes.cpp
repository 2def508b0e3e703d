#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/ir/graph.h"

namespace compress {
namespace {

/// The data of attribute `name` as T, or null when there is none.
template <typename T>
const T* find(const Attributes& attributes, std::string_view name) {
  const Attribute* attribute = attributes.find(name);
  if (attribute == nullptr) return nullptr;
  const T* data = std::get_if<T>(&attribute->data);
  if (data == nullptr)
    throw Error(ErrorKind::input, text("attribute '", displayName(name), "' has an unexpected type"));
  return data;
}

}  // namespace

const Attribute* Attributes::find(std::string_view name) const {
  const auto it = std::ranges::find(items_, name, &Attribute::name);
  return it == items_.end() ? nullptr : &*it;
}

int64_t Attributes::integer(std::string_view name, int64_t absent) const {
  const auto* data = compress::find<int64_t>(*this, name);
  return data ? *data : absent;
}

float Attributes::real(std::string_view name, float absent) const {
  const auto* data = compress::find<float>(*this, name);
  return data ? *data : absent;
}

std::string Attributes::string(std::string_view name, std::string_view absent) const {
  const auto* data = compress::find<std::string>(*this, name);
  return data ? *data : std::string(absent);
}

std::vector<int64_t> Attributes::integers(std::string_view name, std::vector<int64_t> absent) const {
  const auto* data = compress::find<std::vector<int64_t>>(*this, name);
  return data ? *data : std::move(absent);
}

std::vector<float> Attributes::reals(std::string_view name, std::vector<float> absent) const {
  const auto* data = compress::find<std::vector<float>>(*this, name);
  return data ? *data : std::move(absent);
}

const Tensor* Attributes::tensor(std::string_view name) const {
  return compress::find<Tensor>(*this, name);
}

Body Attributes::body(std::string_view name) const {
  const auto* data = compress::find<Body>(*this, name);
  return data ? *data : nullptr;
}

void Attributes::set(std::string_view name, AttributeData data) {
  const auto it = std::ranges::find(items_, name, &Attribute::name);
  if (it == items_.end())
    items_.push_back({std::string(name), std::move(data), {}});
  else
    it->data = std::move(data);
}

void Attributes::erase(std::string_view name) {
  std::erase_if(items_, [&](const Attribute& attribute) { return attribute.name == name; });
}

}  // namespace compress
