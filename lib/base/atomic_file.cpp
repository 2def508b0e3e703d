#include "lib/base/atomic_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fstream>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"

namespace compress {
namespace {

[[noreturn]] void fail(std::string_view what, const std::filesystem::path& path) {
  throw Error(ErrorKind::io, systemMessage(what, path));
}

std::filesystem::path folderOf(const std::filesystem::path& target) {
  return target.has_parent_path() ? target.parent_path() : std::filesystem::path(".");
}

void requireSpace(const std::filesystem::path& target, int64_t needed) {
  struct statvfs status {};
  if (statvfs(folderOf(target).c_str(), &status) != 0) fail("write to the folder of", target);
  const auto block = static_cast<uint64_t>(status.f_frsize);
  if (block == 0 || status.f_bavail > static_cast<uint64_t>(needed) / block) return;
  throw Error(ErrorKind::io,
              text("not enough space for '", displayName(target.string()), "': ", humanBytes(needed), " needed, ",
                   humanBytes(static_cast<int64_t>(status.f_bavail * block)), " free"),
              "free some space or choose another folder");
}

/// What tells processes apart over restarts of the machine: the first digits of the kernel's boot id.
std::string bootId() {
  std::string id;
  try {
    const int descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return "0";
    const FileHandle file(descriptor, "boot_id");
    id.resize(8);
    file.readAt(0, std::as_writable_bytes(std::span(id)));
  } catch (const Error&) {
    return "0";
  }
  return id;
}

std::string randomSuffix() {
  static constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  unsigned char noise[6] = {};
  if (getrandom(noise, sizeof noise, 0) != static_cast<ssize_t>(sizeof noise))
    throw Error(ErrorKind::io, "the system gives no random bytes");
  std::string suffix;
  for (const unsigned char n : noise) suffix += kLetters[n % kLetters.size()];
  return suffix;
}

/// Temporaries of `target` are called PREFIX PID - BOOT . RANDOM .tmp
std::string temporaryPrefix(const std::filesystem::path& target) {
  return text(".", target.filename().string(), ".");
}

/// Was the temporary left behind by a process that is gone?
bool isStale(std::string_view name, std::string_view prefix, std::string_view boot) {
  if (!name.starts_with(prefix) || !name.ends_with(".tmp")) return false;
  const std::string_view owner = name.substr(prefix.size());
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(owner.data(), owner.data() + owner.size(), pid);
  if (error != std::errc() || pid <= 0 || end == owner.data() + owner.size() || *end != '-') return false;
  const std::string_view itsBoot = owner.substr(static_cast<size_t>(end - owner.data()) + 1);
  return !itsBoot.starts_with(text(boot, ".")) || (kill(pid, 0) != 0 && errno == ESRCH);
}

FileHandle openTemporary(const std::filesystem::path& target) {
  const std::string boot = bootId();
  constexpr int kAttempts = 100;
  for (int i = 0; i < kAttempts; ++i) {
    const auto path =
        folderOf(target) / text(temporaryPrefix(target), getpid(), "-", boot, ".", randomSuffix(), ".tmp");
    const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor >= 0) return {descriptor, path};
    if (errno != EEXIST && errno != EINTR) fail("create a temporary file for", target);
  }
  throw Error(ErrorKind::io, text("cannot find a free temporary name for '", displayName(target.string()), "'"));
}

/// What open() would give a new file. Read, not asked for by umask(), which would change it for other threads
/// meanwhile.
mode_t modeByUmask() {
  constexpr mode_t kUsual = 022;
  mode_t mask = kUsual;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("Umask:")) {
      const size_t digits = line.find_first_not_of(" \t", 6);
      if (digits != std::string::npos) std::from_chars(line.data() + digits, line.data() + line.size(), mask, 8);
    }
  return 0666 & ~mask;
}

mode_t modeOf(const std::filesystem::path& target, bool overwrite) {
  struct stat existing {};
  if (overwrite && stat(target.c_str(), &existing) == 0) return existing.st_mode & 0777;
  return modeByUmask();
}

[[noreturn]] void refuseExisting(const std::filesystem::path& target) {
  throw Error(ErrorKind::io, text("'", displayName(target.string()), "' exists"),
              "choose another output, or overwrite it with --force");
}

void renameTo(const std::filesystem::path& from, const std::filesystem::path& to, bool overwrite) {
  if (overwrite) {
    if (rename(from.c_str(), to.c_str()) != 0) fail("rename to", to);
    return;
  }
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
  if (errno == EEXIST) refuseExisting(to);
  if (errno != EINVAL && errno != ENOSYS) fail("rename to", to);
  if (link(from.c_str(), to.c_str()) == 0) {  // a file system without the flag: a hard link does not replace either
    unlink(from.c_str());
    return;
  }
  if (errno == EEXIST) refuseExisting(to);
  fail("rename to", to);
}

void syncFolder(const std::filesystem::path& target) {
  const auto folder = folderOf(target);
  const int descriptor = uninterrupted([&] { return open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0) fail("open the folder", folder);
  const FileHandle handle(descriptor, folder);
  if (uninterrupted([&] { return fsync(descriptor); }) != 0 &&
      errno != EINVAL)  // EINVAL: a file system whose folders need no flushing
    fail("flush the folder", folder);
}

}  // namespace

void requireWritable(const std::filesystem::path& target, bool overwrite) {
  struct stat existing {};
  if (lstat(target.c_str(), &existing) != 0) return;
  if (!overwrite) refuseExisting(target);
  if (!S_ISREG(existing.st_mode) && !S_ISLNK(existing.st_mode))
    throw Error(ErrorKind::io, text("'", displayName(target.string()), "' is no regular file and cannot be replaced"),
                "choose another output");
}

std::vector<std::filesystem::path> staleTemporaries(const std::filesystem::path& target) {
  const std::string prefix = temporaryPrefix(target);
  const std::string boot = bootId();
  std::error_code failed;
  std::vector<std::filesystem::path> stale;
  for (std::filesystem::directory_iterator it(folderOf(target), failed), end; !failed && it != end;
       it.increment(failed))
    if (isStale(it->path().filename().string(), prefix, boot)) stale.push_back(it->path());
  return stale;
}

AtomicFile::AtomicFile(const std::filesystem::path& target, int64_t expectedBytes) {
  std::error_code ignored;
  for (const auto& stale : staleTemporaries(target)) std::filesystem::remove(stale, ignored);
  requireSpace(target, expectedBytes);
  file_ = openTemporary(target);
}

AtomicFile::~AtomicFile() {
  if (!committed_ && file_.descriptor() >= 0) unlink(file_.path().c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  file_.write(bytes);
  written_.add(bytes);
  size_ += static_cast<int64_t>(bytes.size());
}

std::string AtomicFile::finish() {
  file_.sync();
  const std::string wanted = written_.finish();
  if (file_.size() != size_)
    throw Error(ErrorKind::io,
                text("'", displayName(file_.path().string()), "' has ", file_.size(), " bytes after writing ", size_));
  Sha256 readBack;
  std::vector<std::byte> block(size_t{1} << 20);
  for (int64_t at = 0; at < size_; at += static_cast<int64_t>(block.size())) {
    const auto part = std::span(block).first(std::min(block.size(), static_cast<size_t>(size_ - at)));
    file_.readAt(at, part);
    readBack.add(part);
  }
  if (readBack.finish() != wanted)
    throw Error(ErrorKind::io,
                text("'", displayName(file_.path().string()), "' reads back differently from what was written"),
                "the disk may be failing");
  return wanted;
}

void AtomicFile::commit(const std::filesystem::path& target, bool overwrite) {
  const mode_t mode = modeOf(target, overwrite);
  if (uninterrupted([&] { return fchmod(file_.descriptor(), mode); }) != 0)
    fail("set the permissions of", file_.path());
  renameTo(file_.path(), target, overwrite);
  committed_ = true;
  syncFolder(target);
  file_.close();
}

void writeFileAtomically(const std::filesystem::path& path, std::string_view content, bool overwrite,
                         const std::function<void(const std::filesystem::path&)>& verify) {
  requireWritable(path, overwrite);
  AtomicFile file(path, static_cast<int64_t>(content.size()));
  file.write(std::as_bytes(std::span(content)));
  file.finish();
  if (verify) verify(file.temporary());
  file.commit(path, overwrite);
}

}  // namespace compress
