// External data: where it may lie, which ranges count, when it is read, and how it is written.
#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "lib/base/file.h"
#include "lib/ir/print.h"
#include "lib/onnx/read.h"
#include "lib/onnx/write.h"
#include "tests/support/errors.h"
#include "tests/support/onnx_proto.h"
#include "tests/support/paths.h"

using namespace compress;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
namespace fs = std::filesystem;

namespace {

using Keys = std::vector<std::pair<std::string, std::string>>;

void save(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

/// y = Add(x, w) with w = float[1, 2] in another file.
onnx::ModelProto externalModel(const Keys& keys) {
  auto model = test::smallModel();
  auto& tensor = *model.mutable_graph()->mutable_initializer(0);
  tensor.clear_float_data();
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : keys) {
    auto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
  return model;
}

/// A folder with m.onnx, w.bin (16 bytes: four floats 0 to 3) and, outside of it, a canary.
struct Fixture {
  test::TemporaryDirectory root;
  fs::path folder = root.path() / "models";
  fs::path model = folder / "m.onnx";
  fs::path canary = root.path() / "canary.bin";

  Fixture() {
    fs::create_directory(folder);
    save(folder / "w.bin", floats());
    save(canary, floats());
  }
  static std::string floats() {
    const float values[] = {0, 1, 2, 3};
    return {reinterpret_cast<const char*>(values), sizeof values};
  }
  void write(const Keys& keys) const { save(model, externalModel(keys).SerializeAsString()); }
  Tensor read(const ReadOptions& options = {}) const {
    const Model read = readModel(model, options).model;
    return *read.graph.constant(read.graph.findValue("w"));
  }
  std::string refusal(const Keys& keys, const ReadOptions& options = {}) const {
    write(keys);
    return test::outcomeOf([&] { return read(options).raw(); });
  }
  std::string refusalAt(const std::string& location) const { return refusal({{"location", location}}); }
};

}  // namespace

TEST_CASE("external data are found by location, offset and length", "[onnx][external]") {
  const Fixture files;
  files.write({{"location", "w.bin"}, {"offset", "4"}, {"length", "8"}});
  CHECK(toDoubles(files.read()) == std::vector<double>{1, 2});
  files.write({{"location", "w.bin"}});
  CHECK(toDoubles(files.read()) == std::vector<double>{0, 1});
  fs::create_directory(files.folder / "sub");
  save(files.folder / "sub" / "w.bin", Fixture::floats());
  files.write({{"location", "sub/w.bin"}, {"offset", "8"}});
  CHECK(toDoubles(files.read()) == std::vector<double>{2, 3});
}

TEST_CASE("locations that leave the folder or are no file are refused", "[onnx][external][hostile]") {
  const Fixture files;
  const std::string canary = readFile(files.canary);
  for (const char* location : {"..", "../canary.bin", "a/../../canary.bin", "./../canary.bin"})
    CHECK_THAT(files.refusalAt(location), StartsWith("3: ") && Contains("leads out of the model's folder"));
  CHECK_THAT(files.refusalAt(files.canary.string()), StartsWith("3: ") && Contains("is absolute"));
  CHECK_THAT(files.refusalAt("/proc/self/mem"), StartsWith("3: ") && Contains("is absolute"));
  CHECK_THAT(files.refusalAt("C:\\x"), StartsWith("3: ") && Contains("backslash"));
  CHECK_THAT(files.refusalAt("C:x"), StartsWith("3: ") && Contains("drive letter"));
  CHECK_THAT(files.refusalAt("\\\\srv\\x"), StartsWith("3: ") && Contains("backslash"));
  CHECK_THAT(files.refusalAt(""), StartsWith("3: ") && Contains("is empty"));
  CHECK_THAT(files.refusalAt("*/_ORT_MEM_ADDR_/*"), StartsWith("3: ") && Contains("memory address"));
  CHECK_THAT(files.refusalAt(std::string(5000, 'a')), StartsWith("3: ") && Contains("5000 bytes"));
  CHECK_THAT(files.refusalAt("w\x01.bin"), StartsWith("3: ") && Contains("control character"));
  CHECK_THAT(files.refusalAt("w\xff.bin"), StartsWith("3: ") && Contains("UTF-8"));
  CHECK_THAT(files.refusalAt(std::string("w.bin\0x", 7)), StartsWith("3: ") && Contains("control character"));
  fs::create_directory(files.folder / "dir");
  CHECK_THAT(files.refusalAt("dir"), StartsWith("3: ") && Contains("not a regular file"));
  REQUIRE(mkfifo((files.folder / "fifo").c_str(), 0600) == 0);
  CHECK_THAT(files.refusalAt("fifo"), StartsWith("3: ") && Contains("not a regular file"));
  CHECK_THAT(files.refusalAt("missing.bin"), StartsWith("5: ") && Contains("missing.bin"));
  CHECK(readFile(files.canary) == canary);
}

TEST_CASE("symbolic links are refused, final ones and those on the way", "[onnx][external][hostile]") {
  const Fixture files;
  fs::create_symlink("../canary.bin", files.folder / "out.bin");
  fs::create_symlink("w.bin", files.folder / "in.bin");
  fs::create_directory_symlink(files.root.path(), files.folder / "up");
  for (const char* location : {"out.bin", "in.bin", "up/canary.bin"})
    CHECK_THAT(files.refusalAt(location), StartsWith("3: ") && Contains("symbolic link"));
}

TEST_CASE("the layout of download caches works: links to real files beside the real model", "[onnx][external]") {
  const Fixture files;
  const fs::path blobs = files.root.path() / "blobs";
  const fs::path snapshot = files.root.path() / "snapshots" / "1";
  fs::create_directories(blobs);
  fs::create_directories(snapshot);
  save(blobs / "aaa", externalModel({{"location", "w.bin"}}).SerializeAsString());
  save(blobs / "bbb", Fixture::floats());
  fs::create_symlink("../../blobs/aaa", snapshot / "m.onnx");
  fs::create_symlink("../../blobs/bbb", snapshot / "w.bin");
  const Model model = readModel(snapshot / "m.onnx").model;
  CHECK(toDoubles(*model.graph.constant(model.graph.findValue("w"))) == std::vector<double>{0, 1});
  fs::remove(snapshot / "w.bin");
  fs::create_symlink("../../canary.bin", snapshot / "w.bin");
  CHECK_THAT(test::outcomeOf([&] { return readModel(snapshot / "m.onnx"); }),
             StartsWith("3: ") && Contains("symbolic link"));
}

TEST_CASE("hard links need the option", "[onnx][external][hostile]") {
  const Fixture files;
  fs::create_hard_link(files.canary, files.folder / "hard.bin");
  CHECK_THAT(files.refusalAt("hard.bin"), StartsWith("3: ") && Contains("E-EXT-LINKED"));
  ReadOptions options;
  options.allowLinkedData = true;
  CHECK(files.refusal({{"location", "hard.bin"}}, options) == "nothing");
}

TEST_CASE("offsets and lengths are whole numbers within the file", "[onnx][external][hostile]") {
  const Fixture files;
  for (const char* number : {"-1", "1e3", "0x10", "18446744073709551616", "18446744073709551615", "", " 4", "4 ", "+4"})
    CHECK_THAT(files.refusal({{"location", "w.bin"}, {"offset", number}}),
               StartsWith("3: ") && Contains("whole number"));
  CHECK_THAT(files.refusal({{"location", "w.bin"}, {"offset", "17"}}), StartsWith("3: ") && Contains("pass the end"));
  CHECK_THAT(files.refusal({{"location", "w.bin"}, {"offset", "12"}}), StartsWith("3: ") && Contains("pass the end"));
  CHECK_THAT(files.refusal({{"location", "w.bin"}, {"offset", "9223372036854775807"}}),
             StartsWith("3: ") && Contains("pass the end"));
  CHECK_THAT(files.refusal({{"location", "w.bin"}, {"length", "9"}}),
             StartsWith("3: ") && Contains("length is 9, expected 8"));
  CHECK_THAT(files.refusal({{"location", "w.bin"}, {"offset", "0"}, {"offset", "4"}}),
             StartsWith("3: ") && Contains("offset is given twice"));
  CHECK_THAT(files.refusal({{"offset", "0"}}), StartsWith("3: ") && Contains("no location"));
}

TEST_CASE("unknown keys are ignored, each with one warning, at most ten", "[onnx][external][hostile]") {
  const Fixture files;
  Keys keys{{"location", "w.bin"}};
  for (int i = 0; i < 20; ++i) keys.emplace_back("key" + std::to_string(i), "x");
  files.write(keys);
  const auto warnings = readModel(files.model).warnings;
  CHECK(warnings.size() == 10);
  CHECK_THAT(warnings.front(), Contains("unknown key 'key0'"));
}

TEST_CASE("data both inside and outside, strings outside, odd booleans", "[onnx][external][hostile]") {
  const Fixture files;
  auto model = externalModel({{"location", "w.bin"}});
  auto& tensor = *model.mutable_graph()->mutable_initializer(0);
  tensor.add_float_data(1);
  save(files.model, model.SerializeAsString());
  CHECK_THAT(test::outcomeOf([&] { return files.read(); }),
             StartsWith("3: ") && Contains("both in another file and in float_data"));
  tensor.clear_float_data();
  tensor.set_data_type(onnx::TensorProto::STRING);
  save(files.model, model.SerializeAsString());
  CHECK_THAT(test::outcomeOf([&] { return files.read(); }), StartsWith("3: ") && Contains("strings"));
  save(files.folder / "w.bin", "\x01\x07");
  tensor.set_data_type(onnx::TensorProto::BOOL);
  save(files.model, model.SerializeAsString());
  CHECK_THAT(test::outcomeOf([&] { return files.read().raw(); }), StartsWith("3: ") && Contains("boolean element 1"));
}

TEST_CASE("models without a file of their own have no external data", "[onnx][external][hostile]") {
  const Fixture files;
  files.write({{"location", "w.bin"}});
  CHECK_THAT(test::outcomeOf([&] { return parseModel(readFile(files.model)); }),
             StartsWith("3: ") && Contains("not allowed here"));
  ReadOptions options;
  options.allowExternalData = false;
  CHECK_THAT(files.refusal({{"location", "w.bin"}}, options), StartsWith("3: ") && Contains("not allowed here"));
}

TEST_CASE("data that change between reading the model and using it are an error", "[onnx][external][hostile]") {
  const Fixture files;
  files.write({{"location", "w.bin"}});
  const Tensor tensor = files.read();
  save(files.folder / "w.bin", "short");
  CHECK_THAT(test::outcomeOf([&] { return tensor.raw(); }),
             StartsWith("5: ") && Contains("changed after the model was read"));
}

TEST_CASE("the same range is shared, overlapping ranges are warned of", "[onnx][external]") {
  const Fixture files;
  auto model = externalModel({{"location", "w.bin"}});
  auto& graph = *model.mutable_graph();
  *graph.add_initializer() = graph.initializer(0);
  graph.mutable_initializer(1)->set_name("v");
  save(files.model, model.SerializeAsString());
  const auto shared = readModel(files.model);
  CHECK(shared.warnings.empty());
  const Graph& read = shared.model.graph;
  CHECK(read.constant(read.findValue("w"))->bytes().sharesWith(read.constant(read.findValue("v"))->bytes()));
  auto& offset = *graph.mutable_initializer(1)->add_external_data();
  offset.set_key("offset");
  offset.set_value("4");
  save(files.model, model.SerializeAsString());
  const auto overlapping = readModel(files.model).warnings;
  REQUIRE(overlapping.size() == 1);
  CHECK_THAT(overlapping[0], Contains("overlap"));
}

TEST_CASE("external data are written beside the model under a name of their content", "[onnx][external]") {
  const Fixture files;
  auto proto = test::smallModel();
  for (const char* name : {"big1", "big2", "big3"}) {
    auto& tensor = *proto.mutable_graph()->add_initializer();
    tensor = test::floatTensor(name, {500}, {});
    for (int i = 0; i < 500; ++i) tensor.add_float_data(static_cast<float>(name[3] == '3' ? 1 : i));
  }
  const Model model = parseModel(proto.SerializeAsString()).model;
  WriteOptions options;
  options.externalData = WriteOptions::ExternalData::always;
  writeModel(model, files.model, options);
  const auto read = readModel(files.model);
  CHECK(print(read.model) == print(model));
  REQUIRE(read.externalFiles.size() == 1);
  const fs::path data = read.externalFiles[0];
  CHECK(data.filename().string() == "m.onnx." + sha256(readFile(data)).substr(0, 8) + ".data");
  CHECK(fs::file_size(data) == 4096 + 2000);  // big1 and big2 are equal: written once
  const Graph& graph = read.model.graph;
  CHECK(graph.constant(graph.findValue("big1"))->bytes().sharesWith(graph.constant(graph.findValue("big2"))->bytes()));
  CHECK(toDoubles(*graph.constant(graph.findValue("w"))) == std::vector<double>{1, 2});
}

TEST_CASE("writing a model with external data inline brings the data in, and does not keep them in memory",
          "[onnx][external]") {
  const Fixture files;
  files.write({{"location", "w.bin"}});
  const Model model = readModel(files.model).model;
  const Model inlined = parseModel(serializeModel(model)).model;
  CHECK_FALSE(model.graph.constant(model.graph.findValue("w"))->bytes().isResident());
  CHECK(print(inlined) == print(model));
}

TEST_CASE("a data file is not left behind when the model cannot get its name", "[onnx][external]") {
  const Fixture files;
  auto proto = test::smallModel();
  auto& tensor = *proto.mutable_graph()->add_initializer();
  tensor = test::floatTensor("big", {500}, {});
  for (int i = 0; i < 500; ++i) tensor.add_float_data(1);
  const Model model = parseModel(proto.SerializeAsString()).model;
  WriteOptions options;
  options.externalData = WriteOptions::ExternalData::always;
  save(files.model, "in the way");
  CHECK_THAT(test::outcomeOf([&] {
               writeModel(model, files.model, options);
               return 0;
             }),
             StartsWith("5: ") && Contains("exists"));
  CHECK(std::distance(fs::directory_iterator(files.folder), fs::directory_iterator()) == 2);
  CHECK(readFile(files.model) == "in the way");
}

TEST_CASE("what a killed writer left is removed by the next, the data file too", "[onnx][external]") {
  const Fixture files;
  const std::string orphan = "m.onnx.0123abcd.data";
  save(files.folder / orphan, "data");
  save(files.folder / "m.onnx.deadbeef.data", "not mentioned by any temporary");
  save(files.folder / ".m.onnx.999999999-00000000.abcdef.tmp", "a model that names " + orphan);
  writeModel(parseModel(test::smallModel().SerializeAsString()).model, files.model);
  CHECK_FALSE(fs::exists(files.folder / orphan));
  CHECK_FALSE(fs::exists(files.folder / ".m.onnx.999999999-00000000.abcdef.tmp"));
  CHECK(fs::exists(files.folder / "m.onnx.deadbeef.data"));
}
