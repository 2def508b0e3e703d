// The data file of a model whose tensors do not fit into one message: `OUT.<first 8 digits of its SHA-256>.data`.
#pragma once
#include <filesystem>
#include <string>
#include <unordered_map>

#include "lib/base/atomic_file.h"
#include "lib/ir/tensor.h"
#include "lib/onnx/proto.h"

namespace compress {

/// Tensors below this stay in the model: a file system page each would cost more.
constexpr int64_t kSmallestExternalBytes = 1024;
/// Offsets are multiples of this, so that readers can map the file.
constexpr int64_t kDataAlignment = 4096;

class DataWriter {
 public:
  /// `expectedBytes`: of all tensors together.
  DataWriter(const std::filesystem::path& model, int64_t expectedBytes);

  static bool takes(const Tensor& tensor);
  /// Adds the data, unless equal ones are there already: their offset.
  int64_t add(const Tensor& tensor);
  /// No more data: the name that the file will have.
  std::string finish();
  /// Gives the file its name.
  void commit();
  /// Takes the file away again, unless one of that name was there before commit().
  void withdraw();

 private:
  std::filesystem::path model_;
  AtomicFile file_;
  std::string name_;
  bool wasThere_ = false;
  std::unordered_map<std::string, int64_t> offsets_;  ///< by digest of the data
};

/// Says in `message` where the data of `tensor` are.
void setExternal(onnx::TensorProto& message, const std::string& location, int64_t offset, int64_t length);

/// Removes what a process that was killed while it wrote `model` has left: temporaries, and the data file that the
/// model it never finished was to name.
void removeLeftovers(const std::filesystem::path& model);

}  // namespace compress
