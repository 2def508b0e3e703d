#include "lib/onnx/recognize.h"

#include <algorithm>

namespace compress {
namespace {

using namespace std::string_view_literals;

struct Signature {
  size_t offset;
  std::string_view bytes;
  std::string_view name;
  std::string_view hint;
};

constexpr std::string_view kExport = "export the model to ONNX first";

constexpr Signature kSignatures[] = {
    {0, "version https://git-lfs"sv, "a Git LFS pointer: the model itself was not downloaded",
     "fetch it with 'git lfs pull'"},
    {4, "TFL3"sv, "a TensorFlow Lite model", kExport},
    {4, "ORTM"sv, "a model in ONNX Runtime's own ORT format", "use the .onnx file that it was made from"},
    {0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file (Keras?)", kExport},
    {0, "GGUF"sv, "a GGUF file", kExport},
    {0, "\x93NUMPY"sv, "a NumPy array", ""},
    {0, "\x1f\x8b"sv, "a gzip archive", "unpack it first"},
    {0, "\x28\xb5\x2f\xfd"sv, "a zstd archive", "unpack it first"},
    {0,
     "\xfd"
     "7zXZ"sv,
     "an xz archive", "unpack it first"},
    {0,
     "\x7f"
     "ELF"sv,
     "an ELF binary", ""},
    {0, "\x89PNG"sv, "a PNG image", ""},
    {0, "\xff\xd8\xff"sv, "a JPEG image", ""},
    {0, "%PDF"sv, "a PDF document", ""},
    {257, "ustar"sv, "a tar archive", "unpack it first"},
};

bool isText(std::string_view head) {
  return !head.empty() && std::ranges::all_of(head, [](char c) {
    return c == '\n' || c == '\r' || c == '\t' || static_cast<unsigned char>(c) >= 0x20;
  });
}

/// Eight bytes of header size, then JSON.
bool isSafetensors(std::string_view head) {
  return head.size() > 10 && head[7] == '\0' && head[6] == '\0' && head[8] == '{' && (head[9] == '"' || head[9] == '}');
}

bool isPickle(std::string_view head) {
  return head.size() > 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5 &&
         (head[2] == '\x95' || head[2] == '}' || head[2] == 'c' || head[2] == '\x8a');
}

OtherFormat recognizeZip(std::string_view head) {
  if (head.find("/data.pkl") != head.npos || head.find("archive/") != head.npos)
    return {"a PyTorch file (a zip archive)", std::string(kExport)};
  if (head.find(".npy") != head.npos) return {"a NumPy .npz archive", ""};
  return {"a zip archive (a PyTorch or Keras file?)", "unpack it, or export the model to ONNX first"};
}

OtherFormat recognizeText(std::string_view head) {
  const size_t start = std::min(head.find_first_not_of(" \t\r\n"), head.size());
  const std::string_view body = head.substr(start);
  if (body.starts_with("<!DOCTYPE html") || body.starts_with("<html"))
    return {"an HTML page", "the download may have failed"};
  if (body.starts_with("<?xml") || body.starts_with("<net")) return {"an XML file (OpenVINO?)", std::string(kExport)};
  if (body.starts_with("{") || body.starts_with("[")) return {"a JSON file", ""};
  return {"a text file", ""};
}

}  // namespace

OtherFormat recognize(std::string_view head) {
  for (const Signature& signature : kSignatures)
    if (head.size() >= signature.offset && head.substr(signature.offset).starts_with(signature.bytes))
      return {std::string(signature.name), std::string(signature.hint)};
  if (head.starts_with("PK\x03\x04"sv) || head.starts_with("PK\x05\x06"sv)) return recognizeZip(head);
  if (isSafetensors(head)) return {"a safetensors file", "it holds weights only: export the model to ONNX"};
  if (isPickle(head)) return {"a Python pickle (PyTorch?)", std::string(kExport)};
  if (isText(head)) return recognizeText(head);
  return {};
}

}  // namespace compress
