#include "tools/sandbox.h"

#include <sched.h>
#include <seccomp.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "lib/base/error.h"

namespace compress {
namespace {

/// What files, memory, threads and clocks need; names that this machine's kernel does not know are passed over.
constexpr const char* kAllowed[] = {
    // files
    "read", "readv", "pread64", "preadv", "write", "writev", "pwrite64", "pwritev", "lseek", "_llseek", "open",
    "openat", "openat2", "close", "stat", "lstat", "fstat", "stat64", "lstat64", "fstat64", "fstatat64", "newfstatat",
    "statx", "statfs", "fstatfs", "statfs64", "fstatfs64", "access", "faccessat", "faccessat2", "readlink",
    "readlinkat", "getdents", "getdents64", "getcwd", "fcntl", "fcntl64", "ioctl", "dup", "dup2", "dup3", "fsync",
    "fdatasync", "ftruncate", "ftruncate64", "fallocate", "fchmod", "rename", "renameat", "renameat2", "link", "linkat",
    "unlink", "unlinkat", "mkdir", "mkdirat", "umask", "poll", "ppoll", "select", "pselect6", "fadvise64",
    "copy_file_range",
    // memory
    "brk", "mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise", "mincore", "membarrier", "get_mempolicy",
    // threads and time
    "futex", "futex_time64", "futex_waitv", "set_robust_list", "get_robust_list", "rseq", "set_tid_address",
    "sched_getaffinity", "sched_setaffinity", "sched_yield", "sched_getscheduler", "sched_getparam", "getcpu", "gettid",
    "exit", "exit_group", "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
    "sigreturn", "clock_gettime", "clock_gettime64", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday",
    "time", "times", "setitimer", "timer_settime", "arch_prctl",
    // what it asks about itself and the machine
    "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getrusage", "getrlimit", "ugetrlimit", "sysinfo",
    "uname", "getrandom"};

/// No run needs these: whoever calls them has taken the process over.
constexpr const char* kFatal[] = {"socket",
                                  "socketpair",
                                  "connect",
                                  "accept",
                                  "accept4",
                                  "bind",
                                  "listen",
                                  "sendto",
                                  "sendmsg",
                                  "execve",
                                  "execveat",
                                  "fork",
                                  "vfork",
                                  "ptrace",
                                  "process_vm_readv",
                                  "process_vm_writev",
                                  "pidfd_open",
                                  "pidfd_getfd",
                                  "bpf",
                                  "mount",
                                  "umount2",
                                  "move_mount",
                                  "open_tree",
                                  "fsopen",
                                  "pivot_root",
                                  "chroot",
                                  "unshare",
                                  "setns",
                                  "add_key",
                                  "keyctl",
                                  "request_key",
                                  "perf_event_open",
                                  "userfaultfd",
                                  "io_uring_setup",
                                  "io_uring_enter",
                                  "init_module",
                                  "finit_module",
                                  "delete_module",
                                  "kexec_load",
                                  "kexec_file_load",
                                  "reboot",
                                  "setuid",
                                  "setgid",
                                  "setreuid",
                                  "setregid",
                                  "setresuid",
                                  "setresgid",
                                  "capset",
                                  "open_by_handle_at",
                                  "mknod",
                                  "mknodat"};

using Filter = std::unique_ptr<void, void (*)(scmp_filter_ctx)>;

template <typename... Comparison>
void add(const Filter& filter, uint32_t action, const char* name, Comparison... comparisons) {
  const int number = seccomp_syscall_resolve_name(name);
  if (number == __NR_SCMP_ERROR) return;
  const int failed = seccomp_rule_add(filter.get(), action, number, sizeof...(comparisons), comparisons...);
  if (failed != 0 && failed != -EDOM && failed != -EEXIST)
    throw Error(ErrorKind::bug, std::string("the system call filter does not take ") + name);
}

}  // namespace

bool enterSandbox() {
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)), seccomp_release);
  if (!filter) return false;
  for (const char* name : kAllowed) add(filter, SCMP_ACT_ALLOW, name);
  for (const char* name : kFatal) add(filter, SCMP_ACT_KILL_PROCESS, name);
  const auto self = static_cast<scmp_datum_t>(getpid());
  add(filter, SCMP_ACT_ALLOW, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  add(filter, SCMP_ACT_KILL_PROCESS, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
  add(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3");  // its flags lie in memory: the C library then takes clone
  add(filter, SCMP_ACT_ALLOW, "kill", SCMP_A1(SCMP_CMP_EQ, 0));  // whether a process is there
  add(filter, SCMP_ACT_ALLOW, "tgkill", SCMP_A0(SCMP_CMP_EQ, self));
  add(filter, SCMP_ACT_ALLOW, "prlimit64", SCMP_A0(SCMP_CMP_EQ, 0));
  add(filter, SCMP_ACT_ALLOW, "prlimit64", SCMP_A0(SCMP_CMP_EQ, self));
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  return seccomp_load(filter.get()) == 0;
}

}  // namespace compress
