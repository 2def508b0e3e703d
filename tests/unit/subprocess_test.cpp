// Programs of the user's: how a command is split, what comes back, and that none is left behind.
#include "tools/subprocess.h"

#include <signal.h>

#include <catch2/catch.hpp>

#include "tests/support/errors.h"

using namespace compress;
using namespace compress::test;

namespace {

using Words = std::vector<std::string>;

SubprocessResult run(const Words& words, std::string_view input = {}) {
  signal(SIGPIPE, SIG_IGN);  // as the program does
  return runSubprocess(words, input, [] {});
}

}  // namespace

TEST_CASE("a command is split at blanks, quotes keep them, nothing else is a shell's", "[tools]") {
  CHECK(splitCommand("a  b\tc", "x") == Words{"a", "b", "c"});
  CHECK(splitCommand("a 'b c' \"d 'e\" f\\ g", "x") == Words{"a", "b c", "d 'e", "f g"});
  CHECK(splitCommand("a '' x\"y\"z", "x") == Words{"a", "", "xyz"});
  CHECK(splitCommand("a $HOME *;b|c '\\'", "x") == Words{"a", "$HOME", "*;b|c", "\\"});
  CHECK(outcomeOf([] { return splitCommand("a 'b", "hook"); }).starts_with("2: --hook: a quote ' is open"));
  CHECK(outcomeOf([] { return splitCommand("  ", "hook"); }) == "2: --hook: there is no command");
}

TEST_CASE("a program's output, end of stderr and exit code come back", "[tools]") {
  const SubprocessResult both = run({"sh", "-c", "echo out; echo err >&2; exit 3"});
  CHECK(both.exitCode == 3);
  CHECK(both.out == "out\n");
  CHECK(both.err == "err\n");
  CHECK(run({"cat"}, "fed").out == "fed");
  CHECK(run({"true"}, std::string(1 << 20, 'x')).exitCode == 0);
  CHECK(run({"sh", "-c", "kill -9 $$"}).exitCode == 128 + 9);
  const SubprocessResult much =
      run({"sh", "-c", "head -c 3000000 /dev/zero; head -c 9000 /dev/zero >&2; echo last >&2"});
  CHECK(much.out.size() == size_t{1} << 20);
  CHECK(much.err.size() == 4096);
  CHECK(much.err.ends_with("last\n"));
}

TEST_CASE("a program that cannot be started is exit code 5", "[tools]") {
  CHECK(throwsError(ErrorKind::io, "'no-such-program-here' cannot be started", [] { run({"no-such-program-here"}); }));
}

TEST_CASE("a program ends with the one that waits for it", "[tools]") {
  int calls = 0;
  CHECK(throwsError(ErrorKind::resource, "over", [&] {
    runSubprocess({"sleep", "1000"}, {}, [&] {
      if (++calls == 2) throw Error(ErrorKind::resource, "over");
    });
  }));
}
