"""Checks quantized models in ONNX Runtime: argument 1 is a file of lines "float model<TAB>quantized model<TAB>operator that must appear".

Each quantized model must pass the checker with full type inference, run with optimisations off and all, agree with its float model, show
the wanted operator in the optimised graph and hold no DequantizeLinear of a whole weight there. Prints what fails; exit 1 when something does.
"""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime as ort

ort.set_default_logger_severity(4)


def session(path, level, optimized=None):
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = 1
    if optimized:
        options.optimized_model_filepath = str(optimized)
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def reads_float(graph, node):
    return any(other.op_type == "DequantizeLinear" and node.input[0] in other.output for other in graph.node)


def check(plain, quantized, wanted):
    onnx.checker.check_model(quantized, full_check=True)
    optimized = pathlib.Path(quantized + ".optimized.onnx")
    runs = [session(plain, ort.GraphOptimizationLevel.ORT_ENABLE_ALL), session(quantized, ort.GraphOptimizationLevel.ORT_DISABLE_ALL),
            session(quantized, ort.GraphOptimizationLevel.ORT_ENABLE_ALL, optimized)]
    random = np.random.default_rng(0)
    feed = {i.name: random.random(i.shape, np.float32) for i in runs[0].get_inputs()}
    outputs = [run.run(None, feed)[0].astype(np.float64) for run in runs]
    for name, output in zip(("off", "all"), outputs[1:]):
        error = np.square(output - outputs[0]).sum() / max(np.square(outputs[0]).sum(), 1e-30)
        if not error < 0.01:
            return f"optimisations {name}: error {error}"
    graph = onnx.load(optimized).graph
    ops = [node.op_type for node in graph.node]
    if wanted == "nothing":
        left = set(ops) - {"QuantizeLinear", "DequantizeLinear", "QLinearConv", "Transpose"}  # channels go last and come back
        return f"{left} is left" if left or ops.count("QuantizeLinear") > 1 else None
    if wanted.removesuffix(" (float)") not in ops:
        return f"no {wanted} among {ops}"
    if wanted.endswith(" (float)") and not any(reads_float(graph, node) for node in graph.node if node.op_type == wanted.removesuffix(" (float)")):
        return f"{wanted} reads no float among {ops}"
    ranks = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
    whole = [node.name for node in graph.node if node.op_type == "DequantizeLinear" and ranks.get(node.input[0], 0) > 1]
    return f"weights are dequantized as a whole: {whole}" if whole else None


failed = False
for line in pathlib.Path(sys.argv[1]).read_text().splitlines():
    try:
        fault = check(*line.split("\t"))
    except Exception as exception:  # a refusal of the checker or of the runtime is the finding
        fault = f"{type(exception).__name__}: {exception}"
    if fault:
        failed = True
        print(f"{line}: {fault}")
sys.exit(failed)
