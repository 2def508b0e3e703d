#include "lib/onnx/data_writer.h"

#include <algorithm>

#include "lib/base/sha256.h"
#include "lib/onnx/data_folder.h"
#include "lib/onnx/pieces.h"

namespace compress {
namespace {

constexpr size_t kDigits = 8;

std::string dataName(const std::filesystem::path& model, const std::string& digest) {
  return text(model.filename().string(), ".", digest.substr(0, kDigits), ".data");
}

/// The name under which a data file begins: its own is not known before its content is.
std::filesystem::path provisional(const std::filesystem::path& model) {
  return model.parent_path() / (model.filename().string() + ".data");
}

std::string digestOf(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.finish();
}

bool isDataName(const std::string& name, const std::filesystem::path& model) {
  const std::string pattern = dataName(model, std::string(kDigits, '0'));
  const size_t start = model.filename().string().size() + 1;
  if (name.size() != pattern.size()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool isDigit = (name[i] >= '0' && name[i] <= '9') || (name[i] >= 'a' && name[i] <= 'f');
    if (i >= start && i < start + kDigits ? !isDigit : name[i] != pattern[i]) return false;
  }
  return true;
}

/// Does the file contain `wanted`? False where it cannot be read.
bool contains(const std::filesystem::path& path, const std::string& wanted) {
  try {
    const FileHandle file = FileHandle::openRegular(path);
    std::string block;
    constexpr int64_t kBlock = 1 << 20;
    for (int64_t at = 0, size = file.size(); at < size; at += kBlock) {
      block.erase(0, block.size() - std::min(block.size(), wanted.size()));
      const size_t kept = block.size();
      block.resize(kept + static_cast<size_t>(std::min(kBlock, size - at)));
      file.readAt(at, std::as_writable_bytes(std::span(block).subspan(kept)));
      if (block.find(wanted) != std::string::npos) return true;
    }
  } catch (const Error&) {
    return false;
  }
  return false;
}

}  // namespace

DataWriter::DataWriter(const std::filesystem::path& model, int64_t expectedBytes)
    : model_(model), file_(provisional(model), expectedBytes) {
  requireSafeLocation(dataName(model, std::string(kDigits, '0')));
}

bool DataWriter::takes(const Tensor& tensor) {
  return tensor.dtype() != DType::string && static_cast<int64_t>(tensor.bytes().size()) >= kSmallestExternalBytes;
}

int64_t DataWriter::add(const Tensor& tensor) {
  int64_t offset = 0;
  withPayload(tensor.bytes(), [&](std::span<const std::byte> bytes) {
    const int64_t padding = (kDataAlignment - file_.size() % kDataAlignment) % kDataAlignment;
    const auto [it, isNew] = offsets_.emplace(digestOf(bytes), file_.size() + padding);
    offset = it->second;
    if (!isNew) return;
    file_.write(std::vector<std::byte>(static_cast<size_t>(padding)));
    file_.write(bytes);
  });
  return offset;
}

std::string DataWriter::finish() {
  name_ = dataName(model_, file_.finish());
  return name_;
}

/// A file of that name holds the same content: replacing it changes nothing.
void DataWriter::commit() {
  const auto path = model_.parent_path() / name_;
  std::error_code failed;
  wasThere_ = std::filesystem::exists(path, failed);
  file_.commit(path, true);
}

void DataWriter::withdraw() {
  std::error_code failed;
  if (!wasThere_) std::filesystem::remove(model_.parent_path() / name_, failed);
}

void setExternal(onnx::TensorProto& message, const std::string& location, int64_t offset, int64_t length) {
  message.set_data_location(onnx::TensorProto::EXTERNAL);
  const std::pair<const char*, std::string> entries[] = {
      {"location", location}, {"offset", text(offset)}, {"length", text(length)}};
  for (const auto& [key, value] : entries) {
    auto& entry = *message.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
}

void removeLeftovers(const std::filesystem::path& model) {
  const auto folder = model.has_parent_path() ? model.parent_path() : std::filesystem::path(".");
  const auto unfinished = staleTemporaries(model);
  std::error_code failed;
  std::vector<std::filesystem::path> orphans;
  for (std::filesystem::directory_iterator it(folder, failed), end; !unfinished.empty() && !failed && it != end;
       it.increment(failed)) {
    const std::string name = it->path().filename().string();
    if (!isDataName(name, model) || contains(model, name)) continue;
    if (std::ranges::any_of(unfinished, [&](const auto& temporary) { return contains(temporary, name); }))
      orphans.push_back(it->path());
  }
  for (const auto& path : staleTemporaries(provisional(model))) orphans.push_back(path);
  for (const auto& path : unfinished) orphans.push_back(path);
  for (const auto& path : orphans) std::filesystem::remove(path, failed);
}

}  // namespace compress
