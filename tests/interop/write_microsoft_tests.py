"""Writes models of one com.microsoft operator each, with inputs and what ONNX Runtime makes of them, as folders that the
conformance runner reads. Usage: write_microsoft_tests.py FOLDER"""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(7)


def real(*shape, scale=1.0):
    return (random.standard_normal(shape) * scale).astype(np.float32)


def u8(*shape):
    return random.integers(0, 256, shape).astype(np.uint8)


def i8(*shape):
    return random.integers(-128, 128, shape).astype(np.int8)


def f(value):
    return np.array(value, np.float32)


def z8(value):
    return np.array(value, np.uint8)


def ints(*values, dtype=np.int32):
    return np.array(values, dtype)


class Fixed:
    """An input that is an initializer of the model."""

    def __init__(self, array):
        self.array = array


def add_shapes(cases):
    for bits, block, inputs in ((4, 16, 64), (4, 32, 80), (8, 16, 48), (2, 16, 32)):
        blocks = -(-inputs // block)
        packed = random.integers(0, 256, (12, blocks, block * bits // 8)).astype(np.uint8)
        zero = random.integers(0, 256, (12, -(-blocks * bits // 8))).astype(np.uint8)
        attributes = dict(K=inputs, N=12, bits=bits, block_size=block)
        scales = Fixed(real(12, blocks, scale=0.1))
        a = real(3, inputs)
        cases.append((f"nbits_{bits}_{block}_{inputs}", "MatMulNBits", [a, Fixed(packed), scales], attributes, 1))
        cases.append((f"nbits_{bits}_{block}_{inputs}_zero", "MatMulNBits", [a, Fixed(packed), scales, Fixed(zero)], attributes, 1))
    cases.append(("nbits_bias", "MatMulNBits",
                  [real(2, 5, 32), Fixed(random.integers(0, 256, (8, 2, 8)).astype(np.uint8)), Fixed(real(8, 2)), None, None,
                   Fixed(real(8))], dict(K=32, N=8, bits=4, block_size=16), 1))


def attention_cases():
    x, w, b = real(2, 4, 12), real(12, 24, scale=0.3), real(24)
    mask = ints(1, 1, 1, 0, 1, 1, 0, 0).reshape(2, 4)
    yield "attention", "Attention", [x, w, b], dict(num_heads=2), 1
    yield "attention_no_bias", "Attention", [x, w, None], dict(num_heads=2, scale=0.7), 1
    yield "attention_mask", "Attention", [x, w, b, mask], dict(num_heads=2), 1
    yield "attention_mask_3d", "Attention", [x, w, b, random.integers(0, 2, (2, 4, 4)).astype(np.int32) | np.eye(4, dtype=np.int32)], dict(num_heads=2), 1
    yield "attention_lengths", "Attention", [x, w, b, ints(3, 2)], dict(num_heads=2), 1
    yield "attention_starts", "Attention", [x, w, b, ints(4, 3, 1, 0)], dict(num_heads=2), 1
    yield "attention_causal", "Attention", [x, w, b], dict(num_heads=2, unidirectional=1), 1
    yield "attention_past", "Attention", [x, w, b, None, real(2, 2, 2, 3, 4)], dict(num_heads=2, unidirectional=1), 2
    yield "attention_bias", "Attention", [x, w, b, None, None, real(2, 2, 4, 4)], dict(num_heads=2), 1
    yield "attention_sizes", "Attention", [x, real(12, 28, scale=0.3), real(28), None], dict(num_heads=2, qkv_hidden_sizes=[8, 8, 12]), 1
    q, k, v = real(2, 3, 8), real(2, 5, 8), real(2, 5, 12)
    yield "mha", "MultiHeadAttention", [q, k, v], dict(num_heads=2), 1
    yield "mha_bias", "MultiHeadAttention", [q, k, v, real(28)], dict(num_heads=2), 1
    yield "mha_mask", "MultiHeadAttention", [q, k, v, None, ints(1, 1, 1, 0, 0, 1, 1, 1, 1, 0).reshape(2, 5)], dict(num_heads=2), 1
    yield "mha_lengths", "MultiHeadAttention", [q, k, v, None, ints(3, 5)], dict(num_heads=2), 1
    yield "mha_score_bias", "MultiHeadAttention", [q, k, v, None, None, real(1, 2, 3, 5)], dict(num_heads=2), 1
    yield "mha_past", "MultiHeadAttention", [q, real(2, 3, 8), real(2, 3, 8), None, None, None, real(2, 2, 4, 4), real(2, 2, 4, 4)], dict(num_heads=2), 3
    yield "mha_causal", "MultiHeadAttention", [q, real(2, 3, 8), real(2, 3, 8)], dict(num_heads=2, unidirectional=1), 1
    yield "mha_cross", "MultiHeadAttention", [q, real(2, 2, 5, 4), real(2, 2, 5, 4)], dict(num_heads=2), 1
    angles = np.outer(np.arange(16), 1.0 / 10 ** np.arange(4))
    cosines, sines = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    yield "rotary", "RotaryEmbedding", [real(2, 3, 16), ints(4, dtype=np.int64), cosines, sines], dict(), 1
    yield "rotary_4d", "RotaryEmbedding", [real(2, 2, 3, 8), ints(0, 1, 2, 5, 6, 7, dtype=np.int64).reshape(2, 3), cosines, sines], dict(interleaved=1), 1
    yield "rotary_partial", "RotaryEmbedding", [real(1, 3, 24), ints(2, dtype=np.int64), cosines, sines], dict(num_heads=2, rotary_embedding_dim=8), 1
    for name, extra in (("gqa", {}), ("gqa_rotary", dict(do_rotary=1)), ("gqa_window", dict(local_window_size=2)), ("gqa_softcap", dict(softcap=3.0)),
                        ("gqa_interleaved", dict(do_rotary=1, rotary_interleaved=1))):
        wide = np.outer(np.arange(16), 1.0 / 10 ** np.arange(8))
        tables = [np.cos(wide).astype(np.float32), np.sin(wide).astype(np.float32)] if extra.get("do_rotary") else [None, None]
        attributes = dict(num_heads=4, kv_num_heads=2, **extra)
        yield name + "_prompt", "GroupQueryAttention", [real(2, 3, 64), real(2, 3, 32), real(2, 3, 32), None, None, ints(2, 2), ints(3)] + tables, attributes, 3
        yield name + "_step", "GroupQueryAttention", [real(2, 1, 64), real(2, 1, 32), real(2, 1, 32), real(2, 2, 5, 16), real(2, 2, 5, 16), ints(5, 5), ints(6)] + tables, attributes, 3
    yield "gqa_packed", "GroupQueryAttention", [real(1, 3, 128), None, None, None, None, ints(2), ints(3)], dict(num_heads=4, kv_num_heads=2), 3


def float_cases():
    x = real(2, 3, 8)
    yield "gelu", "Gelu", [x], {}, 1
    yield "bias_gelu", "BiasGelu", [x, real(8)], {}, 1
    yield "fast_gelu", "FastGelu", [x], {}, 1
    yield "fast_gelu_bias", "FastGelu", [x, real(8)], {}, 1
    yield "quick_gelu", "QuickGelu", [x], {}, 1
    yield "quick_gelu_alpha", "QuickGelu", [x], dict(alpha=1.0), 1
    yield "skip_layer_norm", "SkipLayerNormalization", [x, real(2, 3, 8), real(8), real(8), real(8)], dict(epsilon=1e-5), 1
    yield "skip_layer_norm_sum", "SkipLayerNormalization", [x, real(3, 8), real(8), real(8)], dict(epsilon=1e-5), [0, 3]
    yield "skip_simplified", "SkipSimplifiedLayerNormalization", [x, real(2, 3, 8), real(8)], dict(epsilon=1e-5), 1
    yield "skip_simplified_bias", "SkipSimplifiedLayerNormalization", [x, real(2, 3, 8), real(8), real(8)], dict(epsilon=1e-5), [0, 3]
    yield "simplified", ("", "SimplifiedLayerNormalization"), [x, real(8)], dict(epsilon=1e-5, axis=-1), 1
    ids, segments = ints(1, 2, 3, 4, 0, 5).reshape(2, 3), ints(0, 0, 1, 0, 1, 1).reshape(2, 3)
    tables = [real(6, 8), real(4, 8), real(2, 8), real(8), real(8)]
    mask = ints(1, 1, 0, 1, 1, 1).reshape(2, 3)
    yield "embed", "EmbedLayerNormalization", [ids, segments] + tables + [mask], dict(epsilon=1e-5), 2
    yield "embed_no_segments", "EmbedLayerNormalization", [ids, None, tables[0], tables[1], None, tables[3], tables[4]], dict(epsilon=1e-5), 2
    yield "embed_positions", "EmbedLayerNormalization", [ids, segments] + tables + [None, ints(3, 2, 1, 0, 1, 2).reshape(2, 3)], dict(epsilon=1e-5), 2
    image, weights = real(1, 4, 6, 6), real(5, 4, 3, 3)
    for activation, parameters in (("Relu", []), ("LeakyRelu", [0.2]), ("Clip", [-0.5, 0.7]), ("HardSigmoid", [0.3, 0.4]), ("Sigmoid", []), ("Tanh", [])):
        attributes = dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1], activation=activation, **(dict(activation_params=parameters) if parameters else {}))
        yield f"fused_conv_{activation}", "FusedConv", [image, weights, real(5)], attributes, 1
    yield "fused_conv_sum", "FusedConv", [image, weights, real(5), real(1, 5, 6, 6)], dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1], activation="Relu"), 1
    yield "fused_gemm", "FusedGemm", [real(3, 4), real(5, 4), real(5)], dict(transB=1, activation="LeakyRelu", activation_alpha=0.1, alpha=0.5, beta=2.0), 1
    yield "fused_gemm_relu", "FusedGemm", [real(3, 4), real(4, 5)], dict(activation="Relu"), 1
    yield "fused_matmul", "FusedMatMul", [real(2, 4, 3), real(2, 4, 5)], dict(transA=1, alpha=0.3), 1
    yield "fused_matmul_b", "FusedMatMul", [real(2, 3, 4), real(5, 4)], dict(transB=1), 1
    yield "fused_matmul_batch", "FusedMatMul", [real(3, 2, 4), real(2, 4, 5)], dict(transBatchA=1), 1


def quantized_cases():
    a, b = u8(2, 3, 4), u8(3, 4)
    pair = [a, f(0.1), z8(120), b, f(0.05), z8(100)]
    yield "qlinear_add", "QLinearAdd", pair + [f(0.12), z8(110)], {}, 1
    yield "qlinear_add_s8", "QLinearAdd", [i8(2, 5), f(0.1), np.int8(3), i8(2, 5), f(0.2), np.int8(-4), f(0.25), np.int8(0)], {}, 1
    yield "qlinear_mul", "QLinearMul", pair + [f(0.3), z8(90)], {}, 1
    yield "qlinear_sigmoid", "QLinearSigmoid", [a, f(0.05), z8(120), f(1 / 256), z8(0)], {}, 1
    yield "qlinear_leaky_relu", "QLinearLeakyRelu", [a, f(0.05), z8(120), f(0.04), z8(20)], dict(alpha=0.2), 1
    yield "qlinear_softmax", "QLinearSoftmax", [a, f(0.05), z8(120), f(1 / 256), z8(0)], dict(axis=-1, opset=13), 1
    yield "qlinear_softmax_12", "QLinearSoftmax", [a, f(0.01), z8(120), f(1 / 256), z8(0)], dict(axis=1, opset=12), 1
    image = u8(1, 3, 6, 6)
    around = [f(0.1), z8(128), f(0.09), z8(120)]
    pool = dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    yield "qlinear_average_pool", "QLinearAveragePool", [image] + around, pool, 1
    yield "qlinear_average_pool_pads", "QLinearAveragePool", [image] + around, dict(count_include_pad=1, **pool), 1
    yield "qlinear_average_pool_last", "QLinearAveragePool", [u8(1, 6, 6, 3)] + around, dict(channels_last=1, **pool), 1
    yield "qlinear_global_average_pool", "QLinearGlobalAveragePool", [image] + around, {}, 1
    yield "qlinear_global_average_pool_last", "QLinearGlobalAveragePool", [u8(1, 6, 6, 3)] + around, dict(channels_last=1), 1
    yield "qlinear_concat", "QLinearConcat", [f(0.2), z8(100), u8(2, 3), f(0.1), z8(120), u8(2, 4), f(0.3), z8(90)], dict(axis=1), 1
    yield "qlinear_where", "QLinearWhere", [random.integers(0, 2, (2, 3, 4)).astype(bool)] + pair + [f(0.1), z8(100)], {}, 1
    yield "qgemm", "QGemm", [u8(3, 8), f(0.1), z8(120), Fixed(u8(8, 5)), f(0.05), z8(130), Fixed(random.integers(-500, 500, 5).astype(np.int32)), f(0.8), z8(128)], {}, 1
    yield "qgemm_float", "QGemm", [u8(3, 8), f(0.1), z8(120), Fixed(i8(5, 8)), Fixed(real(5) ** 2 * f(0.1) + f(0.01)), Fixed(np.zeros(5, np.int8))], dict(transB=1, alpha=0.5), 1
    yield "dynamic_quantize_matmul", "DynamicQuantizeMatMul", [real(3, 8), Fixed(i8(8, 5)), f(0.02), np.int8(0), real(5)], {}, 1
    yield "dynamic_quantize_matmul_columns", "DynamicQuantizeMatMul", [real(2, 3, 8), Fixed(u8(8, 5)), Fixed(real(5) ** 2 + f(0.01)), Fixed(u8(5))], {}, 1
    yield "matmul_integer_to_float", "MatMulIntegerToFloat", [u8(3, 8), Fixed(i8(8, 5)), f(0.1), f(0.05), z8(120), np.int8(3), real(5)], {}, 1
    yield "nhwc_max_pool", "NhwcMaxPool", [u8(1, 6, 6, 3)], dict(kernel_shape=[2, 2], strides=[2, 2]), 1
    yield "quantize", "QuantizeLinear", [real(3, 4), f(0.02), z8(120)], {}, 1
    yield "quantize_16", "QuantizeLinear", [real(3, 4), f(0.0001), np.uint16(30000)], {}, 1
    yield "quantize_axis", "QuantizeLinear", [real(3, 4), real(3) ** 2 + f(0.01), u8(3)], dict(axis=0), 1
    yield "dequantize", "DequantizeLinear", [u8(3, 4), f(0.02), z8(120)], {}, 1
    yield "dequantize_s16", "DequantizeLinear", [random.integers(-999, 999, (3, 4)).astype(np.int16), f(0.02), np.int16(7)], {}, 1
    yield "dequantize_axis", "DequantizeLinear", [i8(3, 4), real(4), i8(4)], dict(axis=1), 1


def lstm_cases():
    for directions in (1, 2):
        w, r = i8(directions, 6, 20), i8(directions, 5, 20)
        scales = [Fixed(np.full(directions, 0.01, np.float32)), Fixed(np.zeros(directions, np.int8))]
        inputs = [real(4, 2, 6), Fixed(w), Fixed(r), Fixed(real(directions, 40)), None, None, None, None] + scales + scales
        attributes = dict(hidden_size=5, direction="bidirectional" if directions == 2 else "forward")
        yield f"lstm_{directions}", "DynamicQuantizeLSTM", inputs, attributes, 3


def model_of(op, inputs, attributes, outputs):
    domain, op = op if isinstance(op, tuple) else ("com.microsoft", op)
    wanted = range(outputs) if isinstance(outputs, int) else outputs
    names = [f"y{i}" if i in wanted else "" for i in range(max(wanted) + 1)]
    node = helper.make_node(op, ["" if x is None else f"x{i}" for i, x in enumerate(inputs)], names, domain=domain, **attributes)
    declared, initializers = [], []
    for i, x in enumerate(inputs):
        if isinstance(x, Fixed):
            initializers.append(numpy_helper.from_array(np.asarray(x.array), f"x{i}"))
        elif x is not None:
            x = np.asarray(x)
            declared.append(helper.make_tensor_value_info(f"x{i}", helper.np_dtype_to_tensor_dtype(x.dtype), x.shape))
    results = [helper.make_empty_tensor_value_info(name) for name in names if name]
    graph = helper.make_graph([node], op, declared, results, initializers)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def write(root, name, op, inputs, attributes, outputs):
    model = model_of(op, inputs, attributes, outputs)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feeds = {f"x{i}": np.asarray(x) for i, x in enumerate(inputs) if x is not None and not isinstance(x, Fixed)}
    results = session.run(None, feeds)
    data = root / name / "test_data_set_0"
    data.mkdir(parents=True)
    (root / name / "model.onnx").write_bytes(model.SerializeToString())
    for stem, arrays in (("input", feeds.values()), ("output", results)):
        for i, array in enumerate(arrays):
            (data / f"{stem}_{i}.pb").write_bytes(numpy_helper.from_array(np.asarray(array)).SerializeToString())


def main(root):
    cases = []
    add_shapes(cases)
    for group in (attention_cases, float_cases, quantized_cases, lstm_cases):
        cases.extend(group())
    onnxruntime.set_default_logger_severity(4)
    refused = 0
    for case in cases:
        try:
            write(root, *case)
        except Exception as error:  # an ONNX Runtime that lacks an operator or a form of it
            refused += 1
            print(case[0], "is refused:", str(error)[:300])
    print(len(cases) - refused, "models")


main(pathlib.Path(sys.argv[1]))
