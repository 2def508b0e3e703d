// Any function of one quantized tensor is a table of 256 entries: Sigmoid, SiLU, Clip, requantization, and what a chain
// of such does between DequantizeLinear and QuantizeLinear.
#pragma once
#include <array>
#include <cstdint>
#include <functional>

#include "lib/runtime/cpu/int8/rounding.h"
#include "lib/runtime/cpu/int8/rows.h"

namespace compress::int8 {

/// Entry b is the byte that byte b (of either signedness) becomes.
using ByteTable = std::array<uint8_t, 256>;
using FloatTable = std::array<float, 256>;

/// The real values of the 256 bytes.
FloatTable dequantizeTable(const Quantization& x);
/// Quantizes each entry: to nearest, ties to even, saturating.
ByteTable quantizeTable(const FloatTable& reals, const Quantization& y);
/// DequantizeLinear of x, then QuantizeLinear to y.
ByteTable requantizeTable(const Quantization& x, const Quantization& y);
bool isIdentity(const ByteTable& table);

/// y[i] = table[x[i]] for `count` bytes on the calling thread; in place is fine.
void applyTable(const ByteTable& table, const uint8_t* x, uint8_t* y, int64_t count);
/// The same over a grid, on several threads; x is dense.
void applyTable(const ByteTable& table, const uint8_t* x, uint8_t* y, const Grid& grid);
/// `rows` rows of `bytes` bytes, x and y advancing by their pitches, on the calling thread.
void applyTable(const ByteTable& table, const uint8_t* x, int64_t xPitch, uint8_t* y, int64_t yPitch, int64_t rows,
                int64_t bytes);
/// The same without a table.
void copyRows(const uint8_t* x, int64_t xPitch, uint8_t* y, int64_t yPitch, int64_t rows, int64_t bytes);
/// Copies dense x into a bordered buffer.
void copyRows(const uint8_t* x, uint8_t* y, const Grid& grid);

}  // namespace compress::int8
