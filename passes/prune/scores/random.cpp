// random: the yardstick that every other criterion has to beat.
#include "lib/base/random.h"
#include "passes/prune/score.h"

namespace compress {

Criterion randomCriterion() {
  return {"random", "by the seed alone: what other criteria have to beat", false, false,
          [](const ScoreContext& context) {
            Scores scores;
            uint64_t stream = 0;
            for (const Family& family : context.prunable.families) {
              Random random(context.pass.seed, "prune-scores", stream++);
              auto& ofFamily = scores.emplace_back();
              for (size_t i = 0; i < family.classes.size(); ++i) ofFamily.push_back(random.uniform());
            }
            return scores;
          }};
}

}  // namespace compress
