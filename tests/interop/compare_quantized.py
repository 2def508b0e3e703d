"""Runs small QDQ models in ONNX Runtime with all its optimisations, and compares with outputs computed elsewhere.

Arguments: a file of lines "name<TAB>folder<TAB>step"; each folder holds model.onnx, input.bin and output.bin (float32). The outputs may differ
by one step, in at most 1 % of the elements and one. Prints which operators ONNX Runtime ran, and the share that differs.
"""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime as ort

ort.set_default_logger_severity(4)


def main():
    bad = 0
    for line in pathlib.Path(sys.argv[1]).read_text().splitlines():
        name, folder, step = line.split("\t")
        folder = pathlib.Path(folder)
        options = ort.SessionOptions()
        options.optimized_model_filepath = str(folder / "optimized.onnx")
        session = ort.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
        value = session.get_inputs()[0]
        x = np.fromfile(folder / "input.bin", np.float32).reshape(value.shape)
        expected = session.run(None, {value.name: x})[0].ravel()
        found = np.fromfile(folder / "output.bin", np.float32)
        ran = " ".join(node.op_type for node in onnx.load(folder / "optimized.onnx").graph.node if not node.op_type.endswith("quantizeLinear"))
        if expected.shape != found.shape:
            bad += 1
            print(f"{name}: {found.size} elements, expected {expected.size}")
            continue
        steps = np.abs(expected.astype(np.float64) - found) / float(step)
        differing = np.count_nonzero(steps > 0.5)
        good = steps.max(initial=0) < 1.01 and differing <= 0.01 * steps.size + 1
        bad += not good
        print(f"{'' if good else 'BAD '}{name} ({ran}): at most {steps.max(initial=0):.2f} steps, {differing} of {steps.size} elements differ")
    return 1 if bad else 0


sys.exit(main())
