// Small networks with the structure of well-known architectures, as exporters write them: for tests of passes that must
// cope with all of them. One file per family in architectures/, one line each in architectures.cpp.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "tests/support/net.h"

namespace compress::test {

struct Architecture {
  std::string name;
  std::function<Model()> make;  ///< fixed shapes, runnable by the references; the same model in every call
};

std::vector<Architecture> allArchitectures();

std::vector<Architecture> resnetArchitectures();
std::vector<Architecture> denseArchitectures();
std::vector<Architecture> mobileArchitectures();
std::vector<Architecture> shuffleArchitectures();
std::vector<Architecture> inceptionArchitectures();
std::vector<Architecture> unetArchitectures();
std::vector<Architecture> detectorArchitectures();
std::vector<Architecture> classicArchitectures();
std::vector<Architecture> superResolutionArchitectures();
std::vector<Architecture> recurrentArchitectures();
std::vector<Architecture> mixerArchitectures();
std::vector<Architecture> vitArchitectures();
std::vector<Architecture> swinArchitectures();
std::vector<Architecture> languageArchitectures();

/// An Architecture whose body gets a fresh Net and its input, and returns the outputs.
template <typename Body>
Architecture pictureNet(std::string name, Net::Dims input, Body body) {
  return {std::move(name), [input = std::move(input), body] {
            Net net;
            const ValueId x = net.input(input);
            const Net::Values outputs = body(net, x);
            return std::move(net).finish(outputs);
          }};
}

}  // namespace compress::test
