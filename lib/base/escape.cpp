#include "lib/base/escape.h"

#include "lib/base/text.h"

namespace compress {
namespace {

std::string escapeMarkup(std::string_view content, std::string_view apostrophe) {
  std::string out;
  for (const char c : displayText(content)) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += apostrophe;
        break;
      default:
        out += c;
    }
  return out;
}

}  // namespace

std::string escapeHtml(std::string_view content) {
  return escapeMarkup(content, "&#39;");
}
std::string escapeXml(std::string_view content) {
  return escapeMarkup(content, "&apos;");
}

std::string escapeMarkdown(std::string_view content) {
  std::string out;
  for (const char c : displayText(content)) {
    if (c == '<')
      out += "&lt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '@')
      out += "&#64;";
    else if (c == ':')
      out += "&#58;";
    else if (std::string_view("\\`*_{}[]()#+!|>~").find(c) != std::string_view::npos)
      out += {'\\', c};
    else
      out += c;
  }
  return out;
}

std::string escapeCsv(std::string_view content) {
  std::string shown = displayText(content);
  if (!shown.empty() && std::string_view("=+-@").find(shown.front()) != std::string_view::npos)
    shown.insert(0, 1, '\'');
  if (shown.find_first_of(",\"' ") == std::string::npos) return shown;
  std::string quoted = "\"";
  for (const char c : shown) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

std::string escapePrometheus(std::string_view content) {
  std::string out;
  for (const char c : displayText(content)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string escapeWorkflow(std::string_view content) {
  std::string out;
  for (const char c : displayText(content)) {
    if (c == '%')
      out += "%25";
    else if (c == ':')
      out += "%3A";
    else if (c == ',')
      out += "%2C";
    else
      out += c;
  }
  return out;
}

std::string escapeJsonForHtml(std::string_view json) {
  std::string out;
  for (const char c : json) switch (c) {
      case '<':
        out += "\\u003c";
        break;
      case '>':
        out += "\\u003e";
        break;
      case '&':
        out += "\\u0026";
        break;
      default:
        out += c;
    }
  return out;
}

}  // namespace compress
