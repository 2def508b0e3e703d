// Models that read well and ask operators for what they cannot do: refused by both backends, never a crash or a hang.
#include <catch2/catch.hpp>

#include "lib/runtime/session.h"
#include "tests/support/build.h"
#include "tests/support/errors.h"

using namespace compress;
using namespace compress::test;

namespace {

std::optional<Error> errorOfRun(const std::string& source, Backend& backend) {
  return errorOf([&] {
    const Model model = buildModel(source);
    Session session(model, backend);
    Bindings bindings{randomInputs(model, 1), {}};
    session.run(bindings);
  });
}

}  // namespace

TEST_CASE("graphs that lack what an operator needs are refused", "[hostile][runtime]") {
  const std::string source =
      GENERATE(as<std::string>(),
               // A zero point without elements.
               "input x: uint8[4]\ninput s: float32\ninput z: uint8[0]\ny = DequantizeLinear(x, s, z)\noutput y\n",
               // A scale of another length than the axis.
               "input x: uint8[2, 4]\ninput s: float32[3]\ny = DequantizeLinear(x, s)\noutput y\n",
               // A body that takes fewer inputs than its node gives; it would be planned without end.
               "graph b\ninput s: float32[2]\ninput x: float32[2]\nt = Add(s, x)\nr = Identity(t)\noutput t\noutput r\n"
               "end\ninput i: float32[1, 2]\ninput x: float32[1, 3, 2]\n"
               "y, z = Scan[body=@b, num_scan_inputs=1](_, i, x)\noutput y\noutput z\n",
               // An absent input among many.
               "input x: float32[2, 2]\ny = Concat[axis=1](x, _)\noutput y\n",
               // An output as wide as an index says.
               "input x: int64[4]\ny = TfIdfVectorizer[max_gram_length=1, min_gram_length=1, max_skip_count=0, "
               "mode=\"TF\", ngram_counts=[0], ngram_indexes=[2147483648], pool_int64s=[0]](x)\noutput y\n",
               // A signal without axes.
               "input x: float32\ny = DFT(x)\noutput y\n");
  CAPTURE(source);
  for (const bool isReference : {true, false}) {
    const auto backend = isReference ? makeReferenceBackend() : makeCpuBackend();
    const std::optional<Error> error = errorOfRun(source, *backend);
    REQUIRE(error);
    CHECK((error->kind() == ErrorKind::input || error->kind() == ErrorKind::unsupported));
  }
}

TEST_CASE("results larger than memory are refused before work", "[hostile][runtime]") {
  const std::string source =
      "input x: float32[1, 1, 2, 4]\nconst s: int64[4] = 1, 64, 2147483647, 255\n"
      "y = Resize[mode=\"nearest\"](x, _, _, s)\noutput y\n";
  const auto error = errorOfRun(source, *makeCpuBackend());
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::resource);
}

TEST_CASE("any number of skipped elements takes no longer than the row", "[hostile][ops]") {
  const std::string source =
      "input x: int64[4]\ny = TfIdfVectorizer[max_gram_length=2, min_gram_length=2, "
      "max_skip_count=9223372036854775807, mode=\"TF\", ngram_counts=[0, 0], ngram_indexes=[0], pool_int64s=[0, "
      "1]](x)\n"
      "output y\n";
  CHECK_FALSE(errorOfRun(source, *makeCpuBackend()));
}
