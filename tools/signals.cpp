#include "tools/signals.h"

#include <signal.h>

#include <atomic>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace compress {
namespace {

constexpr int kWatched[] = {SIGINT, SIGTERM};

std::atomic<int> noted{0};
static_assert(std::atomic<int>::is_always_lock_free);

void resetToDefault() {
  for (const int watched : kWatched) signal(watched, SIG_DFL);
}

void note(int signal) {
  noted = signal;
  resetToDefault();
}

}  // namespace

void watchSignals() {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  struct sigaction action {};
  action.sa_handler = note;
  sigemptyset(&action.sa_mask);
  for (const int watched : kWatched) {
    struct sigaction before {};
    sigaction(watched, nullptr, &before);
    if (before.sa_handler != SIG_IGN) sigaction(watched, &action, nullptr);  // nohup and background jobs ignore them
  }
}

int notedSignal() {
  return noted;
}

void checkSignals() {
  if (noted != 0)
    throw Error(ErrorKind::interrupted, text("stopped by ", signalName(noted), "; nothing was written"),
                "run the same command again");
}

std::string_view signalName(int signal) {
  return signal == SIGINT ? "SIGINT" : signal == SIGTERM ? "SIGTERM" : "a signal";
}

int endBySignal() {
  resetToDefault();
  raise(noted);
  return 128 + noted;
}

}  // namespace compress
