// A kernel whose work is a function of the bound pointers.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "lib/runtime/plan/kernel.h"

namespace compress::int8 {

struct Pointers {
  std::vector<std::byte*> inputs, outputs;
  std::byte* scratch = nullptr;

  const uint8_t* x(size_t i = 0) const { return reinterpret_cast<const uint8_t*>(inputs[i]); }
  const float* floats(size_t i = 0) const { return reinterpret_cast<const float*>(inputs[i]); }
  uint8_t* y() const { return reinterpret_cast<uint8_t*>(outputs[0]); }
  float* floatResult() const { return reinterpret_cast<float*>(outputs[0]); }
};

class ByteKernel : public Kernel {
 public:
  using Body = std::function<void(const Pointers&)>;
  ByteKernel(std::string name, Body body) : name_(std::move(name)), body_(std::move(body)) {}
  std::string name() const override { return name_; }
  void bind(std::span<std::byte* const> inputs, std::span<std::byte* const> outputs, std::byte* scratch) override {
    pointers_.inputs.assign(inputs.begin(), inputs.end());
    pointers_.outputs.assign(outputs.begin(), outputs.end());
    pointers_.scratch = scratch;
  }
  void run() override { body_(pointers_); }

 private:
  std::string name_;
  Body body_;
  Pointers pointers_;
};

}  // namespace compress::int8
