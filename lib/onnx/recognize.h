// Names for files that are not ONNX models, by their first bytes.
#pragma once
#include <string>
#include <string_view>

namespace compress {

struct OtherFormat {
  std::string name;  ///< "a zip archive"
  std::string hint;  ///< what to do with it
};

/// `head`: the first bytes of the file, up to 512. An empty name when nothing is recognised.
OtherFormat recognize(std::string_view head);

}  // namespace compress
