// Datasets from arrays: matching with model inputs, preprocessing, labels, selection.
#include "lib/eval/dataset.h"

#include <catch2/catch.hpp>

#include "lib/base/parallel.h"
#include "tests/support/errors.h"
#include "tests/support/npy.h"
#include "tests/support/paths.h"

using namespace compress;
using namespace compress::test;

namespace {

InputSpec floatInput(std::vector<Dim> dims) {
  return {"x", Type::tensor(DType::f32, std::move(dims))};
}
Dim n() {
  return {-1, "N"};
}
Dim d(int64_t value) {
  return Dim::of(value);
}

struct Files {
  TemporaryDirectory folder;
  std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    writeBytes(folder.path() / name, bytes);
    return folder.path() / name;
  }
};

DataSource from(std::filesystem::path path) {
  DataSource source;
  source.path = std::move(path);
  return source;
}

}  // namespace

TEST_CASE("u8 pictures become scaled NCHW floats in one pass", "[dataset]") {
  const Files files;
  // One picture of 1 x 2 pixels: (10, 20, 30), (40, 50, 60).
  const auto path =
      files.write("x.npy", npyBytes("|u1", "(1, 1, 2, 3)", bytesOfValues<uint8_t>({10, 20, 30, 40, 50, 60})));
  const InputSpec input = floatInput({n(), d(3), d(1), d(2)});
  const auto plain = openDataset(from(path), {input}, {});
  const Tensor x = plain->read(0).inputs.at(0);
  CHECK(x.shape() == Shape{1, 3, 1, 2});
  const std::vector<float> expected = {10 / 255.0F, 40 / 255.0F, 20 / 255.0F, 50 / 255.0F, 30 / 255.0F, 60 / 255.0F};
  for (size_t i = 0; i < 6; ++i) CHECK(x.as<float>()[i] == Approx(expected[i]));
  CHECK(plain->preprocess().layout == "nhwc");
  CHECK(plain->preprocess().scale == Approx(1.0 / 255));

  PreprocessOptions options;
  options.scale = 1;
  options.colorOrder = "bgr";
  options.mean = {1, 2, 3};
  options.std = {1, 2, 4};
  const Tensor y = openDataset(from(path), {input}, options)->read(0).inputs.at(0);
  CHECK(toFloats(y) == std::vector<float>{6.75F, 14.25F, 9, 24, 9, 39});

  const Tensor last = openDataset(from(path), {floatInput({n(), d(1), d(2), d(3)})}, {})->read(0).inputs.at(0);
  CHECK(last.shape() == Shape{1, 1, 2, 3});
  CHECK(last.as<float>()[4] == Approx(50 / 255.0F));

  const Tensor gray = openDataset(from(path), {floatInput({n(), d(1), d(1), d(2)})}, {})->read(0).inputs.at(0);
  CHECK(gray.as<float>()[0] == Approx(18 / 255.0F));  // 0.299 * 10 + 0.587 * 20 + 0.114 * 30 = 18.15
}

TEST_CASE("presets are filled in and can be overridden", "[dataset]") {
  const Files files;
  const auto path = files.write("x.npy", npyBytes("|u1", "(1, 1, 1, 3)", bytesOfValues<uint8_t>({255, 0, 51})));
  const InputSpec input = floatInput({n(), d(3), d(1), d(1)});
  PreprocessOptions options;
  options.preset = "cifar10";
  auto x = toFloats(openDataset(from(path), {input}, options)->read(0).inputs[0]);
  CHECK(x[0] == Approx((1 - 0.485) / 0.229));
  CHECK(x[1] == Approx(-0.456 / 0.224));
  CHECK(x[2] == Approx((0.2 - 0.406) / 0.225));
  options.preset = "tf";
  options.std = {0.25};
  x = toFloats(openDataset(from(path), {input}, options)->read(0).inputs[0]);
  CHECK(x[0] == Approx(2));
  options = {};
  options.preset = "raw";
  CHECK(toFloats(openDataset(from(path), {input}, options)->read(0).inputs[0]) == std::vector<float>{255, 0, 51});
  options.preset = "banana";
  CHECK(throwsError(ErrorKind::usage, "expected one of imagenet, tf",
                    [&] { openDataset(from(path), {input}, options); }));
}

TEST_CASE("preprocessing options are checked and survive the trip through metadata", "[dataset]") {
  const auto rejected = [](PreprocessOptions options, std::string_view part) {
    return throwsError(ErrorKind::usage, part, [&] { withPreset(options); });
  };
  PreprocessOptions options;
  options.scale = 0;
  CHECK(rejected(options, "--scale"));
  options = {};
  options.std = {1, 0, 1};
  CHECK(rejected(options, "--std"));
  options = {};
  options.mean = {std::nan("")};
  CHECK(rejected(options, "--mean"));
  options = {};
  options.layout = "hwcn";
  CHECK(rejected(options, "nhwc, nchw"));

  Preprocess full;
  full.preset = "imagenet";
  full.layout = "nhwc";
  full.resize = 256;
  full.crop = 224;
  full.scale = 1.0 / 255;
  full.mean = {0.485, 0.456, 0.406};
  full.std = {0.229, 0.224, 0.225};
  const PreprocessOptions back = parsePreprocess(serialize(full));
  CHECK(back.preset == "imagenet");
  CHECK(back.crop == 224);
  CHECK(back.scale == 1.0 / 255);
  CHECK(back.mean == full.mean);
  CHECK(throwsError(ErrorKind::input, "'x'", [] { parsePreprocess("scale=1;x=2"); }));
  CHECK(throwsError(ErrorKind::input, "no finite number", [] { parsePreprocess("scale=nan"); }));
}

TEST_CASE("a missing channel axis is inserted, and inputs without a batch axis are met", "[dataset]") {
  const Files files;
  const auto path = files.write("x.npy", npyBytes("|u1", "(2, 3, 2)", std::string(12, '\x33')));
  const auto shapeFor = [&](std::vector<Dim> dims) {
    return openDataset(from(path), {floatInput(std::move(dims))}, {})->read(1).inputs.at(0).shape();
  };
  CHECK(shapeFor({n(), d(1), d(3), d(2)}) == Shape{1, 1, 3, 2});
  CHECK(shapeFor({n(), d(3), d(2), d(1)}) == Shape{1, 3, 2, 1});
  CHECK(shapeFor({n(), d(3), d(2)}) == Shape{1, 3, 2});
  CHECK(shapeFor({d(3), d(2)}) == Shape{3, 2});
  CHECK(throwsError(ErrorKind::input, "do not fit model input 'x' of float32[N, 1, 4, 2]", [&] {
    shapeFor({n(), d(1), d(4), d(2)});
  }));
}

TEST_CASE("integer inputs are fed as they are", "[dataset]") {
  const Files files;
  const auto path = files.write("ids.npy", npyBytes("<i4", "(2, 3)", bytesOfValues<int32_t>({1, 2, 300, 4, 5, 6})));
  const auto open = [&](DType dtype) {
    return openDataset(from(path), {{"ids", Type::tensor(dtype, std::vector<Dim>{n(), n()})}}, {})
        ->read(0)
        .inputs.at(0);
  };
  CHECK(open(DType::i64).dtype() == DType::i64);
  CHECK(toInts(open(DType::i64)) == std::vector<int64_t>{1, 2, 300});
  CHECK(throwsError(ErrorKind::input, "300 at element 2 does not fit the model's uint8", [&] { open(DType::u8); }));
}

TEST_CASE("NaN and infinity in a sample are numeric errors with the sample's name", "[dataset][hostile]") {
  const Files files;
  const float nan = std::nanf(""), infinity = std::numeric_limits<float>::infinity();
  const auto path = files.write("x.npy", npyBytes("<f4", "(3, 2)", bytesOfValues<float>({1, 2, 3, nan, infinity, 0})));
  const auto data = openDataset(from(path), {floatInput({n(), d(2)})}, {});
  CHECK_NOTHROW(data->read(0));
  CHECK(throwsError(ErrorKind::numeric, "x.npy[1]: NaN at element 1", [&] { data->read(1); }));
  CHECK(throwsError(ErrorKind::numeric, "x.npy[2]: infinity at element 0", [&] { data->read(2); }));
}

TEST_CASE("labels, offsets, slices and draws", "[dataset]") {
  const Files files;
  std::vector<float> values(20);
  std::vector<int64_t> classes(20);
  for (size_t i = 0; i < 20; ++i) values[i] = static_cast<float>(classes[i] = static_cast<int64_t>(i));
  DataSource source = from(files.write("x.npy", npyBytes("<f4", "(20, 1)", bytesOfValues(values))));
  source.labels = files.write("y.npy", npyBytes("<i8", "(20,)", bytesOfValues(classes)));
  source.labelOffset = 100;
  const InputSpec input = floatInput({n(), d(1)});
  const auto all = openDataset(source, {input}, {});
  REQUIRE(all->hasLabels());
  CHECK(toInts(*all->read(7).label) == std::vector<int64_t>{107});

  source.path += "[5:9]";
  const auto slice = openDataset(source, {input}, {});
  REQUIRE(slice->size() == 4);
  CHECK(toFloats(slice->read(0).inputs[0])[0] == 5);
  CHECK(toInts(*slice->read(3).label)[0] == 108);
  CHECK(slice->read(3).name.ends_with("x.npy[8]"));

  source.path = files.folder.path() / "x.npy";
  source.limit = 6;
  const auto drawn = openDataset(source, {input}, {}), again = openDataset(source, {input}, {});
  REQUIRE(drawn->size() == 6);
  float before = -1;
  for (int64_t i = 0; i < 6; ++i) {
    const float value = toFloats(drawn->read(i).inputs[0])[0];
    CHECK(value > before);
    CHECK(value == toFloats(again->read(i).inputs[0])[0]);
    CHECK(toInts(*drawn->read(i).label)[0] == static_cast<int64_t>(value) + 100);
    before = value;
  }
  source.labels = files.write("short.npy", npyBytes("<i8", "(2,)", bytesOfValues<int64_t>({1, 2})));
  CHECK(throwsError(ErrorKind::input, "labels has 2 samples, expected 20", [&] { openDataset(source, {input}, {}); }));
  source.labels = files.write("y.txt", "1\n2\nx\n");
  CHECK(throwsError(ErrorKind::input, "y.txt:3: 'x'", [&] { openDataset(source, {input}, {}); }));
  source.labels.reset();
  source.path += "[30:]";
  CHECK(throwsError(ErrorKind::input, "no samples: it has 20", [&] { openDataset(source, {input}, {}); }));
  source.path = files.folder.path() / "x.npy[a:]";
  CHECK(throwsError(ErrorKind::usage, "'a' is no sample index", [&] { openDataset(source, {input}, {}); }));
}

TEST_CASE("several inputs: by name, by length, by constant", "[dataset]") {
  const Files files;
  DataSource source;
  source.inputs["a"] =
      files.write("a.npy", npyBytes("<f4", "(2, 3, 2)", bytesOfValues<float>({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})));
  source.inputs["a.length"] = files.write("l.npy", npyBytes("<i4", "(2,)", bytesOfValues<int32_t>({2, 3})));
  source.inputs["rate"] = "@16000";
  const std::vector<InputSpec> inputs = {{"a", Type::tensor(DType::f32, std::vector<Dim>{n(), n(), d(2)})},
                                         {"rate", Type::tensor(DType::i64, Shape{})}};
  const auto data = openDataset(source, inputs, {});
  CHECK(data->read(0).inputs.at(0).shape() == Shape{1, 2, 2});
  CHECK(data->read(1).inputs.at(0).shape() == Shape{1, 3, 2});
  CHECK(toInts(data->read(0).inputs.at(1)) == std::vector<int64_t>{16000});
  source.inputs.erase("rate");
  CHECK(throwsError(ErrorKind::input, "no data for model input 'rate'", [&] { openDataset(source, inputs, {}); }));
  source.inputs["rate"] = "@16000";
  source.inputs["typo"] = source.inputs["a"];
  CHECK(throwsError(ErrorKind::input, "'typo' is no input of the model", [&] { openDataset(source, inputs, {}); }));
}

TEST_CASE("samples are the same read on any thread", "[dataset]") {
  const Files files;
  std::vector<uint8_t> values(64 * 48);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint8_t>(i * 7);
  const auto data = openDataset(from(files.write("x.npy", npyBytes("|u1", "(64, 4, 4, 3)", bytesOfValues(values)))),
                                {floatInput({n(), d(3), d(4), d(4)})}, {});
  std::vector<Tensor> read(64);
  parallelFor(64, [&](int64_t i) { read[static_cast<size_t>(i)] = data->read(i).inputs[0]; });
  for (int64_t i = 0; i < 64; ++i) CHECK(equal(read[static_cast<size_t>(i)], data->read(i).inputs[0]));
}

TEST_CASE("random data is the same for a seed and fits the types", "[dataset]") {
  const std::vector<InputSpec> inputs = {floatInput({n(), d(3)}),
                                         {"ids", Type::tensor(DType::i64, std::vector<Dim>{n(), n()})}};
  const auto data = randomDataset(inputs, 3, 5), other = randomDataset(inputs, 3, 6);
  CHECK(data->read(2).inputs.at(0).shape() == Shape{1, 3});
  CHECK(data->read(2).inputs.at(1).dtype() == DType::i64);
  CHECK(equal(data->read(2).inputs[0], randomDataset(inputs, 3, 5)->read(2).inputs[0]));
  CHECK_FALSE(equal(data->read(2).inputs[0], other->read(2).inputs[0]));
}

TEST_CASE("a constant input has the sizes that the others give to its symbols", "[dataset]") {
  const Files files;
  DataSource source;
  source.inputs["ids"] =
      files.write("ids.npy", npyBytes("<i8", "(2, 4)", bytesOfValues<int64_t>({1, 2, 3, 4, 5, 6, 7, 8})));
  source.inputs["ids.length"] = files.write("n.npy", npyBytes("<i8", "(2,)", bytesOfValues<int64_t>({3, 2})));
  source.inputs["mask"] = "@1";
  const std::vector<Dim> dims = {{-1, "batch"}, {-1, "seq"}};
  const auto data =
      openDataset(source, {{"ids", Type::tensor(DType::i64, dims)}, {"mask", Type::tensor(DType::i64, dims)}}, {});
  const Sample first = data->read(0);
  CHECK(first.inputs.at(0).shape() == Shape{1, 3});
  CHECK(first.inputs.at(1).shape() == Shape{1, 3});
  CHECK(toInts(first.inputs[1]) == std::vector<int64_t>{1, 1, 1});
  CHECK(data->read(1).inputs.at(1).shape() == Shape{1, 2});
}

TEST_CASE("pairs come in turn, the score at the second of each", "[dataset]") {
  const Files files;
  const auto path = files.folder.path() / "pairs.npz";
  std::vector<ZipEntry> entries = {{"a.x.npy", npyBytes("<f4", "(3, 1)", bytesOfValues<float>({1, 2, 3}))},
                                   {"b.x.npy", npyBytes("<f4", "(3, 1)", bytesOfValues<float>({4, 5, 6}))},
                                   {"score.npy", npyBytes("<f4", "(3,)", bytesOfValues<float>({0.5F, 1, 0}))}};
  writeZip(path, entries);
  const InputSpec input = floatInput({n(), d(1)});
  const auto data = openDataset(from(path), {input}, {});
  REQUIRE(data->size() == 6);
  CHECK(data->hasLabels());
  CHECK(toFloats(data->read(2).inputs[0])[0] == 2);
  CHECK_FALSE(data->read(2).label);
  CHECK(toFloats(data->read(3).inputs[0])[0] == 5);
  CHECK(toFloats(*data->read(3).label)[0] == 1);
  CHECK(data->read(3).name.ends_with("[1] (b)"));

  DataSource two = from(path);
  two.skip = 1;
  CHECK(openDataset(two, {input}, {})->size() == 4);

  entries.push_back({"c.npy", npyBytes("<f4", "(3, 1)", bytesOfValues<float>({1, 2, 3}))});
  writeZip(path, entries);
  CHECK(throwsError(ErrorKind::input, "'c' beside pairs, expected a.NAME and b.NAME",
                    [&] { openDataset(from(path), {input}, {}); }));
  entries.pop_back();
  entries[1] = {"b.x.npy", npyBytes("<f4", "(2, 1)", bytesOfValues<float>({4, 5}))};
  writeZip(path, entries);
  CHECK(throwsError(ErrorKind::input, "expected", [&] { openDataset(from(path), {input}, {}); }));
}
