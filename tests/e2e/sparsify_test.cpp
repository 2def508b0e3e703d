// `sparsify` as a user sees it.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/e2e/fixtures.h"

using namespace compress::test;
using Json = nlohmann::json;

TEST_CASE("sparsify makes weights zero and says what that does to the file", "[e2e][sparsify]") {
  const Workplace place;
  for (const Words& more :
       {Words{"--sparsity", "0.8", "--criterion", "sparsegpt"}, Words{"--granularity", "block4", "--sparsity", "0.8"},
        Words{"--granularity", "1:4", "--criterion", "wanda"}}) {
    CAPTURE(more);
    const ProcessResult result = runCompress(onImages(place, "sparsify", joined({"-f", "--json"}, more)));
    REQUIRE(result.exitCode == 0);
    const Json document = Json::parse(result.out);
    const Json& sparsity = document["sparsity"];
    CHECK(sparsity["bytes_zstd"]["after"].get<double>() < 0.7 * sparsity["bytes_zstd"]["before"].get<double>());
    CHECK(contains(document["warnings"].dump(), "W-ZEROS-KEPT"));
    REQUIRE_FALSE(sparsity["layers"].empty());
    for (const Json& layer : sparsity["layers"])
      CHECK(layer["zeros_after"].get<double>() == Approx(layer["weights"].get<double>() * 0.78).epsilon(0.08));
    CHECK(runCompress({"run", place.path("m.sparse.onnx")}).exitCode == 0);
  }
}

TEST_CASE("sparsify writes the same zeros for any number of threads", "[e2e][sparsify]") {
  const Workplace place;
  for (const std::string threads : {"1", "2", "4"})
    REQUIRE(runCompress(onImages(place, "sparsify",
                                 {"--sparsity", "0.7", "--criterion", "sparsegpt", "--threads", threads, "-o",
                                  place.path(threads + ".onnx")}))
                .exitCode == 0);
  CHECK(place.content("1.onnx") == place.content("2.onnx"));
  CHECK(place.content("1.onnx") == place.content("4.onnx"));
}

TEST_CASE("sparsify refuses zeros that make no sense before any work", "[e2e][sparsify]") {
  const Workplace place;
  const auto refuses = [&](const Words& more, std::string_view part) {
    const ProcessResult result = runCompress(onImages(place, "sparsify", more));
    CAPTURE(result.err);
    return result.exitCode == 2 && contains(result.err, part);
  };
  CHECK(refuses({"--sparsity", "0"}, "between 0 and 1"));
  CHECK(refuses({"--sparsity", "1.5"}, "sparsity"));
  CHECK(refuses({"--granularity", "4:2"}, "--granularity"));
  CHECK(refuses({"--granularity", "2:4", "--sparsity", "0.5"}, "exclude each other"));
  CHECK(refuses({"--sparsity", "0.5", "--criterion", "bn-scale"}, "sparsegpt"));
  CHECK(refuses({"--granularity", "2:4", "--scope", "global"}, "--scope global"));
  CHECK(refuses({"--sparsity", "0.5", "--exclude", "node:block1.conv1.con"}, "block1.conv1.conv"));
  CHECK_FALSE(place.has("m.sparse.onnx"));
}
