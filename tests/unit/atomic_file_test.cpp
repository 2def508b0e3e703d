// Files that appear complete or not at all: existing targets, full disks, permissions, what is left behind.
#include "lib/base/atomic_file.h"

#include <catch2/catch.hpp>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "lib/base/file.h"
#include "tests/support/errors.h"
#include "tests/support/paths.h"

using namespace compress;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
namespace fs = std::filesystem;

namespace {

size_t entriesIn(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

std::string outcome(const fs::path& path, const std::string& content, bool overwrite) {
  return test::outcomeOf([&] {
    writeFileAtomically(path, content, overwrite);
    return 0;
  });
}

/// Runs `body` with file sizes limited to `bytes`, as on a disk that is full.
template <typename Body>
void withFileSizeLimit(rlim_t bytes, const Body& body) {
  struct rlimit before {};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const struct rlimit limited { bytes, before.rlim_max };
  REQUIRE(setrlimit(RLIMIT_FSIZE, &limited) == 0);
  body();
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
}

}  // namespace

TEST_CASE("a new file appears with its content and nothing beside it", "[base][file]") {
  const test::TemporaryDirectory folder;
  const auto path = folder.path() / "out.bin";
  writeFileAtomically(path, "content", false);
  CHECK(readFile(path) == "content");
  CHECK(entriesIn(folder.path()) == 1);
}

TEST_CASE("an existing target is kept without overwrite, replaced with it", "[base][file]") {
  const test::TemporaryDirectory folder;
  const auto path = folder.path() / "out.bin";
  writeFileAtomically(path, "old", false);
  CHECK_THAT(outcome(path, "new", false), StartsWith("5: ") && Contains("out.bin' exists"));
  CHECK(readFile(path) == "old");
  CHECK(outcome(path, "new", true) == "nothing");
  CHECK(readFile(path) == "new");
  CHECK(entriesIn(folder.path()) == 1);
}

TEST_CASE("a target that appears while the file is written is not replaced", "[base][file]") {
  const test::TemporaryDirectory folder;
  const auto path = folder.path() / "out.bin";
  const auto appears = [&](const fs::path&) { std::ofstream(path) << "another's"; };
  CHECK_THAT(test::outcomeOf([&] {
               writeFileAtomically(path, "new", false, appears);
               return 0;
             }),
             StartsWith("5: ") && Contains("exists"));
  CHECK(readFile(path) == "another's");
  CHECK(entriesIn(folder.path()) == 1);
}

TEST_CASE("what the check of the temporary throws leaves everything as it was", "[base][file]") {
  const test::TemporaryDirectory folder;
  const auto path = folder.path() / "out.bin";
  writeFileAtomically(path, "old", false);
  const auto refuse = [](const fs::path& temporary) {
    if (readFile(temporary) == "new") throw Error(ErrorKind::numeric, "refused");
  };
  CHECK(test::outcomeOf([&] {
          writeFileAtomically(path, "new", true, refuse);
          return 0;
        }) == "7: refused");
  CHECK(readFile(path) == "old");
  CHECK(entriesIn(folder.path()) == 1);
}

TEST_CASE("a write that fails half way leaves everything as it was", "[base][file]") {
  const test::TemporaryDirectory folder;
  const auto path = folder.path() / "out.bin";
  writeFileAtomically(path, "old", false);
  withFileSizeLimit(100'000, [&] {
    CHECK_THAT(outcome(path, std::string(1'000'000, 'x'), true),
               StartsWith("5: ") && Contains("cannot write") && Contains("too large"));
  });
  CHECK(readFile(path) == "old");
  CHECK(entriesIn(folder.path()) == 1);
}

TEST_CASE("a full disk is noticed before work where it can be, and else while writing", "[base][file]") {
  const test::TemporaryDirectory folder;
  if (mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=1m") != 0) {
    WARN("skipped: a file system of 1 MB cannot be mounted here");
    return;
  }
  const auto path = folder.path() / "out.bin";
  CHECK_THAT(outcome(path, std::string(4'000'000, 'x'), false),
             StartsWith("5: ") && Contains("not enough space") && Contains("4.0 MB needed"));
  const auto growing = [&] {
    AtomicFile file(path, 0);
    for (int i = 0; i < 4; ++i) file.write(std::vector<std::byte>(1'000'000));
    return file.finish();
  };
  CHECK_THAT(test::outcomeOf(growing), StartsWith("5: ") && Contains("No space left"));
  CHECK(entriesIn(folder.path()) == 0);
  CHECK(umount(folder.path().c_str()) == 0);
}

TEST_CASE("folders and devices are no targets", "[base][file]") {
  const test::TemporaryDirectory folder;
  CHECK_THAT(outcome("/dev/full", "x", true), StartsWith("5: ") && Contains("no regular file"));
  fs::create_directory(folder.path() / "dir");
  CHECK_THAT(outcome(folder.path() / "dir", "x", true), StartsWith("5: ") && Contains("no regular file"));
  CHECK_THAT(outcome(folder.path() / "missing" / "out.bin", "x", true), StartsWith("5: ") && Contains("out.bin"));
}

TEST_CASE("permissions: by the umask for a new file, kept for one that is replaced", "[base][file]") {
  const test::TemporaryDirectory folder;
  const auto path = folder.path() / "out.bin";
  const mode_t before = umask(027);
  writeFileAtomically(path, "a", false);
  umask(before);
  CHECK((fs::status(path).permissions() & fs::perms::all) == static_cast<fs::perms>(0640));
  fs::permissions(path, static_cast<fs::perms>(0604));
  writeFileAtomically(path, "b", true);
  CHECK((fs::status(path).permissions() & fs::perms::all) == static_cast<fs::perms>(0604));
}

TEST_CASE("temporaries of processes that are gone are removed, those of living ones stay", "[base][file]") {
  const test::TemporaryDirectory folder;
  const auto path = folder.path() / "out.bin";
  std::ofstream(folder.path() / ".out.bin.1-ffffffff.abcdef.tmp") << "of an earlier boot";
  std::ofstream(folder.path() / ".other.bin.1-ffffffff.abcdef.tmp") << "of another file";
  AtomicFile living(path, 0);
  writeFileAtomically(path, "x", false);
  CHECK_FALSE(fs::exists(folder.path() / ".out.bin.1-ffffffff.abcdef.tmp"));
  CHECK(fs::exists(folder.path() / ".other.bin.1-ffffffff.abcdef.tmp"));
  CHECK(fs::exists(living.temporary()));
}

TEST_CASE("a writer that is killed leaves the target as it was, and the next one cleans up", "[base][file]") {
  const test::TemporaryDirectory folder;
  const auto path = folder.path() / "out.bin";
  writeFileAtomically(path, "old", false);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    AtomicFile file(path, 0);
    file.write(std::vector<std::byte>(1000));
    raise(SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status));
  CHECK(readFile(path) == "old");
  CHECK(entriesIn(folder.path()) == 2);
  writeFileAtomically(path, "new", true);
  CHECK(readFile(path) == "new");
  CHECK(entriesIn(folder.path()) == 1);
}

TEST_CASE("the same file under two names is the same", "[base][file]") {
  const test::TemporaryDirectory folder;
  std::ofstream(folder.path() / "a") << "x";
  std::ofstream(folder.path() / "c") << "x";
  fs::create_hard_link(folder.path() / "a", folder.path() / "b");
  fs::create_symlink("a", folder.path() / "link");
  CHECK(isSameFile(folder.path() / "a", folder.path() / "b"));
  CHECK(isSameFile(folder.path() / "a", folder.path() / "link"));
  CHECK_FALSE(isSameFile(folder.path() / "a", folder.path() / "c"));
  CHECK_FALSE(isSameFile(folder.path() / "a", folder.path() / "missing"));
}

TEST_CASE("SHA-256 of known texts", "[base][file]") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("sixteen writers of one file: without overwrite one succeeds, with it all do, and the file is one of theirs",
          "[base][file]") {
  const test::TemporaryDirectory folder;
  const auto path = folder.path() / "out.bin";
  const auto contentOf = [](int i) { return std::string(10'000, static_cast<char>('a' + i)); };
  for (const bool overwrite : {false, true}) {
    constexpr int kWriters = 16;
    std::vector<pid_t> children;
    for (int i = 0; i < kWriters; ++i) {
      const pid_t child = fork();
      REQUIRE(child >= 0);
      if (child == 0) _exit(outcome(path, contentOf(i), overwrite) == "nothing" ? 0 : 5);
      children.push_back(child);
    }
    int succeeded = 0;
    for (const pid_t child : children) {
      int status = 0;
      waitpid(child, &status, 0);
      REQUIRE(WIFEXITED(status));
      succeeded += WEXITSTATUS(status) == 0;
    }
    CHECK(succeeded == (overwrite ? kWriters : 1));
    const std::string content = readFile(path);
    CHECK(content == contentOf(content.front() - 'a'));
    CHECK(entriesIn(folder.path()) == 1);
  }
}
