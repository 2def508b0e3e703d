"""Runs models in ONNX Runtime and compares with outputs computed elsewhere.

Arguments: a file of lines "model<TAB>folder<TAB>optimisation<TAB>tolerance"; each folder holds input_0.npy ..., output_0.npy ... in the
model's order; the optimisation is "none" or "all". Float outputs may differ by the tolerance times the largest magnitude; integers at most by 1 step in 1 of 1,000 elements, for what is quantized ties at rounding.
"""
import pathlib
import sys

import numpy as np
import onnxruntime as ort

ort.set_default_logger_severity(4)
LEVELS = {"none": ort.GraphOptimizationLevel.ORT_DISABLE_ALL, "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL}


def numbered(folder, stem):
    out = []
    while (folder / f"{stem}_{len(out)}.npy").exists():
        out.append(np.load(folder / f"{stem}_{len(out)}.npy"))
    return out


def difference(expected, found, tolerance):
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return f"{found.dtype}{found.shape}, expected {expected.dtype}{expected.shape}"
    if expected.dtype.kind == "f":
        scale = max(np.abs(expected).max(initial=0), 1e-6)
        error = np.abs(expected - found).max(initial=0) / scale
        return f"differs by {error:.2g} of the largest magnitude" if not error <= tolerance else None
    off = np.abs(expected.astype(np.int64) - found.astype(np.int64))
    return f"differs by {off.max()}, {np.count_nonzero(off)} elements" if off.max(initial=0) > 1 or np.mean(off != 0) > 1e-3 else None


def main():
    bad = 0
    for line in pathlib.Path(sys.argv[1]).read_text().splitlines():
        model, folder, level, tolerance = line.split("\t")
        options = ort.SessionOptions()
        options.graph_optimization_level = LEVELS[level]
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        inputs = numbered(pathlib.Path(folder), "input")
        expected = session.run(None, {value.name: array for value, array in zip(session.get_inputs(), inputs)})
        found = numbered(pathlib.Path(folder), "output")
        reasons = [difference(np.asarray(a), b, float(tolerance)) for a, b in zip(expected, found)] if len(expected) == len(found) else ["another number of outputs"]
        for i, reason in enumerate(reasons):
            if reason:
                bad += 1
                print(f"{model}: output {i}: {reason}")
    return 1 if bad else 0


sys.exit(main())
