// Work over independent rows, spread over threads where there is enough of it.
#pragma once
#include <omp.h>

#include <algorithm>
#include <cstdint>

namespace compress {

/// Below this many elements of a row kernel one thread does it all.
constexpr int64_t kParallelRowWork = 1 << 14;

/// body(part, first, last) over parts of [0, rows), spread over `threads` where `work`, in whatever unit, reaches
/// `least`; part < threads.
template <typename Body>
void overParts(int64_t rows, int64_t work, int threads, const Body& body, int64_t least = kParallelRowWork) {
  const int used = static_cast<int>(std::min<int64_t>(threads, rows));
  if (used <= 1 || work < least) return body(int64_t{0}, int64_t{0}, rows);
#pragma omp parallel num_threads(used)
  {
    const int64_t part = omp_get_thread_num();
    const int64_t parts = omp_get_num_threads();
    body(part, rows * part / parts, rows * (part + 1) / parts);
  }
}

/// body(first, last), likewise.
template <typename Body>
void overRows(int64_t rows, int64_t work, int threads, const Body& body, int64_t least = kParallelRowWork) {
  overParts(
      rows, work, threads, [&body](int64_t, int64_t first, int64_t last) { body(first, last); }, least);
}

}  // namespace compress
