#include "lib/eval/labels.h"

#include <charconv>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"

namespace compress {
namespace {

std::vector<std::string> readLines(const std::filesystem::path& path) {
  const std::string content = readFile(path);
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < content.size();) {
    const size_t end = std::min(content.find('\n', begin), content.size());
    lines.push_back(content.substr(begin, end - begin));
    if (lines.back().ends_with('\r')) lines.back().pop_back();
    begin = end + 1;
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

std::optional<int64_t> parseClass(std::string_view part) {
  while (part.starts_with(' ')) part.remove_prefix(1);
  while (part.ends_with(' ')) part.remove_suffix(1);
  int64_t value = 0;
  const auto [end, failed] = std::from_chars(part.data(), part.data() + part.size(), value);
  if (part.empty() || failed != std::errc() || end != part.data() + part.size()) return std::nullopt;
  return value;
}

[[noreturn]] void failLine(const std::filesystem::path& path, size_t line, std::string_view found,
                           std::string_view expected) {
  throw Error(ErrorKind::input,
              text(displayName(path.string()), ":", line + 1, ": '", displayName(found), "', expected ", expected));
}

}  // namespace

Labels::Labels(StoredArray array, int64_t offset) : array_(std::move(array)), offset_(offset) {}

Tensor Labels::read(int64_t index) const {
  if (!array_) return Tensor::scalar<int64_t>(classes_.at(static_cast<size_t>(index)) + offset_);
  Tensor label = array_->read(index);
  if (isInteger(label.dtype()) && label.elementCount() == 1 && label.shape().rank() <= 1)
    return Tensor::scalar<int64_t>(toInts(label)[0] + offset_);
  return label;
}

bool Labels::arePictures() const {
  return array_ && array_->dtype() == DType::u8 && array_->sampleShape().rank() >= 2;
}

std::vector<int64_t> readClassList(const std::filesystem::path& path) {
  std::vector<int64_t> classes;
  const std::vector<std::string> lines = readLines(path);
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto value = parseClass(lines[i]);
    if (!value) failLine(path, i, lines[i], "one class index");
    classes.push_back(*value);
  }
  return classes;
}

std::map<std::string, int64_t> readClassTable(const std::filesystem::path& path) {
  std::map<std::string, int64_t> table;
  const std::vector<std::string> lines = readLines(path);
  for (size_t i = 0; i < lines.size(); ++i) {
    const size_t comma = lines[i].rfind(',');
    const auto value =
        comma == std::string::npos ? std::nullopt : parseClass(std::string_view(lines[i]).substr(comma + 1));
    if (!value && i == 0) continue;
    if (!value) failLine(path, i, lines[i], "path,class");
    if (!table.emplace(lines[i].substr(0, comma), *value).second) failLine(path, i, lines[i], "each path once");
  }
  return table;
}

}  // namespace compress
