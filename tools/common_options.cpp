#include "tools/common_options.h"

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "lib/eval/gates.h"
#include "tools/option_values.h"
#include "tools/subprocess.h"

namespace compress {

CommonOptions::CommonOptions() : threads(availableProcessors()) {}

void CommonOptions::options(OptionVisitor& visitor, OptionGroups groups) {
  if ((groups & (kOutput | kForce)) != 0) visitor.section("Output");
  if ((groups & kOutput) != 0)
    visitor.visit(output, {.name = "output",
                           .help = "write the result here; - writes it to stdout",
                           .placeholder = "FILE",
                           .letter = 'o'});
  if ((groups & kForce) != 0)
    visitor.visit(force, {.name = "force", .help = "overwrite files that exist", .letter = 'f'});
  if ((groups & kModelOutput) != 0) {
    visitor.visit(inPlace,
                  {.name = "in-place", .help = "replace MODEL by the result, at once and only when it is complete"});
    visitor.visit(dryRun, {.name = "dry-run", .help = "do everything but write the result"});
    visitor.visit(verify, {.name = "verify", .help = "check structure and outputs after each pass"});
    visitor.visit(verifyMemory, {.name = "verify-memory",
                                 .help = "most that comparing outputs may take, beside weights; 2GiB, or a quarter of "
                                         "the memory where that is less",
                                 .placeholder = "SIZE"});
    visitor.visit(externalData, {.name = "external-data",
                                 .help = "weights beside the model: auto is past 1.5 GiB",
                                 .choices = {"auto", "always", "never"}});
  }
  if ((groups & kReading) != 0) {
    visitor.section("Reading");
    visitor.visit(allowLinkedData, {.name = "allow-linked-data", .help = "accept external data in hard-linked files"});
    visitor.visit(
        untrusted,
        {.name = "untrusted",
         .help = "for files from strangers: no external data, half the limits, 10 minutes, no network or programs"});
    visitor.visit(
        limits,
        {.name = "limits", .help = "limits of what a model file may hold, as TOML or JSON", .placeholder = "FILE"});
    visitor.visit(memoryLimit, {.name = "memory-limit",
                                .help = "end with exit code 6 once more memory than this is in use, as in 4GiB",
                                .placeholder = "SIZE"});
  }
  if ((groups & (kComputing | kSeeded)) != 0) visitor.section("Computing");
  if ((groups & kComputing) != 0) {
    visitor.visit(threads, {.name = "threads",
                            .help = "processors to use; results do not depend on it",
                            .min = 1,
                            .max = 1024,
                            .placeholder = "N"});
    visitor.visit(device, {.name = "device", .help = "where models run", .choices = {"auto", "cpu", "cuda"}});
    visitor.visit(
        timeout,
        {.name = "timeout", .help = "end with exit code 6 after this long, as in 90s or 30m", .placeholder = "TIME"});
  }
  if ((groups & kSeeded) != 0)
    visitor.visit(seed, {.name = "seed", .help = "of everything random", .min = 0, .placeholder = "N"});
  visitor.section("Reporting");
  if ((groups & kReporting) != 0)
    visitor.visit(reports, {.name = "report",
                            .help = "write a report, also of a failure: .json, .html, .md, .xml, .csv, .prom, .sarif",
                            .placeholder = "FILE",
                            .splitsAtCommas = false});
  visitor.visit(json, {.name = "json", .help = "print exactly one JSON document on stdout, also for errors"});
  visitor.visit(quiet, {.name = "quiet", .help = "no messages but errors", .letter = 'q'});
  visitor.visit(verbose, {.name = "verbose", .help = "print the settings in effect and every step", .letter = 'v'});
  visitor.visit(progress, {.name = "progress",
                           .help = "show how far the work is; jsonl: all of stderr as JSON, one event a line",
                           .choices = {"auto", "never", "jsonl"}});
  visitor.visit(hook, {.name = "hook", .help = "run this for each event, its JSON on stdin", .placeholder = "CMD"});
  visitor.visit(color, {.name = "color", .help = "colours on stderr", .choices = {"auto", "always", "never"}});
  visitor.section("Settings");
  visitor.visit(config, {.name = "config",
                         .help = "take options from this TOML or JSON file; flags and COMPRESS_* variables override it",
                         .placeholder = "FILE"});
  visitor.visit(printConfig, {.name = "print-config", .help = "print every option with its origin, and do nothing"});
}

void CommonOptions::check() const {
  if (output && *output == "-" && json)
    throw Error(ErrorKind::usage, "--json and --output - both want standard output",
                "write the model to a file: -o FILE");
  if (output && inPlace)
    throw Error(ErrorKind::usage, "--output and --in-place exclude each other", "leave one of them out");
  if (quiet && verbose)
    throw Error(ErrorKind::usage, "--quiet and --verbose exclude each other", "leave one of them out");
  if (hook) splitCommand(*hook, "hook");
  if (hook && untrusted)
    throw Error(ErrorKind::usage, "--hook and --untrusted exclude each other: a confined process starts no programs",
                "leave one of them out");
  if (timeout) parseSeconds("timeout", *timeout);
  if (memoryLimit) parseSize(*memoryLimit, "memory-limit");
  if (verifyMemory) parseSize(*verifyMemory, "verify-memory");
  if (device == "cuda")
    throw Error(ErrorKind::resource, "--device cuda: the CUDA plugin libcompress_cuda.so is not installed",
                "use --device cpu");
}

}  // namespace compress
