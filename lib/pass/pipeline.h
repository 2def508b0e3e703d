// Runs passes one after another. Nothing is believed unmeasured: after each pass the structure is verified and the
// outputs of lossless passes are compared with those of the model as it came; a pass that fails is undone and recorded,
// the rest go on.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/eval/validator.h"
#include "lib/pass/pass.h"

namespace compress {

struct PassRecord {
  enum class Status { unchanged, applied, dropped };

  std::string name;
  Status status = Status::unchanged;
  std::string why;      ///< of dropped: what failed
  double seconds = 0;   ///< of the pass itself, without the checks
  int64_t changes = 0;  ///< also of a dropped pass: what it had done
  std::vector<Skipped> skipped;
  std::vector<Warning> warnings;
  int64_t bytesBefore = 0, bytesAfter = 0;  ///< by PipelineOptions::sizeOf
  int64_t nodesBefore = 0, nodesAfter = 0;
  std::vector<OutputDrift> drift;  ///< against the model as it came; empty where nothing changed or was not compared
  std::string comparedAt;          ///< inputs smaller than declared that the outputs were compared at; empty: as declared
};

struct PipelineStep {
  std::string name;      ///< of the pass
  bool lossless = true;  ///< outputs are held to be equal (cosine >= 0.99999, max error <= 1e-4 of the largest)
  std::unique_ptr<Pass> pass;
};

struct PipelineOptions {
  bool compareOutputs = true;  ///< false: structure only
  int64_t samples = 4;         ///< compared per pass: the first of the calibration data, else random numbers
  /// That comparing may take, beside constants: inputs are chosen to fit, and a pass whose outputs cannot be compared
  /// within it is dropped.
  int64_t memoryBytes = int64_t{2} << 30;
  /// Size of a model as reported. Default: bytes of all constants.
  std::function<int64_t(const Model&)> sizeOf;
};

/// The step of a catalog entry, with its default options.
PipelineStep makeStep(const PassSpec& spec);

/// Edits `model` in place and returns one record per step. Skipped nodes and warnings of a step are moved from
/// `context` to its record. Throws what a pass throws for a model that it must refuse (with the pass's name), and
/// Error(unsupported) when outputs are to be compared and the model cannot be run.
std::vector<PassRecord> runPipeline(Model& model, std::vector<PipelineStep> steps, PassContext& context,
                                    const PipelineOptions& options = {});

/// Bytes of all constants of the model, bodies too; tensors that share memory count once.
int64_t constantBytes(const Model& model);

}  // namespace compress
