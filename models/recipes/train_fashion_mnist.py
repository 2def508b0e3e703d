#!/usr/bin/env python3
"""Trains the shipped Fashion-MNIST models and writes them as ONNX, BatchNormalization unfolded, opset 17, dynamic batch.

  pip install torch numpy onnx
  train_fashion_mnist.py resnet8|mobilenet OUT.onnx [--epochs 30] [--seed 0] [--data /usr/share/datasets/fashion-mnist]

Input "image": float32[N, 1, 28, 28], pixels in [0, 1]. Output "logits": float32[N, 10].
resnet8: stem Conv 3x3 (16), three residual blocks (16, 32, 64), global average pooling, Gemm.
mobilenet: stem Conv 3x3 (16, stride 2), seven depthwise-separable blocks with Clip(0, 6), global average pooling, Gemm.
SGD with Nesterov momentum, one-cycle schedule, flips and shifts by up to two pixels, label smoothing 0.05.
"""
import argparse, gzip, time
import numpy as np, onnx, torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn


def idx(path):
    raw = gzip.open(path).read()
    dims = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(dims)


class Net(nn.Module):
    """A list of layers described as data, so that the same list is trained by torch and written as ONNX nodes."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.layers, self.plan = kind, nn.ModuleDict(), []
        if kind == "resnet8":
            x = self.conv("stem", "image", 1, 16, 3, 1, act="Relu")
            for i, (cin, cout, stride) in enumerate([(16, 16, 1), (16, 32, 2), (32, 64, 2)]):
                p = f"block{i + 1}"
                y = self.conv(p + ".conv1", x, cin, cout, 3, stride, act="Relu")
                y = self.conv(p + ".conv2", y, cout, cout, 3, 1)
                skip = x if stride == 1 else self.conv(p + ".down", x, cin, cout, 1, stride)
                self.plan.append(("Add", p + ".add", [y, skip], None)); self.plan.append(("Relu", p + ".relu", [p + ".add"], None))
                x = p + ".relu"
            width = 64
        else:
            x = self.conv("stem", "image", 1, 16, 3, 1, act="Clip")
            width = 16
            for i, (cout, stride) in enumerate([(32, 2), (32, 1), (64, 2), (64, 1), (96, 1), (96, 1), (128, 1)]):
                p = f"block{i + 1}"
                x = self.conv(p + ".depthwise", x, width, width, 3, stride, act="Clip", group=width)
                x = self.conv(p + ".pointwise", x, width, cout, 1, 1, act="Clip")
                width = cout
        self.layers["classifier"] = nn.Linear(width, 10)
        self.plan += [("GlobalAveragePool", "pool", [x], None), ("Flatten", "features", ["pool"], None), ("Gemm", "logits", ["features"], "classifier")]

    def conv(self, name, x, cin, cout, kernel, stride, act=None, group=1):
        key = name.replace(".", "_")
        self.layers[key] = nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=group, bias=False)
        self.layers[key + "_bn"] = nn.BatchNorm2d(cout)
        self.plan += [("Conv", name + ".conv", [x], key), ("BatchNormalization", name + ".bn", [name + ".conv"], key + "_bn")]
        if not act:
            return name + ".bn"
        self.plan.append((act, name + ".act", [name + ".bn"], None))
        return name + ".act"

    def forward(self, image):
        v = {"image": image}
        for op, out, inputs, key in self.plan:
            x = v[inputs[0]]
            if key: v[out] = self.layers[key](x)
            elif op == "Add": v[out] = x + v[inputs[1]]
            elif op == "Relu": v[out] = F.relu(x)
            elif op == "Clip": v[out] = F.hardtanh(x, 0., 6.)
            elif op == "GlobalAveragePool": v[out] = x.mean((2, 3), keepdim=True)
            elif op == "Flatten": v[out] = x.flatten(1)
        return v["logits"]

    def onnx(self):
        nodes, inits = [], []
        def init(name, t):
            inits.append(numpy_helper.from_array(t.detach().numpy().astype(np.float32), name)); return name
        if self.kind == "mobilenet":
            init("clip.min", torch.tensor(0.)); init("clip.max", torch.tensor(6.))
        for op, out, inputs, key in self.plan:
            m, extra, attrs = self.layers[key] if key else None, [], {}
            if op == "Conv":
                extra = [init(out + ".weight", m.weight)]
                attrs = dict(kernel_shape=list(m.kernel_size), strides=list(m.stride), pads=list(m.padding) * 2, group=m.groups)
            elif op == "BatchNormalization":
                extra = [init(f"{out}.{n}", t) for n, t in (("scale", m.weight), ("bias", m.bias), ("mean", m.running_mean), ("var", m.running_var))]
                attrs = dict(epsilon=m.eps)
            elif op == "Clip": extra = ["clip.min", "clip.max"]
            elif op == "Gemm": extra = [init(out + ".weight", m.weight), init(out + ".bias", m.bias)]; attrs = dict(transB=1)
            nodes.append(helper.make_node(op, inputs + extra, [out], name=out, **attrs))
        graph = helper.make_graph(nodes, "fashion_mnist_" + self.kind,
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 28, 28])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])], inits)
        model = helper.make_model(graph, producer_name="compress models", opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("kind", choices=["resnet8", "mobilenet"]); p.add_argument("out")
    p.add_argument("--epochs", type=int, default=30); p.add_argument("--seed", type=int, default=0)
    p.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    a = p.parse_args()
    torch.manual_seed(a.seed)
    load = lambda n: torch.from_numpy(idx(f"{a.data}/{n}.gz").copy())
    x, y = load("train-images-idx3-ubyte")[:, None].float() / 255, load("train-labels-idx1-ubyte").long()
    tx, ty = load("t10k-images-idx3-ubyte")[:, None].float() / 255, load("t10k-labels-idx1-ubyte").long()
    net, batch = Net(a.kind), 128
    steps = len(x) // batch
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, 0.4, epochs=a.epochs, steps_per_epoch=steps, pct_start=0.2)
    padded = F.pad(x, (2, 2, 2, 2))
    for epoch in range(a.epochs):
        net.train(); order = torch.randperm(len(x)); t0 = time.time()
        for s in range(steps):
            i = order[s * batch:(s + 1) * batch]
            dx, dy = torch.randint(0, 5, (2,)).tolist()
            b = padded[i, :, dy:dy + 28, dx:dx + 28]
            flip = torch.rand(batch) < 0.5
            b = torch.where(flip[:, None, None, None], b.flip(3), b).contiguous(memory_format=torch.channels_last)
            opt.zero_grad(set_to_none=True)
            F.cross_entropy(net(b), y[i], label_smoothing=0.05).backward()
            opt.step(); sched.step()
        net.eval()
        with torch.no_grad(): acc = torch.cat([net(c).argmax(1) for c in tx.split(500)]).eq(ty).float().mean().item()
        print(f"epoch {epoch + 1} test top1 {acc:.4f} {time.time() - t0:.1f} s", flush=True)
    net.eval(); onnx.save(net.onnx(), a.out)


if __name__ == "__main__":
    main()
