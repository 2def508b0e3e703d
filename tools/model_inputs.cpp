#include "tools/model_inputs.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/eval/input_plan.h"
#include "lib/eval/run_over.h"
#include "tools/data_options.h"
#include "tools/tensor_files.h"

namespace compress {
namespace {

const InputSpec& findInput(const std::vector<InputSpec>& specs, const std::string& name) {
  const auto found = std::ranges::find(specs, name, &InputSpec::name);
  if (found != specs.end()) return *found;
  std::vector<std::string> names;
  for (const InputSpec& spec : specs) names.push_back(spec.name);
  throw Error(ErrorKind::usage, text("--input: the model has no input '", displayName(name), "'"),
              text("near: ", displayName(join(nearest(name, names), ", "))));
}

}  // namespace

void ModelInputs::options(OptionVisitor& visitor) {
  visitor.visit(inputs_,
                {.name = "inputs",
                 .help = "inputs from a test_data_set folder, an npz, or one npy or pb; random numbers without",
                 .placeholder = "PATH"});
  visitor.visit(input_, {.name = "input",
                         .help = "one input from an npy or pb file, or as in n=@16000 one number, repeatable",
                         .placeholder = "NAME=PATH",
                         .splitsAtCommas = false});
}

std::vector<Tensor> ModelInputs::read(VerbContext& context, const Model& model) const {
  const std::vector<InputSpec> specs = inputSpecs(model);
  if (!isGiven()) return randomDataset(specs, 1, static_cast<uint64_t>(context.common.seed))->read(0).inputs;
  std::vector<std::string> names;
  for (const InputSpec& spec : specs) names.push_back(spec.name);
  std::map<std::string, Tensor> given;
  if (inputs_) given = readTensors(*inputs_, names, "input");
  std::map<std::string, ConstantInput> constants;
  for (const auto& [name, path] : parseInputPaths(input_)) {
    const InputSpec& spec = findInput(specs, name);
    if (const std::string word = path.string(); word.starts_with('@'))
      constants.emplace(name, ConstantInput(spec, std::string_view(word).substr(1)));
    else
      given[name] = readTensor(path);
  }
  SymbolSizes sizes;
  for (const InputSpec& spec : specs)
    if (given.contains(spec.name)) bindSymbols(spec.type, given[spec.name].shape(), sizes);
  for (const auto& [name, constant] : constants) given[name] = constant.filled(sizes);
  std::vector<Tensor> tensors;
  for (const std::string& name : names) {
    if (!given.contains(name))
      throw Error(ErrorKind::input, text("input '", displayName(name), "' is given no tensor"),
                  "give it with --input NAME=PATH");
    tensors.push_back(given[name]);
  }
  return tensors;
}

}  // namespace compress
