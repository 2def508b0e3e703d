#!/usr/bin/env python3
"""Latency of `compress bench` beside ONNX Runtime's, and OpenVINO's, on the same files and inputs, in turn, in one run; prints a row per model and the
geometric means.

  pip install numpy onnx onnxruntime            (and openvino for --peers with it)
  compare_onnxruntime.py MODEL.onnx ... [--shape NAME=1x3x32x32]
  compare_onnxruntime.py --zoo ZOO --threads 1 --threads 2 --peers ort,openvino-f32,openvino
  compare_onnxruntime.py --zoo ZOO --images --batch 32

Inputs: --feeds FOLDER takes FOLDER/<model>.npz; --zoo FOLDER takes the zoo's own data (zoo_feeds.py), and its models where none are named; else random
numbers, where unknown dimensions are 1 unless --shape gives them.

Each round times every peer (all optimisations, bound inputs and outputs) for `seconds`, then `compress bench` for as long; the figure of each is the
median over rounds of the medians within a round. `best` is the ratio of the shortest times of all: prefer it where neighbours take the processor.
"""
import argparse, json, math, os, re, statistics, subprocess, sys, tempfile, time
import numpy as np, onnx, onnxruntime as ort
import zoo_feeds

TYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(uint8)": np.uint8, "tensor(int32)": np.int32}
PEERS = {"ort": "ORT", "openvino-f32": "OV f32", "openvino": "OV"}


def ort_session(path, threads, dims=None):
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 4
    for name, size in (dims or {}).items(): options.add_free_dimension_override_by_name(name, size)
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def random_feed(path, shapes):
    random, feed = np.random.default_rng(0), {}
    for i in ort_session(path, 1).get_inputs():
        shape = shapes.get(i.name, [d if isinstance(d, int) else 1 for d in i.shape])
        feed[i.name] = random.random(shape).astype(TYPES[i.type])
    return feed


def with_batch(path, feed, batch, folder):
    """A copy of the model for `batch` samples and inputs for it: axis 0 of every input is widened, and Reshapes keep their input's axis 0."""
    model = onnx.load(path)
    constants = {constant.name for constant in model.graph.initializer}
    for value in list(model.graph.input) + list(model.graph.output):
        if value.name in constants: continue
        dims = value.type.tensor_type.shape.dim
        if dims: dims[0].dim_value = batch
    del model.graph.value_info[:]
    targets = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    for constant in model.graph.initializer:
        shape = onnx.numpy_helper.to_array(constant)
        if constant.name in targets and shape.ndim == 1 and shape[0] == 1:
            constant.CopyFrom(onnx.numpy_helper.from_array(np.concatenate([[0], shape[1:]]).astype(np.int64), constant.name))
    widened = os.path.join(folder, os.path.basename(path))
    onnx.save(model, widened)
    return widened, {name: np.ascontiguousarray(np.repeat(array, batch, axis=0)) for name, array in feed.items()}


def ort_runner(path, threads, feed):
    dims = {d: n for i in ort_session(path, threads).get_inputs() for d, n in zip(i.shape, feed[i.name].shape) if isinstance(d, str)}
    session = ort_session(path, threads, dims)
    binding = session.io_binding()
    for i in session.get_inputs(): binding.bind_ortvalue_input(i.name, ort.OrtValue.ortvalue_from_numpy(feed[i.name]))
    for o in session.get_outputs(): binding.bind_output(o.name, "cpu")
    return lambda: session.run_with_iobinding(binding)


def openvino_runner(path, threads, feed, precision):
    import openvino
    core = openvino.Core()
    try: model = core.read_model(path)
    except RuntimeError: model = openvino.convert_model(path, input=[(name, list(array.shape)) for name, array in feed.items()])
    if model.is_dynamic(): model.reshape({i.any_name: list(feed[i.any_name].shape) for i in model.inputs})
    config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    if precision: config["INFERENCE_PRECISION_HINT"] = precision
    request = core.compile_model(model, "CPU", config).create_infer_request()
    for i in model.inputs: request.set_tensor(i.any_name, openvino.Tensor(np.array(feed[i.any_name], order="C")))
    def run():
        request.start_async()
        request.wait()
    return run


def peer_runner(peer, path, threads, feed):
    """A function that runs once; None, with the reason on stderr, where the peer cannot run the model."""
    try:
        run = ort_runner(path, threads, feed) if peer == "ort" else openvino_runner(path, threads, feed, "f32" if peer == "openvino-f32" else None)
        run()
        return run
    except ImportError: raise
    except Exception as error:
        print(f"{os.path.basename(path)}: {PEERS[peer]}: {str(error).strip().splitlines()[0]}", file=sys.stderr)
        return None


def time_peer(run, seconds):
    warm = time.perf_counter() + 0.1
    while time.perf_counter() < warm: run()
    until, times = time.perf_counter() + seconds, []
    while time.perf_counter() < until or not times:
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times), min(times)


def time_compress(command):
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode != 0: raise SystemExit(f"{' '.join(command)}: exit {finished.returncode}\n{finished.stderr}")
    latency = json.loads(finished.stdout)["latency"][0]
    return latency["p50_ms"], latency["min_ms"]


def compare(path, feed, threads, a, folder):
    """Milliseconds (median of medians, minimum) by contestant; "ours" is one of them."""
    command = [a.compress, "bench", path, "--json", "--threads", str(threads), "--duration", str(a.seconds), *a.options.split()]
    for name, array in feed.items():
        file = os.path.join(folder, re.sub(r"\W", "_", name) + ".npy")
        np.save(file, array)
        command += ["--input", f"{name}={file}"]
    runners = {peer: peer_runner(peer, path, threads, feed) for peer in a.peers}
    times = {name: [] for name in ["ours"] + [peer for peer, run in runners.items() if run]}
    for _ in range(a.rounds):
        for peer, run in runners.items():
            if run: times[peer].append(time_peer(run, a.seconds))
        times["ours"].append(time_compress(command))
    return {name: (statistics.median(t[0] for t in rounds), min(t[1] for t in rounds)) for name, rounds in times.items()}


def feed_for(path, a, shapes):
    stem = os.path.basename(path).removesuffix(".onnx")
    stored = os.path.join(a.feeds, stem + ".npz") if a.feeds else None
    if stored and os.path.exists(stored):
        with np.load(stored) as arrays: return dict(arrays)
    natural = zoo_feeds.feed_of(a.zoo, path) if a.zoo else None
    return natural or random_feed(path, shapes)


def print_table(models, threads, a, shapes):
    print(f"{f'threads {threads}, batch {a.batch}':44} {'ours ms':>9}" + "".join(f" | {PEERS[p] + ' ms':>9} {'ratio':>6} {'best':>6}" for p in a.peers))
    ratios = {peer: [] for peer in a.peers}
    for path in models:
        with tempfile.TemporaryDirectory() as folder:
            file, feed = path, feed_for(path, a, shapes)
            if a.batch > 1: file, feed = with_batch(path, feed, a.batch, folder)
            found = compare(file, feed, threads, a, folder)
        row = f"{os.path.basename(path):44} {found['ours'][0]:9.4f}"
        for peer in a.peers:
            if peer not in found:
                row += f" | {'-':>9} {'-':>6} {'-':>6}"
                continue
            ratio = [ours / theirs for ours, theirs in zip(found["ours"], found[peer])]
            ratios[peer].append(ratio)
            row += f" | {found[peer][0]:9.4f} {ratio[0]:6.3f} {ratio[1]:6.3f}"
        print(row, flush=True)
    mean = lambda values: math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan
    print(f"{'geometric mean':44} {'':9}" + "".join(f" | {'':9} {mean([r[0] for r in ratios[p]]):6.3f} {mean([r[1] for r in ratios[p]]):6.3f}" for p in a.peers))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--zoo", help="folder with models/ and data/")
    parser.add_argument("--images", action="store_true", help="of the zoo, the models of images only")
    parser.add_argument("--feeds", help="folder with <model>.npz")
    parser.add_argument("--threads", type=int, action="append", help="repeatable; default 2")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--peers", type=lambda names: names.split(","), default=["ort"], help=f"comma between: {', '.join(PEERS)}")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.6)
    parser.add_argument("--shape", action="append", default=[], metavar="NAME=SHAPE")
    parser.add_argument("--compress", default="build/release/bin/compress")
    parser.add_argument("--options", default="", help="more options of compress bench")
    a = parser.parse_args()
    if set(a.peers) - set(PEERS): parser.error(f"--peers {','.join(a.peers)}: choose among {', '.join(PEERS)}")
    models = a.models
    if not models:
        if not a.zoo: parser.error("name models, or a zoo with --zoo")
        names = zoo_feeds.IMAGE_MODELS if a.images else zoo_feeds.FEEDS
        models = [os.path.join(a.zoo, "models", name + ".onnx") for name in names]
    shapes = {s.split("=")[0]: [int(d) for d in s.split("=")[1].split("x")] for s in a.shape}
    for threads in a.threads or [2]: print_table(models, threads, a, shapes)


if __name__ == "__main__":
    main()
