// Options that several verbs share, in groups: a verb names the groups that it honours, and accepts no others.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/pass/option.h"

namespace compress {

/// Bits of OptionGroups.
enum OptionGroup : unsigned {
  kNoGroup = 0,
  kReading = 1U << 0,      ///< how a model file is read
  kOutput = 1U << 1,       ///< where a file is written; with kForce
  kModelOutput = 1U << 2,  ///< how a model is written; with kOutput
  kComputing = 1U << 3,    ///< threads, device, time
  kReporting = 1U << 4,    ///< --report
  kSeeded = 1U << 5,       ///< --seed
  kForce = 1U << 6,        ///< --force
};
using OptionGroups = unsigned;

struct CommonOptions {
  // kReading
  bool allowLinkedData = false;
  bool untrusted = false;
  std::optional<std::string> limits;
  std::optional<std::string> memoryLimit;
  // kOutput
  std::optional<std::string> output;
  // kForce
  bool force = false;
  // kModelOutput
  bool inPlace = false;
  bool dryRun = false;
  bool verify = true;
  std::optional<std::string> verifyMemory;
  std::string externalData = "auto";
  // kComputing
  int64_t threads;  ///< availableProcessors() unless told
  std::string device = "auto";
  std::optional<std::string> timeout;
  // kSeeded
  int64_t seed = 0;
  // kReporting
  std::vector<std::string> reports;
  // always
  std::optional<std::string> config;
  bool printConfig = false;
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  std::string progress = "auto";
  std::optional<std::string> hook;
  std::string color = "auto";

  CommonOptions();
  /// Visits the options of `groups` and those that every verb has.
  void options(OptionVisitor& visitor, OptionGroups groups);
  /// Throws Error(usage) for a combination that makes no sense, Error(resource) for a device that is not there.
  void check() const;
};

}  // namespace compress
