// doctor: what this machine and this build give the program: processor, threads, memory, GPU, folders, build options.
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "tools/help.h"
#include "tools/verbs.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

/// The first line of a file; nothing where there is none.
std::optional<std::string> firstLine(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || line.empty()) return std::nullopt;
  return line;
}

/// What stands behind "KEY : " or "KEY: " in a file of such lines.
std::optional<std::string> lineValue(const std::filesystem::path& path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const size_t start = line.find_first_not_of(" \t", line.find(':') + 1);
    if (line.find(':') != std::string::npos && start != std::string::npos) return line.substr(start);
  }
  return std::nullopt;
}

Json orNull(const std::optional<std::string>& value) {
  return value ? Json(*value) : Json(nullptr);
}

/// Instruction sets that kernels here or in oneDNN have code for.
Json instructionSets() {
  Json found = Json::array();
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("sse4.2")) found.push_back("sse4.2");
  if (__builtin_cpu_supports("avx2")) found.push_back("avx2");
  if (__builtin_cpu_supports("fma")) found.push_back("fma");
  if (__builtin_cpu_supports("avx512f")) found.push_back("avx512f");
  if (__builtin_cpu_supports("avx512bw")) found.push_back("avx512bw");
  if (__builtin_cpu_supports("avx512vnni")) found.push_back("avx512vnni");
  const std::string flags = lineValue("/proc/cpuinfo", "flags").value_or("") + " ";
  for (const char* name : {"avx_vnni", "amx_tile", "amx_int8", "amx_bf16"})
    if (flags.find(text(' ', name, ' ')) != std::string::npos) found.push_back(name);
#endif
  return found;
}

int64_t kibibytes(const std::optional<std::string>& value) {
  return value ? std::strtoll(value->c_str(), nullptr, 10) * 1024 : 0;
}

Json processor() {
  const auto quota = firstLine("/sys/fs/cgroup/cpu.max");
  return {{"model", orNull(lineValue("/proc/cpuinfo", "model name"))},
          {"isa", instructionSets()},
          {"hardware_threads", std::thread::hardware_concurrency()},
          {"usable_threads", availableProcessors()},
          {"cgroup_cpu_max", orNull(quota)},
          {"governor", orNull(firstLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"))}};
}

Json memory() {
  return {{"total_bytes", kibibytes(lineValue("/proc/meminfo", "MemTotal"))},
          {"available_bytes", kibibytes(lineValue("/proc/meminfo", "MemAvailable"))},
          {"cgroup_memory_max", orNull(firstLine("/sys/fs/cgroup/memory.max"))}};
}

Json gpu() {
  const auto driver = lineValue("/proc/driver/nvidia/version", "NVRM version");
  return {{"nvidia_driver", orNull(driver)},
          {"device", std::filesystem::exists("/dev/nvidia0")},
          {"backend", false},
          {"why", "this build has no GPU backend"}};
}

Json temporaryFolder() {
  const std::filesystem::path folder = std::filesystem::temp_directory_path();
  struct statvfs space {};
  const bool isKnown = statvfs(folder.c_str(), &space) == 0;
  return {{"path", folder.string()},
          {"writable", access(folder.c_str(), W_OK | X_OK) == 0},
          {"free_bytes",
           isKnown ? Json(int64_t{static_cast<int64_t>(space.f_bavail)} * static_cast<int64_t>(space.f_frsize))
                   : Json(nullptr)}};
}

Json build() {
  utsname system{};
  uname(&system);
  Json options = Json::array();
#ifdef NDEBUG
  options.push_back("release");
#else
  options.push_back("assertions");
#endif
#ifdef __SANITIZE_ADDRESS__
  options.push_back("address-sanitizer");
#endif
  return {{"version", programVersion()},
          {"compiler", __VERSION__},
          {"options", options},
          {"backends", {"reference", "cpu"}},
          {"os", text(system.sysname, ' ', system.release, ' ', system.machine)}};
}

/// What will make results slow or runs fail, in words.
std::vector<std::string> findings(const Json& machine) {
  std::vector<std::string> found;
  const Json& cpu = machine["processor"];
  if (cpu["usable_threads"] < cpu["hardware_threads"])
    found.push_back(text("W-CPU-LIMIT: ", cpu["usable_threads"].get<int64_t>(), " of ",
                         cpu["hardware_threads"].get<int64_t>(),
                         " processors may be used: an affinity mask or a cgroup quota holds"));
  if (cpu["governor"].is_string() && cpu["governor"] != "performance")
    found.push_back(
        text("W-GOVERNOR: processor frequency is governed by '", cpu["governor"].get<std::string>(), "': times vary"));
  const Json& isa = cpu["isa"];
  if (machine["build"]["os"].get<std::string>().ends_with("x86_64") && std::ranges::find(isa, "avx2") == isa.end())
    found.push_back("W-ISA: the processor has no AVX2: kernels take their slowest form");
  if (!machine["temporary_folder"]["writable"].get<bool>())
    found.push_back(
        text("W-TMP: ", machine["temporary_folder"]["path"].get<std::string>(), " is not writable: set TMPDIR"));
  return found;
}

std::string shown(const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::vector<std::string> words;
  for (const Json& item : value) words.push_back(shown(item));
  return join(words, " ");
}

class Doctor : public Verb {
 public:
  void options(OptionVisitor&) override {}

  int run(VerbContext& context) override {
    const Json machine = {{"processor", processor()},
                          {"memory", memory()},
                          {"gpu", gpu()},
                          {"temporary_folder", temporaryFolder()},
                          {"build", build()}};
    context.document["doctor"] = machine;
    for (const auto& [part, values] : machine.items()) {
      context.console.result(part);
      for (const auto& [name, value] : values.items())
        context.console.result(text("  ", name, std::string(20 - std::min<size_t>(19, name.size()), ' '),
                                    name.ends_with("_bytes") && value.is_number() ? humanBytes(value.get<int64_t>())
                                                                                  : displayText(shown(value))));
    }
    for (const std::string& finding : findings(machine)) warnAs(context, finding);
    return 0;
  }
};

}  // namespace

VerbSpec doctorVerb() {
  return {.name = "doctor",
          .summary = "tell what this machine and this build give: processor, threads, memory, GPU, build options",
          .example = "--json",
          .operands = "",
          .groups = kReporting | kForce,
          .make = []() -> std::unique_ptr<Verb> { return std::make_unique<Doctor>(); }};
}

}  // namespace compress
