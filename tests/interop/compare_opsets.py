"""Compares pairs of models in ONNX Runtime on the same inputs: argument 1 is a file of lines "before<TAB>after".

Inputs come from test_data_set_0 beside the first model, else from a fixed random seed. Prints one line per pair that differs or does not
load, and ends with exit code 1 when there is any. A pair with a form that ONNX Runtime does not implement is skipped and counted.
"""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

ort.set_default_logger_severity(4)
DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64, "tensor(int32)": np.int32,
          "tensor(uint8)": np.uint8, "tensor(int8)": np.int8, "tensor(bool)": np.bool_, "tensor(float16)": np.float16}


def session(path):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feeds(path, runner):
    data = pathlib.Path(path).parent / "test_data_set_0"
    out = {}
    rng = np.random.default_rng(0)
    for i, value in enumerate(runner.get_inputs()):
        stored = data / f"input_{i}.pb"
        if stored.exists():
            out[value.name] = numpy_helper.to_array(onnx.load_tensor(str(stored)))
            continue
        shape = [d if isinstance(d, int) else 1 for d in value.shape]
        dtype = DTYPES[value.type]
        integers = not np.issubdtype(dtype, np.floating)
        out[value.name] = (rng.integers(0, 2, shape) if integers else rng.uniform(0, 1, shape)).astype(dtype)
    return out


def check(path):
    try:
        onnx.checker.check_model(path, full_check=True)
    except onnx.shape_inference.InferenceError as error:
        # The function body that onnx itself holds for this op does not pass its own inference.
        if "MeanVarianceNormalization" not in str(error):
            raise


def differences(before, after):
    if len(before) != len(after):
        return f"{len(before)} outputs before, {len(after)} after"
    for i, (a, b) in enumerate(zip(before, after)):
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"output {i}: {a.dtype}{a.shape} before, {b.dtype}{b.shape} after"
        if a.dtype.kind == "f":
            if not np.allclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True):
                return f"output {i}: differs by {np.nanmax(np.abs(a - b))}"
        elif not np.array_equal(a, b):
            return f"output {i}: differs"
    return None


def main():
    bad = skipped = count = 0
    for line in pathlib.Path(sys.argv[1]).read_text().splitlines():
        before, after = line.split("\t")
        count += 1
        try:
            runner = session(before)
            inputs = feeds(before, runner)
            expected = runner.run(None, inputs)
        except Exception:
            skipped += 1
            continue
        try:
            check(after)
            reason = differences(expected, session(after).run(None, inputs))
        except ort.capi.onnxruntime_pybind11_state.NotImplemented:
            skipped += 1  # the runtime lacks the newer form
            continue
        except Exception as error:
            reason = str(error).replace("\n", " ")[:300]
        if reason:
            bad += 1
            print(f"{before} -> {after}: {reason}")
    print(f"compared {count - skipped}, skipped {skipped}, different {bad}")
    return 1 if bad or count == skipped else 0


sys.exit(main())
