#include "lib/eval/npy.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

/// numpy itself writes at most a few hundred bytes for arrays of numbers.
constexpr int64_t kHeaderLimit = 64 << 10;
constexpr size_t kRankLimit = 64;

/// Walks over the Python literal of a header: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view rest) : rest_(rest) {}

  bool accept(std::string_view token) {
    skipSpace();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  void expect(std::string_view token) {
    if (!accept(token))
      throw Error(ErrorKind::input,
                  text("npy header: expected ", token, " before '", displayName(rest_.substr(0, 20)), "'"));
  }
  std::string_view string() {
    skipSpace();
    const char quote = rest_.empty() ? ' ' : rest_.front();
    const size_t end = rest_.find(quote, 1);
    if ((quote != '\'' && quote != '"') || end == std::string_view::npos)
      throw Error(ErrorKind::input,
                  text("npy header: expected a quoted name before '", displayName(rest_.substr(0, 20)), "'"));
    const std::string_view inside = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return inside;
  }
  int64_t extent() {
    skipSpace();
    int64_t value = 0;
    const auto [end, failed] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (failed != std::errc() || value < 0)
      throw Error(ErrorKind::input, text("npy header: '", displayName(rest_.substr(0, 20)), "' is no array extent"));
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return value;
  }
  bool isAtEnd() {
    skipSpace();
    return rest_.empty();
  }

 private:
  void skipSpace() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n' || rest_.front() == '\t'))
      rest_.remove_prefix(1);
  }
  std::string_view rest_;
};

std::vector<int64_t> readShape(HeaderReader& reader) {
  std::vector<int64_t> dims;
  reader.expect("(");
  while (!reader.accept(")")) {
    dims.push_back(reader.extent());
    if (dims.size() > kRankLimit) throw Error(ErrorKind::input, text("npy header: more than ", kRankLimit, " axes"));
    if (reader.accept(")")) break;
    reader.expect(",");
  }
  return dims;
}

DType dtypeOfDescription(std::string_view code) {
  struct Known {
    std::string_view code;
    DType dtype;
  };
  static constexpr Known kKnown[] = {{"f4", DType::f32}, {"f8", DType::f64}, {"f2", DType::f16},
                                     {"u1", DType::u8},  {"i1", DType::i8},  {"i2", DType::i16},
                                     {"i4", DType::i32}, {"i8", DType::i64}, {"u2", DType::u16},
                                     {"u4", DType::u32}, {"u8", DType::u64}, {"b1", DType::boolean}};
  for (const Known& known : kKnown)
    if (known.code == code.substr(1)) return known.dtype;
  if (code.substr(1).starts_with("O"))
    throw Error(ErrorKind::input, "npy: holds pickled Python objects, which are never loaded",
                "save numbers: numpy.save(path, array.astype('float32'))");
  throw Error(ErrorKind::unsupported,
              text("npy: element type '", displayName(code), "' is none of f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1"));
}

void readDescription(HeaderReader& reader, ArrayLayout& layout) {
  if (reader.accept("[")) throw Error(ErrorKind::unsupported, "npy: holds records, expected plain numbers");
  const std::string_view code = reader.string();
  if (code.size() < 2 || std::string_view("<>|=").find(code.front()) == std::string_view::npos)
    throw Error(ErrorKind::input, text("npy header: element type '", displayName(code), "' is not understood"));
  layout.isBigEndian = code.front() == '>';
  layout.dtype = dtypeOfDescription(code);
}

ArrayLayout parseHeader(std::string_view header) {
  HeaderReader reader(header);
  ArrayLayout layout;
  std::vector<std::string_view> seen;
  reader.expect("{");
  while (!reader.accept("}")) {
    const std::string_view key = reader.string();
    if (std::ranges::find(seen, key) != seen.end())
      throw Error(ErrorKind::input, text("npy header: key '", displayName(key), "' is there twice"));
    seen.push_back(key);
    reader.expect(":");
    if (key == "descr")
      readDescription(reader, layout);
    else if (key == "shape")
      layout.shape = Shape(readShape(reader));
    else if (key != "fortran_order")
      throw Error(ErrorKind::input, text("npy header: unknown key '", displayName(key), "'"));
    else if (reader.accept("True"))
      layout.isFortran = true;
    else
      reader.expect("False");
    if (reader.accept("}")) break;
    reader.expect(",");
  }
  if (seen.size() != 3) throw Error(ErrorKind::input, "npy header: expected the keys descr, fortran_order and shape");
  if (!reader.isAtEnd()) throw Error(ErrorKind::input, "npy header: text after the closing brace");
  return layout;
}

}  // namespace

ArrayLayout readNpyHeader(const StoredFile& file) {
  return within([&] { return displayName(file.name()); },
                [&] {
                  std::byte prefix[12] = {};
                  const int64_t available = std::min<int64_t>(file.size(), sizeof prefix);
                  file.readAt(0, std::span(prefix).first(static_cast<size_t>(available)));
                  const std::string_view magic(reinterpret_cast<const char*>(prefix), 6);
                  if (available < 10 || magic != "\x93NUMPY")
                    throw Error(ErrorKind::input,
                                text("no npy file: its ", file.size(), " bytes do not begin with numpy's mark"));
                  const auto byte = [&](size_t i) { return static_cast<int64_t>(prefix[i]); };
                  const int64_t version = byte(6), lengthBytes = version == 1 ? 2 : 4;
                  if (version < 1 || version > 3)
                    throw Error(ErrorKind::input, text("npy version ", version, ", expected 1, 2 or 3"));
                  int64_t length = 0;
                  for (int64_t i = 0; i < lengthBytes; ++i) length |= byte(static_cast<size_t>(8 + i)) << (8 * i);
                  const int64_t begin = 8 + lengthBytes;
                  if (length > kHeaderLimit || length > file.size() - begin)
                    throw Error(ErrorKind::input, text("npy header of ", length, " bytes: the file has ", file.size(),
                                                       ", the limit is ", kHeaderLimit));
                  std::string header(static_cast<size_t>(length), '\0');
                  file.readAt(begin, std::as_writable_bytes(std::span(header)));
                  ArrayLayout layout = parseHeader(header);
                  layout.offset = begin + length;
                  return layout;
                });
}

StoredArray openNpy(const std::filesystem::path& path) {
  auto file = StoredFile::open(path);
  ArrayLayout layout = readNpyHeader(*file);
  return {std::move(file), std::move(layout)};
}

}  // namespace compress
