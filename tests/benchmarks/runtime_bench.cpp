// Times a model on the cpu backend: compress_bench_runtime MODEL [--threads N] [--shape 1,3,224,224] [--seconds S]
// [--layers] [--check]
// [--without FUSION]. Prints minimum, 10th percentile and median in ms; with --check the normalised mean squared error
// against the reference.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/onnx/read.h"
#include "lib/ops/upgrade.h"
#include "lib/runtime/backend.h"

namespace {

using namespace compress;

struct Arguments {
  std::string model;
  int threads = 1;
  double seconds = 1;
  bool layers = false;
  bool check = false;
  std::vector<int64_t> shape;
  std::set<std::string> disabled;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const auto value = [&] { return i + 1 < argc ? argv[++i] : ""; };
    if (flag == "--threads")
      arguments.threads = std::atoi(value());
    else if (flag == "--seconds")
      arguments.seconds = std::atof(value());
    else if (flag == "--layers")
      arguments.layers = true;
    else if (flag == "--check")
      arguments.check = true;
    else if (flag == "--without")
      arguments.disabled.insert(value());
    else if (flag == "--shape")
      for (char* part = std::strtok(const_cast<char*>(value()), ","); part != nullptr; part = std::strtok(nullptr, ","))
        arguments.shape.push_back(std::atoll(part));
    else
      arguments.model = flag;
  }
  return arguments;
}

/// Declared shape, 1 where a dimension is symbolic, or the one given.
Tensor randomInput(const Graph& graph, ValueId id, const std::vector<int64_t>& wanted) {
  const Type& type = graph.value(id).type;
  std::vector<int64_t> dims = wanted;
  if (dims.empty() && type.dims)
    for (const Dim& dim : *type.dims) dims.push_back(dim.isKnown() ? dim.value : 1);
  Buffer buffer(type.dtype, Shape(dims));
  Random random(1, "bench");
  if (type.dtype == DType::f32)
    for (float& value : buffer.as<float>()) value = static_cast<float>(random.normal());
  return std::move(buffer).freeze();
}

double normalizedError(const Buffer& got, const Buffer& wanted) {
  const std::vector<float> a = toFloats(got.snapshot());
  const std::vector<float> b = toFloats(wanted.snapshot());
  double error = 0;
  double power = 1e-30;
  for (size_t i = 0; i < a.size(); ++i) {
    error += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
    power += static_cast<double>(b[i]) * b[i];
  }
  return error / power;
}

/// Each step's shortest time: the runtime reports means, so the time of a run is the growth of their sum.
std::vector<StepInfo> shortest(Executable& executable, Bindings& bindings, int runs) {
  executable.run(bindings);
  std::vector<StepInfo> best = executable.steps();
  for (StepInfo& step : best) step.ms = 1e9;
  std::vector<StepInfo> now = executable.steps();
  int64_t count = 1;
  while (now.size() == best.size() && count < runs) {
    const std::vector<StepInfo> before = now;
    executable.run(bindings);
    now = executable.steps();
    for (size_t i = 0; i < best.size(); ++i)
      best[i].ms =
          std::min(best[i].ms, now[i].ms * static_cast<double>(count + 1) - before[i].ms * static_cast<double>(count));
    ++count;
  }
  return best;
}

void printLayers(Executable& executable, Bindings& bindings) {
  double total = 0;
  const std::vector<StepInfo> steps = shortest(executable, bindings, 200);
  for (const StepInfo& step : steps) {
    std::string fused;
    for (const std::string& name : step.fused) fused += " +" + name;
    std::printf("%8.4f ms %8.1f GOPS  %-12s %-22s %-8s %s%s\n", step.ms,
                2e-6 * static_cast<double>(step.macs) / std::max(step.ms, 1e-9), step.op.c_str(), step.kernel.c_str(),
                step.layout.c_str(), step.name.c_str(), fused.substr(0, 80).c_str());
    total += step.ms;
  }
  std::printf("%8.4f ms in %zu steps\n", total, steps.size());
}

void time(Executable& executable, Bindings& bindings, double seconds) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  for (int i = 0; i < 20; ++i) executable.run(bindings);
  const Clock::time_point start = Clock::now();
  while (times.size() < 20 || std::chrono::duration<double>(Clock::now() - start).count() < seconds) {
    const Clock::time_point before = Clock::now();
    executable.run(bindings);
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - before).count());
  }
  std::ranges::sort(times);
  std::printf("min %.4f  p10 %.4f  p50 %.4f ms  (%zu runs, arena %lld bytes)\n", times.front(),
              times[times.size() / 10], times[times.size() / 2], times.size(),
              static_cast<long long>(executable.arenaBytes()));
}

int run(const Arguments& arguments) {
  const Model model = upgraded(readModel(arguments.model).model);
  std::vector<Shape> shapes;
  Bindings bindings;
  for (const ValueId id : model.graph.runtimeInputs()) {
    bindings.inputs.push_back(randomInput(model.graph, id, arguments.shape));
    shapes.push_back(bindings.inputs.back().shape());
  }
  CompileOptions options;
  options.threads = arguments.threads;
  options.profile = arguments.layers;
  options.disabledFusions = arguments.disabled;
  const auto backend = makeCpuBackend();
  const auto before = std::chrono::steady_clock::now();
  const auto executable = backend->compile(model.graph, shapes, options);
  std::printf("compiled in %.1f ms\n",
              std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - before).count());
  if (arguments.layers)
    printLayers(*executable, bindings);
  else
    time(*executable, bindings, arguments.seconds);
  if (!arguments.check) return 0;
  Bindings expected{bindings.inputs, {}};
  makeReferenceBackend()->compile(model.graph, shapes, {})->run(expected);
  for (size_t i = 0; i < bindings.outputs.size(); ++i)
    std::printf("output %zu: normalised mean squared error %.3g\n", i,
                normalizedError(bindings.outputs[i], expected.outputs[i]));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const compress::Error& error) {
    std::fprintf(stderr, "%s\n%s\n", error.message().c_str(), error.hint().c_str());
    return 1;
  }
}
