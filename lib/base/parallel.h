// Threads: OpenMP only, since the packaged oneDNN uses it too. Results never depend on the thread count.
#pragma once
#include <omp.h>

#include <cstdint>
#include <exception>

namespace compress {

/// Processors that this process may use: the affinity mask, cut to the cgroup's quota; at least 1.
int availableProcessors();

/// Threads that parallel loops started from the calling thread use.
inline int threadCount() {
  return omp_in_parallel() ? 1 : omp_get_max_threads();
}
inline void setThreadCount(int count) {
  omp_set_num_threads(count);
}

/// The calling thread's thread count is `count` for the life of the object.
class ThreadLimit {
 public:
  explicit ThreadLimit(int count) : before_(omp_get_max_threads()) { omp_set_num_threads(count); }
  ~ThreadLimit() { omp_set_num_threads(before_); }
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  int before_;
};

/// body(i) for i in [0, count), spread over `threadCount()` threads when count is at least 2; order unspecified.
/// The first exception of any body is thrown again in the caller.
template <typename Body>
void parallelFor(int64_t count, const Body& body) {
  const int threads = static_cast<int>(count < threadCount() ? count : threadCount());
  if (threads <= 1) {
    for (int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  std::exception_ptr failure;
#pragma omp parallel for num_threads(threads) schedule(dynamic)
  for (int64_t i = 0; i < count; ++i) {
    try {
      body(i);
    } catch (...) {
#pragma omp critical(compress_parallel_failure)
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace compress
