// `bench` as a user sees it, and the inputs that it shares with `run`.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "lib/onnx/write.h"
#include "tests/e2e/fixtures.h"
#include "tests/support/build.h"
#include "tests/support/npy.h"

using namespace compress::test;
using Json = nlohmann::json;

namespace {

/// Looks tokens up and adds their vectors `count` times: random inputs make no sense to it.
constexpr std::string_view kTokens = R"(
input ids: int64[1, N]
input count: int64[]
const table: float32[50, 4]
const yes: bool[] = 1
e = Gather(table, ids)
graph body
input i: int64[]
input go: bool[]
input sum: float32[1, N, 4]
input seen: float32[1, N, 4]
more = Identity(go)
next = Add(sum, seen)
output more
output next
end
y = Loop[body=@body](count, yes, e, e) captures 1
output y
)";

struct Tokens {
  TemporaryDirectory folder;
  std::string model = folder.path() / "tokens.onnx";
  std::string npz = folder.path() / "in.npz";
  std::string ids = folder.path() / "ids.npy";

  Tokens() {
    compress::writeModel(buildModel(kTokens), model);
    const std::string array = npyBytes("<i8", "(1, 3)", bytesOfValues(std::vector<int64_t>{49, 0, 7}));
    writeBytes(ids, array);
    writeZip(npz, {{"ids.npy", array}, {"count.npy", npyBytes("<i8", "()", bytesOfValues(std::vector<int64_t>{2}))}});
  }
};

}  // namespace

TEST_CASE("bench and run take inputs from an npz and by name", "[e2e]") {
  const Tokens tokens;
  const ProcessResult run = runCompress({"run", "--inputs", tokens.npz, tokens.model});
  CHECK(run.exitCode == 0);
  CHECK(contains(run.out, "y: float32[1, 3, 4]"));
  CHECK(runCompress({"run", "--input", "ids=" + tokens.ids, "--input", "count=@2", tokens.model}).out == run.out);
  for (const std::vector<std::string>& inputs : std::vector<std::vector<std::string>>{
           {"--inputs", tokens.npz}, {"--input", "ids=" + tokens.ids, "--input", "count=@2"}}) {
    std::vector<std::string> arguments = {"bench", "--runs", "3", "--json"};
    arguments.insert(arguments.end(), inputs.begin(), inputs.end());
    arguments.insert(arguments.end(), {tokens.model, tokens.model});
    const ProcessResult result = runCompress(arguments);
    CAPTURE(result.err);
    REQUIRE(result.exitCode == 0);
    const Json document = Json::parse(result.out);
    REQUIRE(document["latency"].size() == 2);
    const Json& latency = document["latency"][1];
    CHECK(latency["shape"] == "[1, 3] []");
    CHECK(latency["min_ms"].get<double>() <= latency["p50_ms"].get<double>());
  }
}

TEST_CASE("inputs that do not fit are named", "[e2e]") {
  const Tokens tokens;
  const ProcessResult some = runCompress({"bench", "--runs", "1", "--input", "ids=" + tokens.ids, tokens.model});
  CHECK(some.exitCode == 3);
  CHECK(contains(some.err, "input 'count' is given no tensor"));
  const ProcessResult unknown = runCompress({"bench", "--runs", "1", "--input", "idz=" + tokens.ids, tokens.model});
  CHECK(unknown.exitCode == 2);
  CHECK(contains(unknown.err, "the model has no input 'idz'\n  hint: near: ids"));
  const ProcessResult both = runCompress({"bench", "--shape", "ids:1x3", "--input", "ids=" + tokens.ids, tokens.model});
  CHECK(both.exitCode == 2);
  CHECK(contains(both.err, "--shape and --input exclude each other"));
  const Workplace place;
  const ProcessResult other = runCompress({"run", "--inputs", tokens.npz, place.model()});
  CHECK(other.exitCode == 3);
  CHECK(contains(other.err, "no key is called like an input (image), found count, ids"));
  CHECK(runCompress({"run", "--input", "ids=@many", "--input", "count=@1", tokens.model}).exitCode == 2);
}

TEST_CASE("bench times batches where the model leaves axis 0 open", "[e2e]") {
  const Workplace place;
  const ProcessResult result = runCompress({"bench", "--runs", "3", "--batch", "4", "--json", place.model()});
  REQUIRE(result.exitCode == 0);
  const Json latency = Json::parse(result.out)["latency"][0];
  CHECK(latency["batch"] == 4);
  CHECK(latency["shape"] == "[4, 1, 28, 28]");
  CHECK(contains(runCompress({"bench", "--batch", "4", "--shape", "2x1x28x28", place.model()}).err,
                 "'image' is declared float32[2, 1, 28, 28]"));
  const Tokens tokens;
  CHECK(runCompress({"bench", "--batch", "2", tokens.model}).exitCode == 2);
}
