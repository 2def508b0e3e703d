// Reading, writing and reading again changes nothing: in our own form, and in that of the schema.
#include <catch2/catch.hpp>

#include "lib/ir/print.h"
#include "lib/onnx/read.h"
#include "lib/onnx/write.h"
#include "tests/support/onnx_models.h"

namespace compress::test {

TEST_CASE("read, write, read again is the identity on every real model", "[onnx]") {
  const auto models = realModels();
  if (models.empty()) WARN("skipped: neither libonnx-testdata nor the zoo is installed");
  for (const auto& path : models) {
    CAPTURE(path.string());
    const Model first = readModel(path).model;
    const std::string bytes = serializeModel(first);
    const Model second = parseModel(bytes).model;
    CHECK(print(first) == print(second));
    CHECK(bytes == serializeModel(second));
  }
}

}  // namespace compress::test
