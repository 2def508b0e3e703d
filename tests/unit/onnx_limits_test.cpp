// Size: limits of the pre-scan, bombs, deep nesting, large graphs; and files that are no models at all.
#include <catch2/catch.hpp>
#include <sys/resource.h>
#include <sys/stat.h>

#include <ctime>
#include <fstream>
#include <functional>

#include "lib/base/text.h"
#include "lib/onnx/read.h"
#include "lib/onnx/write.h"
#include "tests/support/errors.h"
#include "tests/support/onnx_proto.h"
#include "tests/support/paths.h"
#include "tests/support/wire.h"

using namespace compress;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using test::bytesField;
using test::numberField;

namespace {

constexpr uint32_t kGraph = 7, kNode = 1, kInitializer = 5;

std::string refusal(std::string bytes, const ReadOptions& options = {}) {
  return test::outcomeOf([&] { return parseModel(std::move(bytes), options); });
}

std::string repeated(const std::string& unit, size_t count) {
  std::string all;
  all.reserve(unit.size() * count);
  for (size_t i = 0; i < count; ++i) all += unit;
  return all;
}

std::string modelWithGraph(const std::string& graph) {
  return numberField(1, 8) + bytesField(kGraph, graph);
}

int64_t peakMemory() {
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

/// Of the processor, so that other work on the machine does not count.
double secondsOf(const std::function<void()>& body) {
  const std::clock_t start = std::clock();
  body();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

/// The file's own bytes as a model's.
std::string fileRefusal(const std::string& content) {
  const test::TemporaryDirectory folder;
  const auto path = folder.path() / "m.onnx";
  std::ofstream(path, std::ios::binary) << content;
  return test::outcomeOf([&] { return readModel(path); });
}

constexpr int kMany = 100'000;

/// Relus one behind the other, or all on the input.
std::string manyNodes(bool isChain) {
  auto model = test::emptyModel();
  for (int i = 0; i < kMany; ++i) {
    const std::string from = i == 0 || !isChain ? "x" : "v" + std::to_string(i - 1);
    test::addNode(*model.mutable_graph(), "Relu", {from}, {i == kMany - 1 ? "y" : "v" + std::to_string(i)});
  }
  return model.SerializeAsString();
}

std::string manyInitializers() {
  auto model = test::emptyModel();
  for (int i = 0; i < kMany; ++i)
    *model.mutable_graph()->add_initializer() = test::floatTensor("w" + std::to_string(i), {1}, {1});
  test::addNode(*model.mutable_graph(), "Relu", {"x"}, {"y"});
  return model.SerializeAsString();
}

}  // namespace

TEST_CASE("files that are no models are named by what they are", "[onnx][hostile]") {
  CHECK_THAT(fileRefusal(""), StartsWith("3: ") && Contains("not an ONNX model: the file is empty"));
  CHECK_THAT(fileRefusal("hello, this is a note\n"),
             StartsWith("3: ") && Contains("not an ONNX model: it looks like a text file"));
  CHECK_THAT(fileRefusal("<!DOCTYPE html><html></html>"), Contains("an HTML page"));
  CHECK_THAT(fileRefusal("{\"a\": 1}"), Contains("a JSON file"));
  CHECK_THAT(fileRefusal("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
             Contains("Git LFS pointer"));
  CHECK_THAT(fileRefusal("PK\x03\x04 archive/data.pkl" + std::string(100, '\x01')), Contains("a PyTorch file"));
  CHECK_THAT(fileRefusal("PK\x03\x04" + std::string(100, '\x01')), Contains("a zip archive"));
  CHECK_THAT(fileRefusal(std::string("\x1c\0\0\0TFL3\x14\0\0\0", 12)), Contains("a TensorFlow Lite model"));
  CHECK_THAT(fileRefusal("\x89HDF\r\n\x1a\n" + std::string(20, '\0')), Contains("an HDF5 file"));
  CHECK_THAT(fileRefusal("\x80\x02}q\x01."), Contains("pickle"));
  CHECK_THAT(fileRefusal(std::string("\x40\0\0\0\0\0\0\0{\"a\":{}}", 16)), Contains("a safetensors file"));
  CHECK_THAT(fileRefusal("GGUF" + std::string(20, '\x03')), Contains("a GGUF file"));
  CHECK_THAT(fileRefusal(std::string(300, '\xff')), StartsWith("3: ") && Contains("not an ONNX model"));
}

TEST_CASE("directories, FIFOs, devices and missing files", "[onnx][hostile]") {
  const test::TemporaryDirectory folder;
  const auto read = [](const std::filesystem::path& path) { return test::outcomeOf([&] { return readModel(path); }); };
  CHECK_THAT(read(folder.path()), StartsWith("3: ") && Contains("is a directory"));
  const auto fifo = folder.path() / "fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  CHECK_THAT(read(fifo), StartsWith("3: ") && Contains("is a FIFO"));
  CHECK_THAT(read("/dev/zero"), StartsWith("3: ") && Contains("is a device"));
  CHECK_THAT(read(folder.path() / "missing.onnx"),
             StartsWith("5: ") && Contains("missing.onnx") && Contains("No such file"));
}

TEST_CASE("a model that is cut short, or has something behind it, is refused with the place", "[onnx][hostile]") {
  const std::string bytes = test::smallModel().SerializeAsString();
  CHECK_THAT(refusal(bytes.substr(0, bytes.size() - 3)),
             StartsWith("3: ") && Contains("cut short") && Contains("byte offset"));
  CHECK_THAT(refusal(bytes + std::string(8, '\0')),
             StartsWith("3: ") && Contains(text("byte offset ", bytes.size(), " of ", bytes.size() + 8)));
  CHECK_THAT(refusal(bytes + "\x0c"), StartsWith("3: ") && Contains("ends a group that has not begun"));
}

TEST_CASE("unknown groups are valid protobuf: kept", "[onnx][hostile]") {
  const std::string group = test::varint((90 << 3) | 3) + numberField(1, 5) + test::varint((90 << 3) | 4);
  const Model model = parseModel(test::smallModel().SerializeAsString() + group).model;
  CHECK_THAT(serializeModel(model), Contains(group));
  CHECK_THAT(refusal(test::smallModel().SerializeAsString() + test::varint((90 << 3) | 3)),
             StartsWith("3: ") && Contains("cut short inside a group"));
}

TEST_CASE("bombs of small messages are refused before they are built", "[onnx][hostile]") {
  const int64_t before = peakMemory();
  const std::string nodes = modelWithGraph(repeated(bytesField(kNode, ""), size_t{1} << 20));
  CHECK_THAT(refusal(nodes), StartsWith("3: ") && Contains("more than 1000000 nodes"));
  const std::string tensors = modelWithGraph(repeated(bytesField(kInitializer, ""), 25 << 20));
  CHECK_THAT(refusal(tensors), StartsWith("3: ") && Contains("more than 1000000 initializers"));
#ifdef __SANITIZE_ADDRESS__
  constexpr int64_t kAllowed = 450'000'000;  // AddressSanitizer keeps freed memory in quarantine
#else
  constexpr int64_t kAllowed = 300'000'000;
#endif
  CHECK(peakMemory() - before < kAllowed);
}

TEST_CASE("predicted memory is held against the limit", "[onnx][hostile]") {
  ReadOptions options;
  options.limits.memoryBytes = 100'000'000;
  const std::string nodes = modelWithGraph(repeated(bytesField(kNode, ""), 500'000));
  CHECK_THAT(refusal(nodes, options), StartsWith("6: ") && Contains("memory"));
  const std::string dims(20'000'000, '\x01');  // each byte becomes an eight-byte number
  CHECK_THAT(refusal(modelWithGraph(bytesField(kInitializer, bytesField(1, dims))), options), StartsWith("6: "));
}

TEST_CASE("limits on counts and names, each with its number", "[onnx][hostile]") {
  ReadOptions options;
  options.limits.graphInputsAndOutputs = 1;
  CHECK_THAT(refusal(test::smallModel().SerializeAsString(), options),
             StartsWith("3: ") && Contains("more than 1 graph inputs and outputs"));
  options = {};
  options.limits.attributesPerNode = 2;
  auto model = test::smallModel();
  for (int i = 0; i < 3; ++i) test::addInt(*model.mutable_graph()->mutable_node(0), "a" + std::to_string(i), i);
  CHECK_THAT(refusal(model.SerializeAsString(), options),
             StartsWith("3: ") && Contains("more than 2 attributes in one node"));
  options = {};
  model = test::smallModel();
  model.mutable_graph()->mutable_node(0)->set_name(std::string((64 << 10) + 1, 'n'));
  CHECK_THAT(refusal(model.SerializeAsString()), StartsWith("3: ") && Contains("name of 65537 bytes"));
  model = test::smallModel();
  for (int i = 0; i < 64; ++i) model.add_opset_import()->set_domain("d" + std::to_string(i));
  CHECK_THAT(refusal(model.SerializeAsString()), StartsWith("3: ") && Contains("more than 64 opset imports"));
}

TEST_CASE("subgraphs nest 32 deep and no deeper", "[onnx][hostile]") {
  for (const int depth : {31, 32}) CHECK(refusal(test::nestedIfs(depth).SerializeAsString()) == "nothing");
  for (const int depth : {33, 300})
    CHECK_THAT(refusal(test::nestedIfs(depth).SerializeAsString()),
               StartsWith("3: ") && Contains("more than 32 subgraphs nested"));
}

TEST_CASE("ten thousand nested subgraphs cost no stack", "[onnx][hostile]") {
  std::vector<std::string> headers;  // each of them ends where the next begins, so that they need only be put together
  size_t size = 0;
  const auto wrap = [&](uint32_t field, const std::string& before) {
    headers.push_back(test::varint((uint64_t{field} << 3) | 2) + test::varint(size + before.size()) + before);
    size += headers.back().size();
  };
  const std::string attribute = bytesField(1, "then_branch") + numberField(20, 5);
  for (int i = 0; i < 10'000; ++i) {
    wrap(6, "");
    wrap(5, attribute);
    wrap(kNode, bytesField(4, "If"));
  }
  std::string graph;
  for (auto it = headers.rbegin(); it != headers.rend(); ++it) graph += *it;
  CHECK_THAT(refusal(modelWithGraph(graph)), StartsWith("3: ") && Contains("nest"));
}

TEST_CASE("a limit that is raised lets deeper nesting through", "[onnx][hostile]") {
  ReadOptions options;
  options.limits.subgraphDepth = 60;
  CHECK(refusal(test::nestedIfs(60).SerializeAsString(), options) == "nothing");
}

TEST_CASE("long chains, wide fans and many initializers are read and written in time", "[onnx]") {
  const auto atStart = peakMemory();  // the program's own; more of it with sanitizers
  for (const std::string& bytes : {manyNodes(true), manyNodes(false), manyInitializers()}) {
    CHECK(secondsOf([&] { CHECK(serializeModel(parseModel(bytes).model).size() > 0); }) < 10);
  }
  CHECK(peakMemory() - atStart < 900'000'000);
}

TEST_CASE("a million nodes are within the limit", "[onnx][slow]") {
  std::string nodes;
  for (int i = 0; i < 1'000'000; ++i)
    nodes += bytesField(
        kNode, bytesField(1, "x") + bytesField(2, i == 0 ? "y" : "v" + std::to_string(i)) + bytesField(4, "Relu"));
  auto model = test::emptyModel();
  std::string bytes = model.SerializeAsString() + bytesField(kGraph, nodes);
  CHECK(secondsOf([&] { CHECK(refusal(std::move(bytes)) == "nothing"); }) < 20);
}

TEST_CASE("a file of more than 2 GiB is refused with the way out", "[onnx][hostile]") {
  const test::TemporaryDirectory folder;
  const auto path = folder.path() / "large.onnx";
  std::ofstream(path) << "x";
  std::filesystem::resize_file(path, (uint64_t{1} << 31) + 5);  // a hole: no disk is used
  const auto error = test::errorOf([&] { readModel(path); });
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::input);
  CHECK_THAT(error->message(), Contains("more than the 2 GiB"));
  CHECK_THAT(error->hint(), Contains("external data"));
}
