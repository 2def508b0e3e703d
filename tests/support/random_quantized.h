// Random quantized networks: operators between DequantizeLinear and QuantizeLinear, one after the other.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lib/ir/dtype.h"

namespace compress::test {

/// A tensor of bytes [images, channels, height, width].
struct Bytes4 {
  std::string name;
  DType dtype = DType::u8;
  double scale = 1;
  int64_t zero = 0;
  int64_t channels = 1, height = 1, width = 1;
};

/// One operator with its DequantizeLinears and its QuantizeLinear.
struct Island {
  std::string text;  ///< statements
  std::vector<Bytes4> sources;
  Bytes4 result;
  int64_t tolerance = 1;  ///< steps
};

struct QuantizedNetwork {
  std::vector<Island> islands;  ///< the first quantizes the input
  std::string input;            ///< statement that declares it
  int64_t images = 1;

  /// The network as buildModel() reads it, with all results of islands as outputs, or the last one alone.
  std::string network(bool allOutputs) const;
  /// One island alone, fed bytes.
  std::string alone(const Island& island) const;
};

/// The same network for the same seed.
QuantizedNetwork randomQuantized(uint64_t seed);

}  // namespace compress::test
