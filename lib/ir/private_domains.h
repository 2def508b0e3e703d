// Domains of operators that live within one run: no file may hold them.
#pragma once
#include <string_view>

namespace compress {

/// Operators of gradients and of training (lib/ops/gradient).
constexpr const char* kTrainDomain = "compress.train";

/// A domain that the reader and the writer refuse, so that no plan and no training graph is saved by accident.
inline bool isPrivateDomain(std::string_view domain) {
  return domain == kTrainDomain || domain == "compress.plan";
}

}  // namespace compress
