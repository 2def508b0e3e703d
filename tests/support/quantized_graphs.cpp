#include "tests/support/quantized_graphs.h"

#include "lib/base/text.h"
#include "tests/support/build.h"

namespace compress::test {
namespace {

const std::vector<QuantizedCase> kCases = {
    {"Conv with zero padding",
     "w_d = DequantizeLinear[axis=0](w, ws, wz)\nb_d = DequantizeLinear[axis=0](b, bs, bz)\nr = Conv[pads=[1, 1, 1, "
     "1]](x_d, w_d, b_d)",
     "QuantizedConv", "Conv"},
    {"Conv and Relu",
     "w_d = DequantizeLinear[axis=0](w, ws, wz)\nc = Conv[strides=[2, 2], pads=[0, 1, 1, 0]](x_d, w_d)\nr = Relu(c)",
     "QuantizedConv", "Conv"},
    {"Conv and Clip, auto_pad",
     "const lo: float32[] = -1\nconst hi: float32[] = 2\nw_d = DequantizeLinear[axis=0](w, ws, wz)\nc = "
     "Conv[auto_pad=\"SAME_UPPER\", strides=[2, 1]](x_d, w_d)\nr = Clip(c, lo, hi)",
     "QuantizedConv", "Conv"},
    {"depthwise Conv",
     "w_d = DequantizeLinear[axis=0](wd, wds, wdz)\nr = Conv[group=8, pads=[1, 1, 1, 1], dilations=[1, 1]](x_d, w_d)",
     "QuantizedConv", "Conv"},
    {"dilated Conv",
     "w_d = DequantizeLinear[axis=0](w, ws, wz)\nr = Conv[pads=[2, 2, 2, 2], dilations=[2, 2]](x_d, w_d)",
     "QuantizedConv", "Conv"},
    {"Conv with u8 weights of another zero point", "w_d = DequantizeLinear(wu, wus, wuz)\nr = Conv(x_d, w_d)",
     "QuantizedConv", "Conv"},
    {"Conv with an output channel of nine-bit weights, padded",
     "const wa: uint8[15, 8, 3, 3] = uniform(60, 255)\nconst wb: uint8[1, 8, 3, 3] = uniform(0, 255)\nconst wz2: "
     "uint8[] = 180\nwc = Concat[axis=0](wb, wa)\nw_d = DequantizeLinear(wc, wus, wz2)\nr = Conv[pads=[1, 1, 1, 1], "
     "strides=[2, 1]](x_d, w_d, bf)",
     "QuantizedConv", "Conv"},
    {"depthwise Conv with an output channel of nine-bit weights",
     "const wa: uint8[7, 1, 3, 3] = uniform(10, 220)\nconst wb: uint8[1, 1, 3, 3] = uniform(130, 255)\nconst wz2: "
     "uint8[] = 100\nconst ws2: float32[] = 0.004\nwc = Concat[axis=0](wa, wb)\nw_d = DequantizeLinear(wc, ws2, wz2)\n"
     "c = Conv[group=8, pads=[0, 1, 1, 0]](x_d, w_d)\nr = Relu(c)",
     "QuantizedConv", "Conv"},
    {"Gemm with a column of nine-bit weights",
     "const wa: int8[10, 11] = uniform(-127, 80)\nconst wb: int8[10, 1] = uniform(100, 127)\nconst wz2: int8[] = "
     "-40\nconst ws2: float32[] = 0.005\nwc = Concat[axis=1](wa, wb)\nw_d = DequantizeLinear(wc, ws2, wz2)\nr = "
     "Gemm(x_d, w_d)",
     "QuantizedConv", "Gemm", "[7, 10]"},
    {"1-D Conv",
     "const w1: int8[4, 8, 3] = uniform(-127, 127)\nconst w1s: float32[4] = fill(0.002)\nconst w1z: int8[4] = "
     "fill(0)\nw_d = DequantizeLinear[axis=0](w1, w1s, w1z)\nr = Conv[pads=[1, 1]](x_d, w_d)",
     "QuantizedConv", "Conv", "[2, 8, 30]"},
    {"MatMul and Add",
     "const c: float32[12] = uniform(-1, 1)\nw_d = DequantizeLinear[axis=1](wm, wms, wmz)\nm = MatMul(x_d, w_d)\nr = "
     "Add(m, c)",
     "QuantizedConv", "MatMul", "[2, 5, 10]"},
    {"Gemm",
     "const c: float32[12] = uniform(-1, 1)\nw_d = DequantizeLinear[axis=1](wm, wms, wmz)\nr = Gemm(x_d, w_d, c)",
     "QuantizedConv", "Gemm", "[7, 10]"},
    {"Sigmoid", "r = Sigmoid(x_d)", "ByteTable", "Sigmoid"},
    {"SiLU with quantization inside",
     "const ss: float32[] = 0.004\nconst sz: uint8[] = 0\ns = Sigmoid(x_d)\ns_q = QuantizeLinear(s, ss, sz)\ns_d = "
     "DequantizeLinear(s_q, ss, sz)\nr = Mul(x_d, s_d)",
     "ByteTable", "Mul"},
    {"a chain of unary operators",
     "const k: float32[1, 1] = 1.5\na = HardSwish(x_d)\nb2 = Mul(a, k)\nc = Tanh(b2)\nr = LeakyRelu[alpha=0.1](c)",
     "ByteTable", "Tanh"},
    {"requantization alone", "r = Identity(x_d)", "ByteTable", "QuantizeLinear_"},
    {"Add of two",
     "const as: float32[] = 0.0307\nconst az: uint8[] = 20\na = Relu(x_d)\na_q = QuantizeLinear(a, as, az)\na_d = "
     "DequantizeLinear(a_q, as, az)\nt = Transpose[perm=[0, 1, 3, 2]](a_d)\nu = Transpose[perm=[0, 1, 3, 2]](x_d)\nr = "
     "Add(t, u)",
     "QuantizedBinary", "Add", "[2, 8, 9, 9]"},
    {"Mul by a constant of bytes, and Relu",
     "const q: uint8[8, 1, 1] = uniform(0, 255)\nconst qs: float32[] = 0.0211\nconst qz: uint8[] = 100\nq_d = "
     "DequantizeLinear(q, qs, qz)\nm = Mul(x_d, q_d)\nr = Relu(m)",
     "QuantizedBinary", "Mul"},
    {"Concat of different steps",
     "const as: float32[] = 0.0307\nconst az: uint8[] = 20\na = Tanh(x_d)\na_q = QuantizeLinear(a, as, az)\na_d = "
     "DequantizeLinear(a_q, as, az)\nr = Concat[axis=1](x_d, a_d, x_d)",
     "QuantizedConcat", "Concat"},
    {"Concat of a table's result",
     "const as: float32[] = 0.0307\nconst az: uint8[] = 20\na = Tanh(x_d)\na_q = QuantizeLinear(a, as, az)\na_d = "
     "DequantizeLinear(a_q, as, az)\nr = Concat[axis=1](x_d, a_d)",
     "QuantizedConcat", "ByteTable"},
    {"GlobalAveragePool", "r = GlobalAveragePool(x_d)", "QuantizedAveragePool", "GlobalAveragePool"},
    {"AveragePool", "r = AveragePool[kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1], count_include_pad=1](x_d)",
     "QuantizedAveragePool", "AveragePool"},
    {"MaxPool", "r = MaxPool[kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]](x_d)", "MaxPool", "Max"},
    {"nearest Resize",
     "const roi: float32[0]\nconst sc: float32[4] = 1, 1, 2, 2\nr = Resize[mode=\"nearest\", "
     "coordinate_transformation_mode=\"asymmetric\", nearest_mode=\"floor\"](x_d, roi, sc)",
     "Resize", "Upsample"},
    {"DepthToSpace, Transpose, Reshape",
     "const to: int64[2] = 2, -1\na = DepthToSpace[blocksize=2](x_d)\nt = Transpose[perm=[0, 3, 1, 2]](a)\nr = "
     "Reshape(t, to)",
     "ByteTable", "QuantizeLinear_"},
    {"Pad and Slice",
     "const pads: int64[8] = 0, 0, 1, 2, 0, 0, 0, 1\nconst st: int64[2] = 0, 1\nconst en: int64[2] = 9, 9\nconst ax: "
     "int64[2] = 2, 3\nconst sp: int64[2] = 2, 1\np = Pad(x_d, pads)\nr = Slice(p, st, en, ax, sp)",
     "ByteTable", "QuantizeLinear_"},
};

}  // namespace

const std::vector<QuantizedCase>& quantizedCases() {
  return kCases;
}

Model quantizedModel(const QuantizedCase& item, int xZero, int yZero) {
  return buildModel(
      text("opset 21\ninput x: float32", item.shape, "\nconst xs: float32[] = 0.05\nconst xz: uint8[] = ", xZero,
           "\nconst ys: float32[] = ", kQuantizedStep, "\nconst yz: uint8[] = ", yZero,
           "\nconst w: int8[16, 8, 3, 3] = uniform(-127, 127)\nconst ws: float32[16] = uniform(0.0005, 0.002)\nconst "
           "wz: int8[16] = fill(0)\n"
           "const wd: int8[8, 1, 3, 3] = uniform(-127, 127)\nconst wds: float32[8] = uniform(0.001, 0.004)\nconst wdz: "
           "int8[8] = fill(0)\n"
           "const wu: uint8[16, 8, 3, 3] = uniform(60, 200)\nconst wus: float32[] = 0.001\nconst wuz: uint8[] = 130\n"
           "const b: int32[16] = uniform(-20000, 20000)\nconst bs: float32[16] = fill(0.00005)\nconst bz: int32[16] = "
           "fill(0)\n"
           "const bf: float32[16] = uniform(-1, 1)\nconst wm: int8[10, 12] = uniform(-127, 127)\nconst wms: "
           "float32[12] = uniform(0.001, 0.01)\nconst wmz: "
           "int8[12] = fill(0)\n"
           "x_q = QuantizeLinear(x, xs, xz)\nx_d = DequantizeLinear(x_q, xs, xz)\n",
           item.body, "\nr_q = QuantizeLinear(r, ys, yz)\ny = DequantizeLinear(r_q, ys, yz)\noutput y\n"));
}

}  // namespace compress::test
