// The one way to stderr.
#pragma once
#include <string_view>

namespace compress {

/// Messages are worth no error of their own: a closed stderr is ignored.
void writeStderr(std::string_view bytes);

}  // namespace compress
