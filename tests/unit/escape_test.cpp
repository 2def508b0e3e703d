// One escaper per sink, each against hostile names.
#include "lib/base/escape.h"

#include <catch2/catch.hpp>

#include "lib/base/text.h"

using namespace compress;

namespace {

const std::string kHostile[] = {"<script>alert(1)</script>",
                                "a\x1B]8;;http://x\x07link",
                                "\xE2\x80\xAE"
                                "desrever",
                                "::error::owned",
                                "=cmd|' /C calc'!A0",
                                "@sum",
                                "a\nb\rc\td",
                                "\"><img src=x>",
                                "bad\xFF\xC0\x80utf8\xED\xA0\x80",
                                "a|b`c*d_e[f](g)",
                                "50% & more",
                                std::string("nul\0in", 6),
                                "\xEF\xBF\xBF"};

bool hasControl(std::string_view content) {
  for (const char c : content)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return true;
  return false;
}

}  // namespace

TEST_CASE("no escaper lets a control character or bidi mark through", "[escape]") {
  for (const std::string& name : kHostile)
    for (const auto escape : {escapeHtml, escapeXml, escapeMarkdown, escapeCsv, escapeWorkflow}) {
      const std::string escaped = escape(name);
      CAPTURE(name, escaped);
      CHECK_FALSE(hasControl(escaped));
      CHECK(escaped.find("\xE2\x80\xAE") == std::string::npos);
      CHECK(escaped.find('\xFF') == std::string::npos);
    }
}

TEST_CASE("HTML and XML cannot be left", "[escape]") {
  for (const std::string& name : kHostile)
    for (const auto escape : {escapeHtml, escapeXml})
      for (const char c : {'<', '>', '"', '\''}) CHECK(escape(name).find(c) == std::string::npos);
  CHECK(escapeHtml("a<b & \"c\" 'd'") == "a&lt;b &amp; &quot;c&quot; &#39;d&#39;");
  CHECK(escapeHtml("\x1B[31m") == "\\x1B[31m");
  CHECK(escapeXml("it's") == "it&apos;s");
}

TEST_CASE("CSV cells start no formula and keep their quotes", "[escape]") {
  CHECK(escapeCsv("plain") == "plain");
  CHECK(escapeCsv("a,b") == "\"a,b\"");
  CHECK(escapeCsv("say \"x\"") == "\"say \"\"x\"\"\"");
  CHECK(escapeCsv("=cmd") == "\"'=cmd\"");
  CHECK(escapeCsv("-1") == "\"'-1\"");
}

TEST_CASE("Prometheus labels end where they should", "[escape]") {
  CHECK(escapePrometheus("a\"b\\\n") == "a\\\"b\\\\\\\\x0A");
}

TEST_CASE("workflow lines hold one command, Markdown no markup, JSON no tag", "[escape]") {
  CHECK(escapeWorkflow("a\n::error::b%") == "a\\x0A%3A%3Aerror%3A%3Ab%25");
  CHECK(escapeMarkdown("a|b <i> @you") == "a\\|b &lt;i\\> &#64;you");
  CHECK(escapeJsonForHtml("{\"a\":\"</script>&\"}") == "{\"a\":\"\\u003c/script\\u003e\\u0026\"}");
}

TEST_CASE("what is not strict UTF-8 is shown as bytes", "[escape]") {
  CHECK(displayText("\xC0\x80") == "\\xC0\\x80");
  CHECK(displayText("\xED\xA0\x80") == "\\xED\\xA0\\x80");
  CHECK(displayText("\xF4\x90\x80\x80") == "\\xF4\\x90\\x80\\x80");
  CHECK(displayText("gr\xC3\xBC\xC3\x9F"
                    "e \xE6\x97\xA5") ==
        "gr\xC3\xBC\xC3\x9F"
        "e \xE6\x97\xA5");
}
