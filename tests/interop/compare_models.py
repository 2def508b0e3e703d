"""Compares every model of one folder with that of the same name in another, in the onnx package's own eyes.

usage: compare_models.py BEFORE AFTER   exit 1 and a line for each model that differs; the form of payloads may differ
"""
import pathlib
import sys

import onnx
from onnx import AttributeProto, helper, numpy_helper


def plain_tensor(tensor):
    if tensor.data_type != onnx.TensorProto.STRING:
        kept = [(entry.key, entry.value) for entry in tensor.metadata_props]
        raw = numpy_helper.to_array(tensor)
        fresh = numpy_helper.from_array(raw, tensor.name)
        fresh.doc_string = tensor.doc_string
        for key, text in kept:
            entry = fresh.metadata_props.add()
            entry.key, entry.value = key, text
        assert fresh.data_type == tensor.data_type, (fresh.data_type, tensor.data_type)
        tensor.CopyFrom(fresh)
    elif not tensor.HasField("doc_string"):
        tensor.doc_string = ""


def plain_graph(graph):
    for tensor in graph.initializer:
        plain_tensor(tensor)
    for fields in (graph.initializer, graph.value_info):
        fields.sort(key=lambda item: item.name)
    for node in graph.node:
        node.name, node.domain = node.name, "" if node.domain == "ai.onnx" else node.domain
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                plain_tensor(attribute.t)
            for tensor in attribute.tensors:
                plain_tensor(tensor)
            if attribute.type == AttributeProto.GRAPH:
                plain_graph(attribute.g)


def plain_model(path):
    model = onnx.load(path, load_external_data=False)
    plain_graph(model.graph)
    for entry in model.opset_import:
        entry.domain = "" if entry.domain == "ai.onnx" else entry.domain
    return model


def main():
    before, after = map(pathlib.Path, sys.argv[1:3])
    different = 0
    for path in sorted(before.glob("*.onnx")):
        if plain_model(path) != plain_model(after / path.name):
            different += 1
            print(f"{path.name} differs")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
