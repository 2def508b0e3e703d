// The options of quantize.
#include "passes/quantize/quantize.h"

namespace compress {

void QuantizeOptions::visit(OptionVisitor& visitor) {
  visitor.visit(
      level,
      {.name = "level",
       .help = "effort: 0 minmax per tensor, 1 per channel, 2 ranges by the error downstream and bias correction",
       .min = 0,
       .max = 2,
       .placeholder = "N",
       .letter = 'O'});
  visitor.visit(target, {.name = "target",
                         .help = "runtime whose integer kernels the file is laid out for",
                         .choices = {"portable", "ort-x86"}});
  visitor.visit(method, {.name = "method",
                         .help = "how activation ranges are found; auto is what the level says",
                         .choices = {"auto", "minmax", "percentile", "mse", "entropy"}});
  visitor.visit(percentile, {.name = "percentile",
                             .help = "share of values that --method percentile keeps inside the range",
                             .min = 50,
                             .max = 100,
                             .placeholder = "P"});
  visitor.visit(weights, {.name = "weights", .help = "type of weights", .choices = {"int8"}});
  visitor.visit(activations, {.name = "activations",
                              .help = "type of activations; uint8 is what x86 kernels want",
                              .choices = {"uint8", "int8"}});
  visitor.visit(symmetric, {.name = "symmetric", .help = "make activation ranges symmetric about 0"});
  visitor.visit(
      perChannel,
      {.name = "per-channel", .help = "one scale per weight tensor, not per output channel", .opposite = "per-tensor"});
  visitor.visit(include, {.name = "include",
                          .help = "quantize only what matches: op:TYPE, node:GLOB, tensor:GLOB",
                          .placeholder = "GLOB"});
  visitor.visit(
      exclude,
      {.name = "exclude", .help = "keep float what matches: op:TYPE, node:GLOB, tensor:GLOB", .placeholder = "GLOB"});
  visitor.visit(calibTable,
                {.name = "calib-table", .help = "ranges from this table of compress calibrate", .placeholder = "FILE"});
}

}  // namespace compress
