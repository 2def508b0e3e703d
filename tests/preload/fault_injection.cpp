// A library that tests load into `compress` by LD_PRELOAD: it counts the system calls that open or change something in
// one folder, and makes the n-th fail or ends the process just before it. Told by environment variables:
//
//   FAULT_FOLDER   absolute path; calls on anything else are left alone and not counted
//   FAULT_LOG      a file outside the folder that gets the name of each counted call, a line each
//   FAULT_AT       n, counted from 1; without it nothing fails
//   FAULT_ACTION   "kill", "short" (a write takes half of what it is given), an errno as a number, or what a process
//   that
//                  was taken over might do: "socket", "execute", "fork", "trace", "mount", "kill-parent"
//   FAULT_FOREVER  set: all calls from the n-th on fail, but for those that clean up (unlink, remove, close)
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

bool isInside(std::string_view path) {
  const std::string_view folder = variable("FAULT_FOLDER");
  return !folder.empty() && path.starts_with(folder);
}

bool isInside(int descriptor) {
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t length = readlink(link.c_str(), path, sizeof path);
  return length > 0 && isInside(std::string_view(path, static_cast<size_t>(length)));
}

/// Past the wrappers below, so that logging is not counted.
void log(std::string_view call) {
  const char* file = variable("FAULT_LOG");
  if (*file == 0) return;
  const std::string line = std::string(call) + "\n";
  const auto descriptor =
      static_cast<int>(syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  syscall(SYS_write, descriptor, line.data(), line.size());
  syscall(SYS_close, descriptor);
}

std::atomic<long> counter{0};

/// What the system call filter of --untrusted is there for. Past the C library, as hostile code would.
void attack(std::string_view action) {
  char program[] = "/bin/true";
  char* const words[] = {program, nullptr};
  if (action == "socket") syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
  if (action == "execute") syscall(SYS_execve, program, words, nullptr);
  if (action == "fork" && syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr) == 0) _exit(0);
  if (action == "trace") syscall(SYS_ptrace, 0, 0, nullptr, nullptr);
  if (action == "mount") syscall(SYS_mount, "none", "/nowhere", "tmpfs", 0, nullptr);
  if (action == "kill-parent") syscall(SYS_kill, getppid(), SIGUSR1);
}

/// Counts a call inside the folder. 0: it goes on; else what it fails with, -1 for a short write.
int fault(std::string_view call, bool cleansUp = false) {
  const long number = ++counter;
  log(call);
  const long at = std::atol(variable("FAULT_AT"));
  const bool isForever = *variable("FAULT_FOREVER") != 0 && !cleansUp;
  if (at == 0 || (number != at && !(isForever && number > at))) return 0;
  const std::string_view action = variable("FAULT_ACTION");
  if (action == "kill") kill(getpid(), SIGKILL);
  attack(action);
  return action == "short" ? -1 : std::atoi(action.data());
}

bool fails(bool inside, std::string_view call, bool cleansUp = false) {
  const int code = inside ? fault(call, cleansUp) : 0;
  if (code > 0) errno = code;
  return code > 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if (fails(isInside(path), "open")) return -1;
  return next<int(const char*, int, ...)>("open")(path, flags, mode);
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
  const int code = isInside(descriptor) ? fault("write") : 0;
  if (code > 0) {
    errno = code;
    return -1;
  }
  if (code < 0 && count > 1) count /= 2;
  return next<ssize_t(int, const void*, size_t)>("write")(descriptor, bytes, count);
}

int fsync(int descriptor) {
  return fails(isInside(descriptor), "fsync") ? -1 : next<int(int)>("fsync")(descriptor);
}

int fchmod(int descriptor, mode_t mode) {
  return fails(isInside(descriptor), "fchmod") ? -1 : next<int(int, mode_t)>("fchmod")(descriptor, mode);
}

int close(int descriptor) {
  const bool failed = fails(isInside(descriptor), "close", true);
  const int result = next<int(int)>("close")(descriptor);  // Linux closes the descriptor in any case
  return failed ? -1 : result;
}

int rename(const char* from, const char* to) {
  return fails(isInside(to), "rename") ? -1 : next<int(const char*, const char*)>("rename")(from, to);
}

int renameat2(int fromFolder, const char* from, int toFolder, const char* to, unsigned int flags) {
  if (fails(isInside(to), "renameat2")) return -1;
  return next<int(int, const char*, int, const char*, unsigned int)>("renameat2")(fromFolder, from, toFolder, to,
                                                                                  flags);
}

int link(const char* from, const char* to) {
  return fails(isInside(to), "link") ? -1 : next<int(const char*, const char*)>("link")(from, to);
}

int unlink(const char* path) {
  return fails(isInside(path), "unlink", true) ? -1 : next<int(const char*)>("unlink")(path);
}

int remove(const char* path) {
  return fails(isInside(path), "remove", true) ? -1 : next<int(const char*)>("remove")(path);
}

}  // extern "C"
