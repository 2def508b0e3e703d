#include "lib/base/digest.h"

#include <openssl/evp.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

constexpr size_t kBlockBytes = size_t{1} << 18;

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

struct FreeDigest {
  void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
};

}  // namespace

std::string sha256File(const std::filesystem::path& path) {
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (!file) throw Error(ErrorKind::io, text(path.string(), ": cannot be opened: ", std::strerror(errno)));
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> digest(EVP_MD_CTX_new());
  EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
  std::vector<unsigned char> block(kBlockBytes);
  while (const size_t count = std::fread(block.data(), 1, block.size(), file.get()))
    EVP_DigestUpdate(digest.get(), block.data(), count);
  if (std::ferror(file.get()) != 0) throw Error(ErrorKind::io, text(path.string(), ": cannot be read"));
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(digest.get(), sum, &size);
  std::string shown;
  for (unsigned i = 0; i < size; ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    shown += kDigits[sum[i] >> 4U];
    shown += kDigits[sum[i] & 15U];
  }
  return shown;
}

}  // namespace compress
