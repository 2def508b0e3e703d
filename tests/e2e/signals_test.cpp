// SIGINT and SIGTERM end the work at its next step and leave no file behind; a closed pipe ends it without a word.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/e2e/fixtures.h"
#include "tests/support/npy.h"
#include "tools/signals.h"

using namespace compress::test;

namespace {

/// Runs until the first event and sends the signal.
ProcessResult interrupted(std::vector<std::string> arguments, int signal, const std::string& temporary) {
  arguments.insert(arguments.begin() + 1, {"--progress", "jsonl"});
  return runCompress(arguments, {.signal = signal, .signalAfter = "\"start\"", .environment = {{"TMPDIR", temporary}}});
}

}  // namespace

TEST_CASE("a signal ends the work with 128 + n, says so and leaves nothing", "[e2e]") {
  const Workplace place;
  const TemporaryDirectory temporary;
  writeBytes(place.path("slow"), "sleep 30\n");
  const std::vector<std::string> before = place.files();
  const std::vector<std::string> quantize = {"quantize",   "--calib",      place.path("images.npy"),
                                             "--bench",    "--metric-cmd", "sh " + place.path("slow"),
                                             place.model()};
  for (const int signal : {SIGINT, SIGTERM}) {
    const ProcessResult result = interrupted(quantize, signal, temporary.path());
    CHECK(result.exitCode == 128 + signal);
    CHECK(contains(result.err, signal == SIGINT ? "stopped by SIGINT" : "stopped by SIGTERM"));
    CHECK(contains(result.err, "\"status\":\"interrupted\""));
    CHECK(place.files() == before);
    CHECK(std::filesystem::is_empty(temporary.path()));
  }
  CHECK(interrupted({"bench", "--duration", "60", place.model()}, SIGTERM, temporary.path()).exitCode == 128 + SIGTERM);
}

TEST_CASE("the second signal kills", "[tools]") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    compress::watchSignals();
    raise(SIGINT);
    if (compress::notedSignal() != SIGINT) _exit(1);
    raise(SIGTERM);
    _exit(2);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGTERM);
}

TEST_CASE("a reader that goes away ends the program without a word", "[e2e]") {
  const TemporaryDirectory folder;
  const std::string err = folder.path() / "err";
  const std::string command = "bash -c '(sleep 0.3; exec \"" + binary().string() + "\" --help 2> \"" + err +
                              "\") | true; exit ${PIPESTATUS[0]}'";
  const int status = system(command.c_str());
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 128 + SIGPIPE);
  CHECK(std::filesystem::is_empty(err));
}
