// SHA-256 of bytes that come in pieces.
#pragma once
#include <memory>
#include <span>
#include <string>

namespace compress {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void add(std::span<const std::byte> bytes);
  /// Lower-case hexadecimal; nothing can be added afterwards.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace compress
