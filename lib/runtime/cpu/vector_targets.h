// Instruction sets that the vector loops are compiled for: the baseline, AVX2 and AVX-512 of x86, and what Highway has
// elsewhere. Included before hwy/foreach_target.h, once per file.
#include <hwy/detect_targets.h>
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
