// Runs the built `compress` as a user would: arguments, standard input, exit code, both streams.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace compress::test {

struct ProcessResult {
  int exitCode = -1;  ///< 128 + n when signal n ended it
  std::string out, err;
};

struct ProcessOptions {
  std::string_view input = {};  ///< standard input
  std::string output = {};      ///< a file such as /dev/full for standard output; empty: captured
  int signal = 0;               ///< sent once stderr holds `signalAfter`; 0: none
  std::string_view signalAfter = {};
  std::map<std::string, std::string> environment = {};  ///< added to that of the tests less COMPRESS_*
};

ProcessResult runCompress(const std::vector<std::string>& arguments, const ProcessOptions& options = {});

}  // namespace compress::test
