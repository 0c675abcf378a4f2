"""Writes the ONNX files of weights that the tests read.

    /usr/bin/python3 onnx_weights.py

needs PyTorch and onnx. Every value is given by a formula, which the tests have too (WeightFixtures).
"""

import pathlib

import numpy
import onnx
import torch
from onnx import TensorProto, helper

from weights import FOLDER, network, raw, tensors

TYPES = {
    torch.float32: TensorProto.FLOAT, torch.uint8: TensorProto.UINT8, torch.int8: TensorProto.INT8, torch.int16: TensorProto.INT16,
    torch.int32: TensorProto.INT32, torch.int64: TensorProto.INT64, torch.bool: TensorProto.BOOL, torch.float16: TensorProto.FLOAT16,
    torch.float64: TensorProto.DOUBLE, torch.bfloat16: TensorProto.BFLOAT16,
}


def proto(name, kind, dims, **fields):
    return TensorProto(name=name, data_type=kind, dims=dims, **fields)


def with_bytes(name, tensor):
    return proto(name, TYPES[tensor.dtype], tensor.shape, raw_data=raw(tensor))


def with_numbers(name, tensor):
    """The values in the field of their type, as onnx.helper.make_tensor writes them without raw=True."""
    values = tensor.detach().reshape(-1)
    kind = TYPES[tensor.dtype]
    if tensor.dtype in (torch.float16, torch.bfloat16):
        return proto(name, kind, tensor.shape, int32_data=[value & 0xFFFF for value in values.contiguous().view(torch.int16).tolist()])
    field = {torch.float32: "float_data", torch.float64: "double_data", torch.int64: "int64_data"}.get(tensor.dtype, "int32_data")
    return proto(name, kind, tensor.shape, **{field: values.tolist()})


def write(name, initializers, **graph):
    """A model that returns its input; onnx's checker accepts it."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    model = helper.make_model(helper.make_graph(nodes, "weights", [value], [result], initializers, **graph), opset_imports=[helper.make_opsetid("", 13)])
    helper.set_model_props(model, {"origin": "onnx_weights.py"})
    onnx.save(model, FOLDER / name)
    return model


def odd():
    """Types that libtorch lacks, complex numbers, texts and a sparse tensor."""
    one = [2**63 - 1, 0, 7]
    return [
        proto("uint16", TensorProto.UINT16, [3], int32_data=[0, 1, 65535]),
        proto("uint32", TensorProto.UINT32, [3], uint64_data=[0, 1, 2**32 - 1]),
        proto("uint64", TensorProto.UINT64, [3], uint64_data=one),
        proto("uint64.raw", TensorProto.UINT64, [3], raw_data=numpy.array(one, "<u8").tobytes()),
        proto("complex64", TensorProto.COMPLEX64, [2], float_data=[1, 2, 0, -3]),
        proto("complex128", TensorProto.COMPLEX128, [1], double_data=[0.5, -1]),
        proto("texts", TensorProto.STRING, [2], string_data=[b"a", b"b"]),
        proto("fourbits", 22, [2], raw_data=b"\x21"),
    ]


def unpacked(message):
    """The tensor with a tag before each of its values, as protobuf's oldest writers wrote lists, split into two lists and a single value."""
    values = list(message.float_data)
    message.ClearField("float_data")
    content = message.SerializeToString()
    for value in values[:1]:
        content += bytes([4 << 3 | 5]) + numpy.float32(value).tobytes()
    for part in (values[1:3], values[3:]):
        data = numpy.array(part, "<f4").tobytes()
        content += bytes([4 << 3 | 2, len(data)]) + data
    return content


def block(field, content):
    assert len(content) < 128 * 128
    head = [len(content)] if len(content) < 128 else [len(content) & 127 | 128, len(content) >> 7]
    return bytes([field << 3 | 2, *head]) + content


def main():
    write("kinds.onnx", [with_bytes(name, tensor) for name, tensor in tensors().items()])
    onnx.checker.check_model(str(FOLDER / "kinds.onnx"))
    write("kinds_numbers.onnx", [with_numbers(name, tensor) for name, tensor in tensors().items()])
    onnx.checker.check_model(str(FOLDER / "kinds_numbers.onnx"))

    folder = FOLDER / "beside"
    folder.mkdir(exist_ok=True)
    model = write("kinds_beside.onnx", [with_bytes(name, tensor) for name, tensor in tensors().items()])
    onnx.save(model, str(FOLDER / "kinds_beside.onnx"), save_as_external_data=True, location="beside/kinds.bin", size_threshold=1)
    write("plain.onnx", [with_bytes(name, tensor) for name, tensor in network().state_dict().items()])

    values = helper.make_tensor("sparse", TensorProto.FLOAT, [1], [1.0])
    indices = helper.make_tensor("", TensorProto.INT64, [1, 2], [0, 1])
    write("odd.onnx", odd(), sparse_initializer=[helper.make_sparse_tensor(values, indices, [2, 3])])
    tensor = unpacked(proto("unpacked", TensorProto.FLOAT, [2, 3], float_data=[0, 1, 2, 3, 4, 5]))
    (FOLDER / "unpacked.onnx").write_bytes(bytes([8, 7]) + block(7, block(5, tensor)))
    read = onnx.load(FOLDER / "unpacked.onnx").graph.initializer[0]
    assert list(read.float_data) == [0, 1, 2, 3, 4, 5], read


if __name__ == "__main__":
    main()
