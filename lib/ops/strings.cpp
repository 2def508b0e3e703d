// Ops on strings: StringConcat, StringSplit, RegexFullMatch, StringNormalizer.
#include <climits>
#include <clocale>
#include <cwchar>
#include <cwctype>
#include <memory>
#include <regex>
#include <set>

#include "lib/ops/access.h"
#include "lib/ops/elementwise.h"
#include "lib/ops/families.h"
#include "lib/ops/rules.h"

namespace compress {
namespace {

const std::vector<std::string>& stringsOf(const ReferenceContext& context, size_t i) {
  if (context.inputs[i].dtype() != DType::string)
    reject("input ", i, " is of ", nameOf(context.inputs[i].dtype()), ", expected strings");
  return context.inputs[i].strings();
}

void concatStrings(ReferenceContext& context) {
  const Shape& shape = context.outputs[0].shape();
  context.outputs[0].strings() = broadcastMap<std::string>(
      stringsOf(context, 0), context.inputs[0].shape(), stringsOf(context, 1), context.inputs[1].shape(), shape,
      [](const std::string& a, const std::string& b) { return a + b; });
}

// StringSplit ---------------------------------------------------------------------------------------------------------

void inferStringSplit(InferContext& context) {
  requireInputs(context, 1);
  const Type& x = context.input(0);
  context.outputs.at(0) = Type::tensor(DType::string);
  if (x.hasRank()) {
    context.outputs[0].dims = x.dims;
    context.outputs[0].dims->emplace_back();
  }
  if (context.outputs.size() > 1) context.outputs[1] = tensorType(DType::i64, x.dims);
}

/// Python's rules: runs of white space separate where there is no delimiter, and none stands at the ends.
std::vector<std::string> splitString(std::string_view whole, std::string_view delimiter, int64_t most) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  std::vector<std::string> parts;
  const auto skipSpace = [&] { whole.remove_prefix(std::min(whole.find_first_not_of(kSpace), whole.size())); };
  if (delimiter.empty()) skipSpace();
  while (!(delimiter.empty() && whole.empty())) {
    const size_t end = delimiter.empty() ? whole.find_first_of(kSpace) : whole.find(delimiter);
    const bool isLast = end == whole.npos || (most >= 0 && static_cast<int64_t>(parts.size()) >= most);
    parts.emplace_back(isLast ? whole : whole.substr(0, end));
    if (isLast) break;
    whole.remove_prefix(end + std::max<size_t>(1, delimiter.size()));
    if (delimiter.empty()) skipSpace();
  }
  return parts;
}

void splitStrings(ReferenceContext& context) {
  const std::string delimiter = context.node.attributes.string("delimiter", "");
  const int64_t most = context.node.attributes.integer("maxsplit", -1);
  std::vector<std::vector<std::string>> all;
  std::vector<int64_t> counts;
  size_t widest = 0;
  for (const std::string& each : stringsOf(context, 0)) {
    all.push_back(splitString(each, delimiter, most));
    counts.push_back(static_cast<int64_t>(all.back().size()));
    widest = std::max(widest, all.back().size());
  }
  std::vector<int64_t> dims = context.inputs[0].shape().dims();
  dims.push_back(static_cast<int64_t>(widest));
  context.outputs[0] = Buffer(DType::string, Shape(dims));
  auto& strings = context.outputs[0].strings();
  for (size_t i = 0; i < all.size(); ++i)
    std::ranges::move(all[i], strings.begin() + static_cast<std::ptrdiff_t>(i * widest));
  if (context.wants(1)) store(std::span<const int64_t>(counts), context.outputs[1]);
}

// RegexFullMatch ------------------------------------------------------------------------------------------------------

/// Longer ones could exhaust the stack of the matcher, which recurses.
constexpr size_t kLongestMatched = 4096;

void inferRegex(InferContext& context) {
  sameAsFirst(context);
  context.outputs[0].dtype = DType::boolean;
}

void regexFullMatch(ReferenceContext& context) {
  const std::string pattern = context.node.attributes.string("pattern", "");
  const auto matcher = [&] {
    try {
      return std::regex(pattern, std::regex::ECMAScript);
    } catch (const std::regex_error&) {
      throw Error(ErrorKind::unsupported, text("the pattern '", displayName(pattern), "' is not understood"));
    }
  }();
  std::vector<uint64_t> matches;
  for (const std::string& each : stringsOf(context, 0)) {
    if (each.size() > kLongestMatched)
      throw Error(ErrorKind::unsupported, text("a string of ", each.size(), " bytes, at most ", kLongestMatched,
                                               " are matched against a pattern"));
    matches.push_back(std::regex_match(each, matcher) ? 1 : 0);
  }
  store(std::span<const uint64_t>(matches), context.outputs[0]);
}

// StringNormalizer ----------------------------------------------------------------------------------------------------

void inferNormalizer(InferContext& context) {
  requireInputs(context, 1);
  const Type& x = context.input(0);
  context.outputs.at(0) = Type::tensor(DType::string);
  if (!x.hasRank()) return;
  if (x.rank() != 1 && !(x.rank() == 2 && (!(*x.dims)[0].isKnown() || (*x.dims)[0].value == 1)))
    reject("x is ", print(x), ", expected [C] or [1, C]");
  context.outputs[0].dims = x.rank() == 1 ? std::vector<Dim>{Dim{}} : std::vector<Dim>{Dim::of(1), Dim{}};
}

/// Unicode's simple mappings of single characters, whatever the locale of the process.
class CaseMapper {
 public:
  CaseMapper() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {}
  ~CaseMapper() {
    if (locale_ != nullptr) freelocale(locale_);
  }
  CaseMapper(const CaseMapper&) = delete;
  CaseMapper& operator=(const CaseMapper&) = delete;

  /// `action` is NONE, LOWER or UPPER; bytes that are no UTF-8 stay.
  std::string operator()(const std::string& from, const std::string& action) const {
    if (action == "NONE") return from;
    const locale_t before = uselocale(locale_ != nullptr ? locale_ : LC_GLOBAL_LOCALE);
    std::string to;
    std::mbstate_t in{}, out{};
    for (size_t i = 0; i < from.size();) {
      wchar_t wide = 0;
      const size_t length = std::mbrtowc(&wide, from.data() + i, from.size() - i, &in);
      if (length == 0 || length > 4) {
        in = {};
        to += from[i++];
        continue;
      }
      char bytes[MB_LEN_MAX];
      const auto mapped = static_cast<wchar_t>(action == "UPPER" ? std::towupper(static_cast<wint_t>(wide))
                                                                 : std::towlower(static_cast<wint_t>(wide)));
      const size_t written = std::wcrtomb(bytes, mapped, &out);
      to.append(written <= MB_LEN_MAX ? std::string(bytes, written) : from.substr(i, length));
      i += length;
    }
    uselocale(before);
    return to;
  }

 private:
  locale_t locale_;
};

std::vector<std::string> stopwordsOf(const Node& node) {
  const Attribute* attribute = node.attributes.find("stopwords");
  if (attribute == nullptr) return {};
  const auto* words = std::get_if<std::vector<std::string>>(&attribute->data);
  if (words == nullptr) reject("stopwords is no list of strings");
  return *words;
}

/// Drops stop words, changes the case of the others; one empty string where none is left.
void normalizeStrings(ReferenceContext& context) {
  const std::string action = context.node.attributes.string("case_change_action", "NONE");
  if (action != "NONE" && action != "LOWER" && action != "UPPER")
    reject("case_change_action is '", displayName(action), "', expected NONE, LOWER or UPPER");
  const bool isSensitive = context.node.attributes.integer("is_case_sensitive", 0) != 0;
  const CaseMapper mapped;
  std::set<std::string> stopwords;
  for (const std::string& word : stopwordsOf(context.node))
    stopwords.insert(isSensitive ? word : mapped(word, "LOWER"));
  std::vector<std::string> kept;
  for (const std::string& word : stringsOf(context, 0))
    if (!stopwords.contains(isSensitive ? word : mapped(word, "LOWER"))) kept.push_back(mapped(word, action));
  if (kept.empty()) kept.emplace_back();
  const auto count = static_cast<int64_t>(kept.size());
  context.outputs[0] = Buffer(DType::string, context.inputs[0].shape().rank() == 1 ? Shape{count} : Shape{1, count});
  context.outputs[0].strings() = std::move(kept);
}

}  // namespace

std::vector<OpSpec> stringOps() {
  return {
      {"StringConcat", "", inferBroadcastPair, concatStrings, {}, "a followed by b"},
      {"StringSplit", "", inferStringSplit, splitStrings, {}, "the parts of each string, and their number"},
      {"RegexFullMatch", "", inferRegex, regexFullMatch, {}, "whether a pattern matches the whole string"},
      {"StringNormalizer", "", inferNormalizer, normalizeStrings, {}, "strings without stop words, in one case"},
  };
}

}  // namespace compress
