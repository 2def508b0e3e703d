#include "tools/scratch_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {

ScratchFolder::ScratchFolder() {
  std::string folder = std::filesystem::temp_directory_path() / "compress-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr)
    throw Error(ErrorKind::io, text(folder, ": ", std::strerror(errno)), "name another place with TMPDIR");
  path_ = folder;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace compress
