#include "tools/verb.h"

#include <nlohmann/json.hpp>

#include "lib/base/text.h"
#include "tools/document.h"

namespace compress {

void warnAs(VerbContext& context, std::string_view warning, std::string_view node) {
  const size_t colon = warning.find(": ");
  context.console.warn(node.empty() ? std::string(warning) : text(warning, " (", displayName(node), ')'));
  recordWarning(context.document, warning.substr(0, colon),
                colon == std::string_view::npos ? warning : warning.substr(colon + 2), node);
}

}  // namespace compress
