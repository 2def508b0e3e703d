// When messages are coloured: the option, then NO_COLOR, then the forcing variables, then the terminal.
#include "tools/console.h"

#include <catch2/catch.hpp>
#include <cstdlib>

using namespace compress;

TEST_CASE("colour follows the option, then the environment, then the terminal", "[tools]") {
  for (const char* name : {"NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR"}) unsetenv(name);
  setenv("TERM", "xterm", 1);
  CHECK(wantsColour("auto", true));
  CHECK_FALSE(wantsColour("auto", false));
  CHECK(wantsColour("always", false));
  CHECK_FALSE(wantsColour("never", true));
  setenv("TERM", "dumb", 1);
  CHECK_FALSE(wantsColour("auto", true));
  setenv("CLICOLOR_FORCE", "1", 1);
  CHECK(wantsColour("auto", false));
  setenv("NO_COLOR", "1", 1);
  CHECK_FALSE(wantsColour("auto", true));
  CHECK(wantsColour("always", true));
  for (const char* name : {"NO_COLOR", "CLICOLOR_FORCE"}) unsetenv(name);
}
