// Every truncation, bit flip and extreme byte of small models is read, or refused with an Error: never a crash. What is
// read can be written, and reads back the same.
#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

#include "lib/ir/print.h"
#include "lib/onnx/read.h"
#include "lib/onnx/write.h"
#include "tests/support/errors.h"
#include "tests/support/mutation.h"
#include "tests/support/onnx_models.h"
#include "tests/support/onnx_proto.h"

using namespace compress;

namespace {

/// A model that has a bit of everything: bodies that capture, functions, typed and raw data, declarations, carried
/// parts.
std::string richModel() {
  auto model = test::nestedIfs(2);
  auto& graph = *model.mutable_graph();
  *graph.add_initializer() = test::floatTensor("f", {2}, {1, 2});
  auto& raw = *graph.add_initializer();
  raw.set_name("r");
  raw.set_data_type(onnx::TensorProto::INT8);
  raw.add_dims(3);
  raw.set_raw_data("abc");
  test::addInt(test::addNode(graph, "Concat", {"f", "r"}, {"unused"}, "n"), "axis", 0);
  *graph.add_value_info() = test::floatValue("unused", {3});
  auto& function = *model.add_functions();
  function.set_name("fn");
  function.set_domain("d");
  function.add_opset_import()->set_version(17);
  function.add_input("a");
  function.add_output("b");
  auto& node = *function.add_node();
  node.set_op_type("Relu");
  node.add_input("a");
  node.add_output("b");
  auto& entry = *model.add_metadata_props();
  entry.set_key("k");
  entry.set_value("v");
  return model.SerializeAsString();
}

/// Empty, or what went wrong.
std::string complaintAbout(const std::string& bytes) {
  try {
    const Model model = parseModel(bytes).model;
    const std::string written = serializeModel(model);
    if (print(parseModel(written).model) != print(model)) return "reads back differently";
  } catch (const Error& error) {
    const bool refused = error.kind() == ErrorKind::input || error.kind() == ErrorKind::unsupported ||
                         error.kind() == ErrorKind::resource;
    return refused ? "" : error.message();
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

void tryMutations(const std::string& seed, int64_t step) {
  std::string complaint;
  const int64_t count = test::forEachMutation(seed, step, [&](const std::string& mutant) {
    if (complaint.empty()) complaint = complaintAbout(mutant);
  });
  CHECK(complaint == "");
  CHECK(count > 0);
}

}  // namespace

TEST_CASE("damaged copies of a rich small model are read or refused", "[onnx][hostile]") {
  tryMutations(richModel(), 1);
}

TEST_CASE("damaged copies of real small models are read or refused", "[onnx][hostile][slow]") {
  constexpr uintmax_t kSmall = 8000;
  constexpr size_t kEvery = 40;
  size_t seen = 0;
  for (const auto& path : test::realModels()) {
    if (std::filesystem::file_size(path) > kSmall || seen++ % kEvery != 0) continue;
    CAPTURE(path.string());
    std::ostringstream content;
    content << std::ifstream(path, std::ios::binary).rdbuf();
    tryMutations(content.str(), 1);
  }
}
