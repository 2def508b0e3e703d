// Reading, writing and reading again changes nothing: in our own form, and in that of the schema.
#include <catch2/catch.hpp>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "lib/ir/print.h"
#include "lib/onnx/read.h"
#include "lib/onnx/write.h"
#include "tests/support/onnx_models.h"
#include "tests/support/onnx_proto.h"

using namespace compress;

namespace {

/// The tensor with its data as raw bytes, made by the code under test: the payload's form is what may differ.
void normalizeTensor(onnx::TensorProto& tensor) {
  onnx::ModelProto carrier = test::emptyModel();
  carrier.mutable_graph()->mutable_node()->Clear();
  carrier.mutable_graph()->mutable_output(0)->set_name("x");
  const std::string name = tensor.name();
  *carrier.mutable_graph()->add_initializer() = tensor;
  carrier.mutable_graph()->mutable_initializer(0)->set_name("t");
  const std::string bytes = serializeModel(parseModel(carrier.SerializeAsString()).model);
  REQUIRE(carrier.ParseFromString(bytes));
  tensor = carrier.graph().initializer(0);
  tensor.set_name(name);
  if (name.empty()) tensor.clear_name();
}

void normalizeAttribute(onnx::AttributeProto& attribute) {
  if (attribute.type() == onnx::AttributeProto::FLOAT) attribute.set_f(attribute.f());
  if (attribute.type() == onnx::AttributeProto::INT) attribute.set_i(attribute.i());
  if (attribute.type() == onnx::AttributeProto::STRING) attribute.set_s(attribute.s());
  if (attribute.has_t()) normalizeTensor(*attribute.mutable_t());
}

void sortByName(auto& list) {
  std::stable_sort(list.pointer_begin(), list.pointer_end(),
                   [](const auto* a, const auto* b) { return a->name() < b->name(); });
}

/// What the schema leaves open: absent against empty text, the spelling of the default domain, the order of
/// initializers and value_info.
void normalizeGraph(onnx::GraphProto& main) {
  std::vector<onnx::GraphProto*> graphs{&main};
  for (size_t i = 0; i < graphs.size(); ++i) {
    onnx::GraphProto& graph = *graphs[i];
    if (graph.name().empty()) graph.clear_name();
    for (auto& tensor : *graph.mutable_initializer()) normalizeTensor(tensor);
    sortByName(*graph.mutable_initializer());
    sortByName(*graph.mutable_value_info());
    for (auto& node : *graph.mutable_node()) {
      if (node.name().empty()) node.clear_name();
      if (node.domain().empty() || node.domain() == "ai.onnx") node.clear_domain();
      for (auto& attribute : *node.mutable_attribute()) {
        normalizeAttribute(attribute);
        if (attribute.has_g()) graphs.push_back(attribute.mutable_g());
        for (auto& body : *attribute.mutable_graphs()) graphs.push_back(&body);
      }
    }
  }
}

onnx::ModelProto normalized(const std::string& bytes) {
  onnx::ModelProto model;
  REQUIRE(model.ParseFromString(bytes));
  normalizeGraph(*model.mutable_graph());
  for (auto& import : *model.mutable_opset_import())
    import.set_domain(import.domain() == "ai.onnx" ? "" : import.domain());
  return model;
}

std::string contentOf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

void checkSame(const std::string& original, const std::string& written) {
  google::protobuf::util::MessageDifferencer differencer;
  differencer.set_message_field_comparison(google::protobuf::util::MessageDifferencer::EQUAL);
  std::string differences;
  differencer.ReportDifferencesToString(&differences);
  const bool same = differencer.Compare(normalized(original), normalized(written));
  CHECK(same);
  CHECK(differences.substr(0, 2000).empty());
}

}  // namespace

TEST_CASE("read, write, read again is the identity on every real model", "[onnx]") {
  const auto models = test::realModels();
  if (models.empty()) WARN("skipped: neither libonnx-testdata nor the zoo is installed");
  for (const auto& path : models) {
    CAPTURE(path.string());
    const Model first = readModel(path).model;
    const std::string written = serializeModel(first);
    const Model second = parseModel(written).model;
    CHECK(print(first) == print(second));
    CHECK(written == serializeModel(second));
    checkSame(contentOf(path), written);
  }
}

TEST_CASE("no real model grows by being written", "[onnx]") {
  for (const auto& path : test::realModels()) {
    CAPTURE(path.string());
    const auto written = serializeModel(readModel(path).model).size();
    constexpr size_t kSlack = 64;  // names of the default domain, and flags that the file leaves out
    CHECK(written <= std::filesystem::file_size(path) + std::filesystem::file_size(path) / 10 + kSlack);
  }
}
