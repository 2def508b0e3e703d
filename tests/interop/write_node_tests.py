"""Writes the node tests of the installed onnx package as folders that the conformance runner reads:
FOLDER/<test>/model.onnx and test_data_set_<n>/{input,output}_<i>.pb. Usage: write_node_tests.py FOLDER"""
import pathlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper


def proto_of(value, type_proto):
    """The message that holds `value`, of the kind that the model declares."""
    kind = type_proto.WhichOneof("value")
    if isinstance(value, (onnx.TensorProto, onnx.SequenceProto, onnx.OptionalProto)):
        return value
    if kind == "sequence_type":
        return numpy_helper.from_list(value)
    if kind == "optional_type":
        return numpy_helper.from_optional(value)
    return numpy_helper.from_array(np.asarray(value))


def write_values(folder, stem, values, declared):
    for i, (value, info) in enumerate(zip(values, declared)):
        (folder / f"{stem}_{i}.pb").write_bytes(proto_of(value, info.type).SerializeToString())


def main(root):
    from onnx.backend.test.case.node import collect_testcases

    cases = [case for case in collect_testcases() if case.model is not None]
    for case in cases:
        folder = root / case.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.onnx").write_bytes(case.model.SerializeToString())
        for i, (inputs, outputs) in enumerate(case.data_sets):
            data = folder / f"test_data_set_{i}"
            data.mkdir(exist_ok=True)
            write_values(data, "input", inputs, case.model.graph.input)
            write_values(data, "output", outputs, case.model.graph.output)
    print(len(cases), "tests")


main(pathlib.Path(sys.argv[1]))
