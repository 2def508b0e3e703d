#include "lib/pass/output_judge.h"

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/head_of.h"

namespace compress {

void OutputJudge::prepare() {
  const VerificationLimits limits{
      .threads = context_.threads, .samples = options_.samples, .bytes = options_.memoryBytes};
  if (context_.calibration != nullptr) {
    plan_ = planVerification(reference_, context_.calibration->read(0), limits);
    samples_ = std::make_unique<HeadOf>(*context_.calibration, plan_.samples);
  } else {
    plan_ = planVerification(reference_, limits);
    samples_ = randomDataset(plan_.inputs, plan_.samples, context_.seed);
  }
  if (plan_.isSmaller) reference_ = atShapes(reference_, plan_.inputs);
  ValidatorOptions settings;
  settings.threads = plan_.threads;
  settings.seed = context_.seed;
  validator_ = std::make_unique<Validator>(reference_, context_.backend, samples_.get(), nullptr, std::move(settings));
}

std::string OutputJudge::shortage() const {
  return text("not verified numerically: would need ", humanBytes(plan_.bytes), " of memory, more than the ",
              humanBytes(options_.memoryBytes), " of --verify-memory");
}

std::string OutputJudge::findFault(const Model& model, bool lossless, PassRecord& record) {
  if (!validator_) prepare();
  if (!plan_.isFitting) return shortage();
  if (!plan_.isSmaller) return compare(model, lossless, record);
  record.comparedAt = print(plan_.inputs);
  const std::string fault = compare(atShapes(model, plan_.inputs), lossless, record);
  return fault.empty() ? fault : text(shortage(), "; at ", record.comparedAt, ": ", fault);
}

std::string OutputJudge::compare(const Model& model, bool lossless, PassRecord& record) {
  try {
    const Measurement measured = validator_->measureDrift(model);
    record.drift = measured.drift;
    const Verdict verdict = validator_->judge(measured, lossless);
    return verdict.accepted ? std::string() : verdict.reason;
  } catch (const Error& error) {
    requireRunnableReference();
    return text("the changed model does not run: ", error.message());
  }
}

void OutputJudge::requireRunnableReference() {
  try {
    validator_->measureDrift(reference_);
  } catch (const Error& error) {
    if (plan_.isSmaller) return;  // the smaller inputs may be why
    throw Error(error.kind(), text("outputs cannot be compared: ", error.message()),
                error.hint().empty() ? "--no-verify checks the structure only" : error.hint());
  }
}

}  // namespace compress
