"""Makes models with the newest IR that the onnx package knows, for the test that reading and writing them loses nothing.

usage: make_newest.py FOLDER [--node-cases]   --node-cases adds the package's own model of every operator
"""
import argparse
import pathlib
import warnings

import numpy
import onnx
from onnx import TensorProto, helper

OPSETS = [helper.make_opsetid("", onnx.defs.onnx_opset_version()), helper.make_opsetid("local", 1)]


def value(name, dtype=TensorProto.FLOAT, shape=("N", 4)):
    return helper.make_tensor_value_info(name, dtype, shape)


def model_of(nodes, inputs, outputs, **rest):
    functions = rest.pop("functions", [])
    graph = helper.make_graph(nodes, "g", inputs, outputs, **rest)
    return helper.make_model(graph, opset_imports=OPSETS, functions=functions, ir_version=onnx.IR_VERSION, producer_name="interop")


def add_metadata(message, **entries):
    for key, text in entries.items():
        entry = message.metadata_props.add()
        entry.key, entry.value = key, text


def metadata_everywhere():
    node = helper.make_node("Add", ["x", "w"], ["y"], name="add")
    model = model_of([node], [value("x")], [value("y")], initializer=[helper.make_tensor("w", TensorProto.FLOAT, [4], [1, 2, 3, 4])])
    for message in (model, model.graph, model.graph.node[0], model.graph.input[0], model.graph.output[0], model.graph.initializer[0]):
        add_metadata(message, source="here", line="12")
    model.graph.doc_string = "a graph"
    return model


def small_types():
    tensors = []
    for name in ("FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "FLOAT8E8M0", "UINT4", "INT4", "FLOAT4E2M1", "UINT2", "INT2",
                 "FLOAT6E2M3", "FLOAT6E3M2", "BFLOAT16", "FLOAT16"):
        if hasattr(TensorProto, name):
            dtype = getattr(TensorProto, name)
            values = numpy.array([1, 0, 1, 1, 0], dtype=numpy.float32).astype(helper.tensor_dtype_to_np_dtype(dtype))
            tensors.append(onnx.numpy_helper.from_array(values, name))
    return model_of([helper.make_node("Identity", ["x"], ["y"])], [value("x")], [value("y")], initializer=tensors)


def overloaded_functions():
    functions = []
    for overload, op in (("a", "Relu"), ("b", "Neg")):
        functions.append(helper.make_function("local", "f", ["p"], ["q"], [helper.make_node(op, ["p"], ["q"])], OPSETS[:1], overload=overload))
        functions[-1].value_info.append(value("q"))
        add_metadata(functions[-1], which=overload)
    nodes = [helper.make_node("f", ["x"], ["m"], domain="local", overload="a"), helper.make_node("f", ["m"], ["y"], domain="local", overload="b")]
    return model_of(nodes, [value("x")], [value("y")], functions=functions)


def bodies():
    add = helper.make_node("Add", ["state", "outer"], ["next"])
    loop_body = helper.make_graph([add, helper.make_node("Identity", ["go"], ["again"])], "body",
                                  [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("state")],
                                  [value("again", TensorProto.BOOL, []), value("next")])
    yes = helper.make_graph([helper.make_node("Loop", ["count", "", "x"], ["looped"], body=loop_body)], "yes", [], [value("looped")])
    no = helper.make_graph([helper.make_node("Identity", ["outer"], ["same"])], "no", [], [value("same")])
    nodes = [helper.make_node("Relu", ["x"], ["outer"]), helper.make_node("If", ["c"], ["y"], then_branch=yes, else_branch=no)]
    add_metadata(loop_body, inner="yes")
    return model_of(nodes, [value("x"), value("c", TensorProto.BOOL, []), value("count", TensorProto.INT64, [])], [value("y")])


def odd_types():
    sequence = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None)
    optional = helper.make_value_info("o", helper.make_optional_type_proto(helper.make_tensor_type_proto(TensorProto.INT64, ["K", None, 3])))
    mapping = helper.make_value_info("m", helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, [])))
    return model_of([helper.make_node("SequenceConstruct", ["x"], ["s"])], [value("x"), optional, mapping], [sequence])


def devices():
    model = metadata_everywhere()
    configuration = model.configuration.add()
    configuration.name, configuration.num_devices = "two", 2
    node = model.graph.node[0].device_configurations.add()
    node.configuration_id, node.pipeline_stage = "two", 1
    sharding = node.sharding_spec.add()
    sharding.tensor_name = "w"
    sharding.device.extend([0, 1])
    return model


def sparse_and_attributes():
    sparse = helper.make_sparse_tensor(helper.make_tensor("v", TensorProto.FLOAT, [2], [1, 2]), helper.make_tensor("i", TensorProto.INT64, [2], [0, 3]), [4])
    tensor = helper.make_tensor("inner", TensorProto.INT64, [2], [5, 6])
    tensor.doc_string = "of an attribute"
    nodes = [helper.make_node("Constant", [], ["k"], sparse_value=sparse), helper.make_node("Constant", [], ["t"], value=tensor),
             helper.make_node("Add", ["x", "k"], ["y"]), helper.make_node("Custom", ["x"], ["z"], domain="local", names=["a", "b"], ratios=[0.5, 1.5],
                                                                       tensors=[tensor, tensor], shape_type=helper.make_tensor_type_proto(1, ["N"]))]
    return model_of(nodes, [value("x")], [value("y")])


def node_cases():
    from onnx.backend.test.case.node import collect_testcases
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {case.name: case.model for case in collect_testcases(None) if case.model is not None}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--node-cases", action="store_true")
    arguments = parser.parse_args()
    makers = (metadata_everywhere, small_types, overloaded_functions, bodies, odd_types, devices, sparse_and_attributes)
    models = {maker.__name__: maker() for maker in makers}
    if arguments.node_cases:
        models.update(node_cases())
    for name, model in models.items():
        (arguments.folder / f"{name}.onnx").write_bytes(model.SerializeToString())


if __name__ == "__main__":
    main()
