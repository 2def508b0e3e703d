// One escaper per sink: the only way by which strings out of models, data and command lines reach a terminal, a page or
// a log. Terminals: displayName() of text.h.
#pragma once
#include <string>
#include <string_view>

namespace compress {

/// Text and attribute values of HTML; controls and bidi marks become visible \xNN.
std::string escapeHtml(std::string_view content);
/// Text and attribute values of XML 1.0.
std::string escapeXml(std::string_view content);
/// Plain text inside Markdown, table cells too: no links, no emphasis, no HTML, one line.
std::string escapeMarkdown(std::string_view content);
/// One cell of a CSV file, quoted where needed; what a spreadsheet would take for a formula gets an apostrophe before
/// it.
std::string escapeCsv(std::string_view content);
/// Value of a label in Prometheus's text format, without its quotes.
std::string escapePrometheus(std::string_view content);
/// Message of a GitHub workflow command (::error::MESSAGE): one line, no further command.
std::string escapeWorkflow(std::string_view content);
/// JSON text for the inside of a <script type="application/json">: still the same JSON, without any '<', '>' or '&'.
std::string escapeJsonForHtml(std::string_view json);

}  // namespace compress
