"""Compares pairs of models N.before.onnx and N.after.onnx in a folder: the checker accepts both, and ONNX Runtime, its own
optimisations off, gives the same outputs for the same random inputs. Usage: compare_pairs.py FOLDER. Exit 1 on the first difference."""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime as ort


def run(path, feeds):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = {value.name for value in session.get_inputs()}
    return session.run(None, {name: data for name, data in feeds.items() if name in names}), [value.name for value in session.get_outputs()]


def feeds_of(path):
    model = onnx.load(path)
    constants = {tensor.name for tensor in model.graph.initializer}
    random = np.random.default_rng(0)
    shapes = {v.name: [d.dim_value or 2 for d in v.type.tensor_type.shape.dim] for v in model.graph.input if v.name not in constants}
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def main():
    folder = pathlib.Path(sys.argv[1])
    pairs = sorted(folder.glob("*.before.onnx"))
    for before in pairs:
        after = before.with_name(before.name.replace("before", "after"))
        for path in (before, after):
            onnx.checker.check_model(str(path), full_check=True)
        feeds = feeds_of(before)
        (expected, names), (found, found_names) = run(before, feeds), run(after, feeds)
        if names != found_names:
            sys.exit(f"{after}: outputs {found_names}, expected {names}")
        for name, a, b in zip(names, expected, found):
            if a.shape != b.shape or not np.allclose(a, b, rtol=0, atol=1e-4 * max(1e-3, np.abs(a).max()), equal_nan=True):
                sys.exit(f"{after}: output {name} differs by {np.abs(a - b).max()}")
    print(f"{len(pairs)} pairs agree")


if __name__ == "__main__":
    main()
