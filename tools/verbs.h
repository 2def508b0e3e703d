// One function per verb, defined in the verb's own file; the table in tools/main.cpp lists them.
#pragma once
#include "tools/verb.h"

namespace compress {

VerbSpec inspectVerb();
VerbSpec checkVerb();
VerbSpec runVerb();
VerbSpec evalVerb();
VerbSpec benchVerb();
VerbSpec optimizeVerb();
VerbSpec calibrateVerb();
VerbSpec quantizeVerb();
VerbSpec pruneVerb();
VerbSpec sparsifyVerb();
VerbSpec compareVerb();
VerbSpec pipelineVerb();
VerbSpec opsVerb();
VerbSpec passesVerb();
VerbSpec doctorVerb();
VerbSpec completionVerb();
VerbSpec lintVerb();
VerbSpec reportVerb();
VerbSpec debugVerb();

}  // namespace compress
