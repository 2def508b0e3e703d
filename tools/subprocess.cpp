#include "tools/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

constexpr size_t kOutputBytes = size_t{1} << 20;
constexpr size_t kErrorBytes = 4096;
constexpr int kPollMs = 100;

/// Both ends of a pipe, closed with the object and on exec.
class Pipe {
 public:
  Pipe() {
    if (pipe2(ends_.data(), O_CLOEXEC) != 0)
      throw Error(ErrorKind::resource, text("no pipe can be made: ", std::strerror(errno)));
  }
  ~Pipe() {
    closeEnd(0);
    closeEnd(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int reading() const { return ends_[0]; }
  int writing() const { return ends_[1]; }
  void closeReading() { closeEnd(0); }
  void closeWriting() { closeEnd(1); }

 private:
  void closeEnd(size_t end) {
    if (ends_[end] >= 0) close(ends_[end]);
    ends_[end] = -1;
  }

  std::array<int, 2> ends_{-1, -1};
};

class Subprocess {
 public:
  explicit Subprocess(const std::vector<std::string>& words) {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in_.reading(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out_.writing(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err_.writing(), STDERR_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t reset;
    sigemptyset(&reset);
    for (const int signal : {SIGPIPE, SIGXFSZ}) sigaddset(&reset, signal);  // ignored here, not there
    posix_spawnattr_setsigdefault(&attributes, &reset);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    const int failed = posix_spawnp(&child_, arguments[0], &actions, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0)
      throw Error(ErrorKind::io, text("'", displayName(words[0]), "' cannot be started: ", std::strerror(failed)),
                  "give a program by its path, or one in PATH; no shell is used");
    in_.closeReading();
    out_.closeWriting();
    err_.closeWriting();
    fcntl(in_.writing(), F_SETFL, O_NONBLOCK);
  }

  ~Subprocess() {
    if (isRunning_) {
      kill(child_, SIGKILL);
      wait();
    }
  }
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;

  SubprocessResult finish(std::string_view input, const std::function<void()>& check) {
    if (input.empty()) in_.closeWriting();
    while (out_.reading() >= 0 || err_.reading() >= 0) {
      pollfd files[] = {{in_.writing(), POLLOUT, 0}, {out_.reading(), POLLIN, 0}, {err_.reading(), POLLIN, 0}};
      ::poll(files, 3, kPollMs);
      check();
      if (files[0].revents != 0) feed(input);
      if (files[1].revents != 0 && !take(out_, result_.out)) out_.closeReading();
      if (files[2].revents != 0 && !take(err_, result_.err)) err_.closeReading();
      if (result_.out.size() > kOutputBytes) result_.out.resize(kOutputBytes);
      if (result_.err.size() > kErrorBytes) result_.err.erase(0, result_.err.size() - kErrorBytes);
    }
    result_.exitCode = wait();
    return std::move(result_);
  }

 private:
  void feed(std::string_view& input) {
    const ssize_t written = write(in_.writing(), input.data(), input.size());
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) return;
    input.remove_prefix(written < 0 ? input.size() : static_cast<size_t>(written));  // it need not read all
    if (input.empty()) in_.closeWriting();
  }

  /// Whether more may come.
  static bool take(const Pipe& pipe, std::string& bytes) {
    char block[1 << 14];
    const ssize_t count = read(pipe.reading(), block, sizeof block);
    if (count < 0) return errno == EINTR;
    bytes.append(block, static_cast<size_t>(count));
    return count > 0;
  }

  int wait() {
    int status = 0;
    while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    isRunning_ = false;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  Pipe in_, out_, err_;
  pid_t child_ = -1;
  bool isRunning_ = true;
  SubprocessResult result_;
};

}  // namespace

std::vector<std::string> splitCommand(std::string_view command, std::string_view option) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  char quote = 0;
  for (size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    const bool isBlank = c == ' ' || c == '\t' || c == '\n';
    if (quote == 0 && isBlank) {
      if (word) words.push_back(*std::exchange(word, std::nullopt));
      continue;
    }
    if (!word) word.emplace();
    if (c == quote)
      quote = 0;
    else if (quote == 0 && (c == '\'' || c == '"'))
      quote = c;
    else if (c == '\\' && quote != '\'' && i + 1 < command.size())
      *word += command[++i];
    else
      *word += c;
  }
  if (quote != 0)
    throw Error(ErrorKind::usage,
                text("--", option, ": a quote ", quote, " is open at the end of '", displayName(command), "'"));
  if (word) words.push_back(*word);
  if (words.empty()) throw Error(ErrorKind::usage, text("--", option, ": there is no command"));
  return words;
}

SubprocessResult runSubprocess(const std::vector<std::string>& words, std::string_view input,
                               const std::function<void()>& poll) {
  return Subprocess(words).finish(input, poll);
}

}  // namespace compress
