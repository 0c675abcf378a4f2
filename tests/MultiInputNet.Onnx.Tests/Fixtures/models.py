"""Writes small ONNX files of torchvision's architectures, with few channels and random weights: models.py FOLDER.

Made with Debian's python3-torch 1.13.1, python3-torchvision 0.14.1 and python3-onnx 1.12.
"""

import functools
import sys

import numpy
import onnx
import torch
import torchvision
from onnx import TensorProto, helper, numpy_helper
from torchvision.models import convnext, densenet, efficientnet, mobilenetv3, resnet, shufflenetv2, vision_transformer

folder = sys.argv[1]


def export(name, model, opset=13, size=64, training=False):
    """Statistics and one-dimensional weights that differ from 1 and 0, and a file for batches of any size."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for key, buffer in model.named_buffers():
            if key.endswith("running_mean"):
                buffer.copy_(torch.randn(buffer.shape, generator=generator) * 0.1)
            if key.endswith("running_var"):
                buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    model.eval()
    torch.onnx.export(
        model, torch.randn(1, 3, size, size), f"{folder}/{name}.onnx", opset_version=opset,
        input_names=["image"], output_names=["classes"],
        dynamic_axes={"image": {0: "batch", 2: "height", 3: "width"}, "classes": {0: "batch"}} if size == 64
        else {"image": {0: "batch"}, "classes": {0: "batch"}},
        training=torch.onnx.TrainingMode.PRESERVE if training else torch.onnx.TrainingMode.EVAL,
        do_constant_folding=not training)


class Narrow(resnet.ResNet):
    """A residual network of 8 to 32 channels."""

    def __init__(self, **options):
        super().__init__(resnet.BasicBlock, [1, 1, 1, 1], num_classes=5, **options)
        self.inplanes = 8
        self.conv1 = torch.nn.Conv2d(3, 8, 7, 2, 3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(8)
        self.layer1 = self._make_layer(resnet.BasicBlock, 8, 1)
        self.layer2 = self._make_layer(resnet.BasicBlock, 16, 1, 2)
        self.layer3 = self._make_layer(resnet.BasicBlock, 24, 1, 2)
        self.layer4 = self._make_layer(resnet.BasicBlock, 32, 1, 2)
        self.fc = torch.nn.Linear(32, 5)


class Windows(torch.nn.Module):
    """Windows that lie unevenly, groups, dilation, and the activations and sizes that classifiers have written out."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, (3, 5), stride=2, padding=(2, 1), dilation=(2, 1), groups=1)
        self.grouped = torch.nn.Conv2d(8, 12, 3, padding=1, groups=4)
        self.group_norm = torch.nn.GroupNorm(3, 12)
        self.instance_norm = torch.nn.InstanceNorm2d(12, affine=True)
        self.slopes = torch.nn.PReLU(12)
        self.last = torch.nn.Conv2d(24, 6, 1)

    def forward(self, x):
        x = torch.nn.functional.elu(self.first(torch.nn.functional.pad(x, (1, 2, 0, 3))), 0.7)
        x = self.slopes(self.group_norm(self.grouped(x)))
        x = torch.nn.functional.max_pool2d(x, 3, 2, 1, ceil_mode=True) + torch.nn.functional.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False)
        left, right = self.instance_norm(x).chunk(2, 1)
        x = torch.cat([left * torch.sigmoid(right), torch.nn.functional.gelu(right), torch.nn.functional.mish(left), torch.nn.functional.leaky_relu(right, 0.2)], 1)
        x = torch.nn.functional.relu6(self.last(x)) + torch.nn.functional.softplus(x[:, ::4])
        x = x.flip(3) / x.norm(dim=1, keepdim=True).clamp(min=1e-6)
        return torch.log_softmax(x.mean([2, 3]), 1)


torch.manual_seed(0)
export("resnet", Narrow())
export("resnet_training", Narrow(), training=True)

kernels = functools.partial(mobilenetv3.InvertedResidualConfig, width_mult=1)
export("mobilenet_v3", mobilenetv3.MobileNetV3([
    kernels(8, 3, 8, 8, True, "RE", 2, 1), kernels(8, 3, 24, 16, False, "RE", 2, 1),
    kernels(16, 5, 32, 16, True, "HS", 1, 1), kernels(16, 5, 48, 24, True, "HS", 2, 1)], 32, num_classes=5))

blocks = functools.partial(efficientnet.MBConvConfig, width_mult=1, depth_mult=1)
export("efficientnet", efficientnet.EfficientNet([
    blocks(1, 3, 1, 8, 8, 1), blocks(4, 3, 2, 8, 16, 2), blocks(4, 5, 2, 16, 24, 1)], 0.2, num_classes=5))

export("convnext", convnext.ConvNeXt([
    convnext.CNBlockConfig(16, 24, 1), convnext.CNBlockConfig(24, 32, 1), convnext.CNBlockConfig(32, None, 1)],
    layer_scale=0.5, num_classes=5))

export("vit", vision_transformer.VisionTransformer(32, 8, 2, 2, 24, 48, num_classes=5), size=32)
export("densenet", densenet.DenseNet(8, (2, 2), 12, num_classes=5))
export("shufflenet", shufflenetv2.ShuffleNetV2([2, 2, 2], [8, 16, 24, 32, 40], num_classes=5))
windows = Windows()
export("windows", windows, opset=11)

# What exporters other than PyTorch's write: padding that depends on the size, channels last, and attributes of opset 8.
generator = numpy.random.default_rng(0)


def weight(name, *shape):
    return numpy_helper.from_array(generator.standard_normal(shape).astype(numpy.float32) * 0.3, name)


def value(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def write(name, nodes, initializers, inputs, outputs, opset):
    if opset == 8:
        inputs = inputs + [value(tensor.name, *tensor.dims) for tensor in initializers]
    graph = helper.make_graph(nodes, name, inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 7 if opset > 8 else 3
    onnx.checker.check_model(model)
    onnx.save(model, f"{folder}/{name}.onnx")


node = helper.make_node
write("same_padding", [
    node("Transpose", ["image"], ["first"], perm=[0, 3, 1, 2]),
    node("Conv", ["first", "w1", "b1"], ["c1"], "conv1", auto_pad="SAME_UPPER", strides=[2, 2]),
    node("HardSigmoid", ["c1"], ["h1"], "gate", alpha=1 / 6, beta=0.5),
    node("Mul", ["c1", "h1"], ["m1"], "gated"),
    node("Conv", ["m1", "w2"], ["c2"], "conv2", auto_pad="SAME_LOWER", strides=[2, 2], group=8),
    node("MaxPool", ["c2"], ["p1"], "pool", kernel_shape=[3, 2], strides=[2, 1], auto_pad="SAME_UPPER"),
    node("AveragePool", ["p1"], ["p2"], "average", kernel_shape=[2, 2], pads=[0, 0, 1, 1]),
    node("GlobalAveragePool", ["p2"], ["g"], "global"),
    node("Flatten", ["g"], ["f"], "flat"),
    node("Gemm", ["f", "w3"], ["classes"], "classifier"),
], [weight("w1", 8, 3, 3, 3), weight("b1", 8), weight("w2", 16, 1, 4, 4), weight("w3", 16, 5)],
    [value("image", "batch", "height", "width", 3)], [value("classes", "batch", 5)], 13)

scale = numpy_helper.from_array(generator.random(8).astype(numpy.float32) + 0.5, "variance")
write("opset8", [
    node("Conv", ["image", "w1"], ["c1"], "conv1", kernel_shape=[7, 7], strides=[2, 2], pads=[3, 3, 2, 2]),
    node("BatchNormalization", ["c1", "scale", "shift", "mean", "variance"], ["n1"], "norm1", epsilon=1e-3, momentum=0.99),
    node("Clip", ["n1"], ["r1"], "clip", min=0.0, max=6.0),
    node("MaxPool", ["r1"], ["p1"], "pool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 0, 0]),
    node("Pad", ["p1"], ["d1"], "pad", pads=[0, 0, 1, 0, 0, 0, 0, 1], value=0.5),
    node("Slice", ["d1"], ["s1"], "slice", axes=[2, 3], starts=[0, 1], ends=[-1, 9999]),
    node("Split", ["s1"], ["a", "b"], "split", axis=1, split=[3, 5]),
    node("Concat", ["b", "a"], ["c"], "concat", axis=1),
    node("Sum", ["c", "s1", "s1"], ["sum"], "sum"),
    node("LRN", ["sum"], ["lrn"], "lrn", size=3, alpha=0.1, beta=0.75, bias=1.5),
    node("Softmax", ["lrn"], ["soft"], "soft", axis=2),
    node("ReduceMean", ["soft"], ["mean_of"], "mean_of", axes=[1], keepdims=1),
    node("Sub", ["lrn", "mean_of"], ["sub"], "sub"),
    node("AveragePool", ["sub"], ["pooled"], "pooled", kernel_shape=[7, 7]),
    node("Flatten", ["pooled"], ["flat"], "flat"),
    node("MatMul", ["flat", "w2"], ["classes"], "classifier"),
], [weight("w1", 8, 3, 7, 7), weight("scale", 8), weight("shift", 8), weight("mean", 8), scale, weight("w2", 32, 5)],
    [value("image", 1, 3, 32, 34)], [value("classes", 1, 5)], 8)
