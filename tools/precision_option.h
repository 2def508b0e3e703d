// --precision, for verbs that run models on the cpu backend.
#pragma once
#include <memory>
#include <string>

#include "lib/runtime/backend.h"
#include "tools/verb.h"

namespace compress {

class PrecisionOption {
 public:
  void options(OptionVisitor& visitor);
  bool isDefault() const { return precision_ == "f32"; }
  /// The cpu backend in that precision, which becomes the document's "precision". Throws Error(unsupported) where the
  /// processor lacks it.
  std::unique_ptr<Backend> makeBackend(VerbContext& context) const;

 private:
  std::string precision_ = "f32";
};

}  // namespace compress
