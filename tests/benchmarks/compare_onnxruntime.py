#!/usr/bin/env python3
"""Latency of `compress bench` beside ONNX Runtime's on the same files, in turn, in one run; prints a row per model and the geometric mean.

  pip install numpy onnx onnxruntime
  compare_onnxruntime.py MODEL.onnx ... [--threads 2] [--rounds 7] [--seconds 0.6] [--shape NAME=1x3x32x32] [--compress build/release/bin/compress]

Each round times ONNX Runtime (all optimisations, bound inputs and outputs) for `seconds`, then `compress bench` for as long; the figure of each is
the median over rounds of the medians within a round. Unknown dimensions are 1 unless --shape gives them. Where another process took the processor in
some rounds, prefer the ratio of the best rounds, which is printed too.
"""
import argparse, json, math, statistics, subprocess, time
import numpy as np, onnx, onnxruntime as ort

TYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(uint8)": np.uint8, "tensor(int32)": np.int32}


def ort_runner(path, threads, shapes):
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 4
    probe = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    dims = {i.name: shapes.get(i.name, [d if isinstance(d, int) else 1 for d in i.shape]) for i in probe.get_inputs()}
    for i in probe.get_inputs():
        for symbol, size in zip(i.shape, dims[i.name]):
            if isinstance(symbol, str): options.add_free_dimension_override_by_name(symbol, size)
    session, rng = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"]), np.random.default_rng(0)
    binding = session.io_binding()
    for i in session.get_inputs():
        binding.bind_ortvalue_input(i.name, ort.OrtValue.ortvalue_from_numpy(rng.random(dims[i.name]).astype(TYPES[i.type])))
    for o in session.get_outputs(): binding.bind_output(o.name, "cpu")
    return (lambda: session.run_with_iobinding(binding)), dims


def time_ort(run, seconds):
    until, times, warm = time.perf_counter() + seconds, [], time.perf_counter() + 0.1
    while time.perf_counter() < warm: run()
    while time.perf_counter() < until or not times:
        start = time.perf_counter(); run(); times.append((time.perf_counter() - start) * 1e3)
    return times


def time_compress(binary, path, threads, seconds, dims):
    command = [binary, "bench", path, "--json", "--threads", str(threads), "--duration", str(seconds)]
    for name, shape in dims.items(): command += ["--shape", f"{name}:{'x'.join(map(str, shape))}"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return report["latency"][0]["p50_ms"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+"); parser.add_argument("--threads", type=int, default=2); parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.6); parser.add_argument("--shape", action="append", default=[])
    parser.add_argument("--compress", default="build/release/bin/compress")
    a = parser.parse_args()
    shapes = {s.split("=")[0]: [int(d) for d in s.split("=")[1].split("x")] for s in a.shape}
    print(f"{'model':44} {'ORT ms':>9} {'ours ms':>9} {'ratio':>7} {'best':>8}   threads {a.threads}")
    ratios, minima = [], []
    for path in a.models:
        run, dims = ort_runner(path, a.threads, shapes)
        theirs, ours = [], []
        for _ in range(a.rounds):
            theirs.append(statistics.median(time_ort(run, a.seconds)))
            ours.append(time_compress(a.compress, path, a.threads, a.seconds, dims))
        t, o = statistics.median(theirs), statistics.median(ours)
        best = min(ours) / min(theirs)
        ratios.append(o / t); minima.append(best)
        print(f"{path.split('/')[-1]:44} {t:9.4f} {o:9.4f} {o / t:7.3f} {best:8.3f}", flush=True)
    mean = lambda xs: math.exp(sum(map(math.log, xs)) / len(xs))
    print(f"{'geometric mean':44} {'':9} {'':9} {mean(ratios):7.3f} {mean(minima):8.3f}")


if __name__ == "__main__":
    main()
