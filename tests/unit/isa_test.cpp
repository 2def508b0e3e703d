// The same answers on lesser processors: oneDNN's kernels for them are chosen through its own variable, and the tests
// of plans and quantized kernels are run again.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "lib/base/text.h"

using namespace compress;

TEST_CASE("plans and quantized kernels hold on lesser instruction sets", "[runtime][isa][slow]") {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::string isa = GENERATE("AVX2", "AVX512_CORE", "AVX512_CORE_VNNI");
  INFO(isa);
  CHECK(std::system(text("ONEDNN_MAX_CPU_ISA=", isa, " '", self, "' '[plan]~[slow],[int8]~[slow]' > /dev/null").c_str()) ==
        0);
}
