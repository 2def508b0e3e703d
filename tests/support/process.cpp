#include "tests/support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "tests/support/paths.h"

namespace compress::test {
namespace {

std::string contentOf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// In the child: `descriptor` becomes the file.
void redirect(int descriptor, const std::string& path, int flags) {
  const int opened = open(path.c_str(), flags, 0600);
  if (opened < 0 || dup2(opened, descriptor) < 0) _exit(126);
}

/// In the child: options of the tester's own environment are none of the test's.
void clearOptions() {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view line = *entry;
    if (line.starts_with("COMPRESS_")) names.emplace_back(line.substr(0, line.find('=')));
  }
  for (const std::string& name : names) unsetenv(name.c_str());
}

}  // namespace

ProcessResult runCompress(const std::vector<std::string>& arguments, const ProcessOptions& options) {
  const TemporaryDirectory folder;
  const std::string in = folder.path() / "in", out = folder.path() / "out", err = folder.path() / "err";
  std::ofstream(in, std::ios::binary) << options.input;
  const std::string program = binary();
  std::vector<char*> words = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) {
    redirect(STDIN_FILENO, in, O_RDONLY);
    redirect(STDOUT_FILENO, options.output.empty() ? out : options.output, O_WRONLY | O_CREAT);
    redirect(STDERR_FILENO, err, O_WRONLY | O_CREAT);
    clearOptions();
    for (const auto& [name, value] : options.environment) setenv(name.c_str(), value.c_str(), 1);
    execv(program.c_str(), words.data());
    _exit(127);
  }
  int status = 0;
  bool hasEnded = false;
  while (options.signal != 0 && !hasEnded && contentOf(err).find(options.signalAfter) == std::string::npos) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    hasEnded = waitpid(child, &status, WNOHANG) == child;
  }
  if (options.signal != 0 && !hasEnded) kill(child, options.signal);
  if (!hasEnded) waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), contentOf(out), contentOf(err)};
}

}  // namespace compress::test
