#include "tests/support/architectures.h"

namespace compress::test {

std::vector<Architecture> allArchitectures() {
  std::vector<Architecture> all;
  for (const auto family :
       {resnetArchitectures, denseArchitectures, mobileArchitectures, shuffleArchitectures, inceptionArchitectures,
        unetArchitectures, detectorArchitectures, classicArchitectures, superResolutionArchitectures,
        recurrentArchitectures, mixerArchitectures, vitArchitectures, swinArchitectures, languageArchitectures})
    for (Architecture& one : family()) all.push_back(std::move(one));
  return all;
}

}  // namespace compress::test
