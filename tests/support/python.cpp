#include "tests/support/python.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>

#include "tests/support/paths.h"

namespace compress::test {

std::optional<std::filesystem::path> python() {
  const char* named = std::getenv("COMPRESS_TEST_PYTHON");
  if (named == nullptr || *named == '\0') return std::nullopt;
  return named;
}

ScriptResult runScript(const std::string& script, const std::vector<std::string>& arguments) {
  std::vector<std::string> words{python().value().string(),
                                 (sourceDirectory() / "tests" / "interop" / script).string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no process");
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    execv(pointers[0], pointers.data());
    _exit(127);
  }
  close(ends[1]);
  ScriptResult result{-1, {}};
  std::array<char, 4096> block{};
  for (ssize_t count = 0; (count = read(ends[0], block.data(), block.size())) > 0;)
    result.output.append(block.data(), static_cast<size_t>(count));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  result.exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

}  // namespace compress::test
