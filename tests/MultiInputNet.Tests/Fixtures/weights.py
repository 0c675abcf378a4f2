"""Writes the files of weights that the tests read, and checks the one that they write.

    /usr/bin/python3 weights.py

needs PyTorch and NumPy: safetensors' and TorchSharp's formats are read and written here by a few lines each, apart from those of
the library. Every value is given by a formula, which the tests have too (WeightFixtures.Expected).
"""

import argparse
import datetime
import enum
import json
import pathlib
import struct
import zipfile
from collections import Counter, OrderedDict, defaultdict, namedtuple

import numpy
import torch

FOLDER = pathlib.Path(__file__).parent / "weights"
FLOATS = {"float32": torch.float32, "float64": torch.float64, "float16": torch.float16, "bfloat16": torch.bfloat16}
INTEGERS = {"int64": torch.int64, "int32": torch.int32, "int16": torch.int16, "int8": torch.int8}
SAFETENSORS = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}
TORCHSHARP = {
    torch.uint8: 0, torch.int8: 1, torch.int16: 2, torch.int32: 3, torch.int64: 4, torch.float16: 5, torch.float32: 6,
    torch.float64: 7, torch.bool: 11, torch.bfloat16: 15,
}


def tensors():
    """One tensor of each type and of each way to lie in a storage."""
    all_kinds = OrderedDict()
    for name, dtype in FLOATS.items():
        all_kinds[name] = (torch.arange(6).reshape(2, 3) * 0.25 - 0.5).to(dtype)
    for name, dtype in INTEGERS.items():
        all_kinds[name] = (torch.arange(6) - 3).to(dtype)
    all_kinds["uint8"] = (torch.arange(6) * 50).to(torch.uint8)
    all_kinds["bool"] = torch.arange(6) % 2 == 0
    all_kinds["scalar"] = torch.tensor(2.5)
    all_kinds["empty"] = torch.zeros(0, 3)
    all_kinds["parameter"] = torch.nn.Parameter(torch.arange(4.0))
    all_kinds["transposed"] = torch.arange(6.0).reshape(2, 3).t()
    all_kinds["sliced"] = torch.arange(24.0).reshape(4, 6)[1:3, 1::2]
    tied = torch.arange(8.0).reshape(2, 4)
    all_kinds["tied.first"], all_kinds["tied.second"], all_kinds["tied.row"] = tied, tied, tied[1]
    return all_kinds


def network():
    """A module of two layers with values by formula."""
    module = torch.nn.Sequential(OrderedDict(linear=torch.nn.Linear(3, 2), norm=torch.nn.BatchNorm1d(2)))
    with torch.no_grad():
        module.linear.weight.copy_(torch.arange(6.0).reshape(2, 3) / 4)
        module.linear.bias.copy_(torch.tensor([0.5, -0.5]))
        module.norm.running_mean.copy_(torch.tensor([1.0, 2.0]))
    return module


class Color(enum.Enum):
    RED = 1


class Settings:
    """A class of the user's own, with slots, state and a list in it."""

    def __init__(self):
        self.path, self.itself, self.layers = pathlib.PosixPath("/data"), self, [Color.RED, torch.float16]


class Registry(dict):
    """A dictionary of a kind of its own, with an attribute."""

    def __init__(self, **items):
        super().__init__(**items)
        self.name = "registry"


class Steps(list):
    """A list of a kind of its own."""


Point = namedtuple("Point", "x y")


def objects():
    """What stands beside the weights in trainings' files."""
    counts = defaultdict(list)
    counts["a"].append(1)
    return {
        "args": argparse.Namespace(lr=0.1, widths=[1, 2], device=torch.device("cpu")),
        "best": numpy.float64(0.5), "count": numpy.int64(3), "array": numpy.arange(3.0), "strings": numpy.array(["a", "b"]),
        "size": torch.zeros(2, 3).size(), "dtype": torch.bfloat16, "device": torch.device("cuda:0"), "layout": torch.strided,
        "counts": counts, "counter": Counter("abca"), "set": {1, 2}, "frozen": frozenset({"x"}), "complex": 1 + 2j, "range": range(3),
        "path": pathlib.PosixPath("/tmp/x"), "date": datetime.datetime(2020, 1, 2, 3, 4, tzinfo=datetime.timezone.utc), "color": Color.RED,
        "settings": Settings(), "registry": Registry(a=1), "steps": Steps([1, 2]), "point": Point(1, 2), "big": 1 << 3000,
        "bytes": bytearray(b"ab"), "function": torch.nn.functional.relu, "kind": Settings, "layer": torch.nn.Linear, "generator": torch.Generator().get_state(),
        "epoch": 7,
    }


def raw(tensor):
    return bytes(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy())


def write_safetensors(path, entries, metadata):
    header, offset = {"__metadata__": metadata}, 0
    for name, tensor in entries.items():
        size = len(raw(tensor))
        header[name] = {"dtype": SAFETENSORS[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(raw(tensor) for tensor in entries.values()))


def read_safetensors(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    dtypes = {name: dtype for dtype, name in SAFETENSORS.items()}
    entries = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        values = torch.frombuffer(bytearray(content[begin:end]), dtype=torch.uint8) if end > begin else torch.zeros(0, dtype=torch.uint8)
        entries[name] = values.view(dtypes[entry["dtype"]]).reshape(entry["shape"])
    return entries, metadata


def leb128(number):
    result = bytearray()
    while number >= 0x80:
        result.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(result + bytes([number]))


def write_torchsharp(path, entries):
    content = leb128(len(entries))
    for name, tensor in entries.items():
        content += leb128(len(name.encode())) + name.encode() + leb128(TORCHSHARP[tensor.dtype]) + leb128(tensor.dim())
        content += b"".join(leb128(size) for size in tensor.shape) + raw(tensor)
    path.write_bytes(content)


def check_written():
    """The file that the tests compare with what the library writes holds what it should."""
    entries, metadata = read_safetensors(FOLDER / "written.safetensors")
    expected = tensors()
    assert entries.keys() == expected.keys(), entries.keys()
    assert metadata == {"origin": "MultiInputNet", "größe": "\"1\"\n2"}, metadata
    for name, tensor in expected.items():
        assert entries[name].dtype == tensor.dtype and torch.equal(entries[name], tensor.detach()), name


def main():
    torch.manual_seed(0)
    FOLDER.mkdir(exist_ok=True)
    for protocol in (2, 3, 4, 5):
        torch.save(tensors(), FOLDER / f"kinds{protocol}.pth", pickle_protocol=protocol)
    write_safetensors(FOLDER / "kinds.safetensors", tensors(), {"origin": "weights.py"})
    write_torchsharp(FOLDER / "kinds.dat", tensors())

    module = network()
    torch.save(module.state_dict(), FOLDER / "plain.pth")
    torch.save(module.half().state_dict(), FOLDER / "half.pth")
    module = network()
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    parallel = OrderedDict((f"module.{name}", value) for name, value in network().state_dict().items())
    torch.save(
        {
            "epoch": 3, "arch": "small", "lr": 0.1, "done": True, "seed": 2**63 + 5, "best_acc1": torch.tensor(76.5),
            "note": b"bytes", "tags": {"a", "b"}, "nothing": None, "steps": [1, (2, -70000, 1 << 40)],
            "state_dict": parallel, "optimizer": optimizer.state_dict(),
        },
        FOLDER / "checkpoint.pth",
    )
    torch.save({"net": network().state_dict(), "epoch": 1}, FOLDER / "net.pth")
    torch.save({"student": network().state_dict(), "teacher": tensors()}, FOLDER / "two.pth")

    for protocol, name in ((2, "legacy"), (4, "legacy4")):
        torch.save(tensors(), FOLDER / f"kinds_{name}.pth", pickle_protocol=protocol, _use_new_zipfile_serialization=False)
        torch.save(
            {**objects(), "state_dict": network().state_dict()}, FOLDER / f"objects_{name}.pth", pickle_protocol=protocol,
            _use_new_zipfile_serialization=False)
        torch.save({**objects(), "state_dict": network().state_dict()}, FOLDER / f"objects{protocol}.pth", pickle_protocol=protocol)

    # PyTorch counted no batches before version 2 of its normalisations' states.
    for name, version in (("old_norm", None), ("old_norm1", 1), ("new_norm", 2)):
        state = network().state_dict()
        del state["norm.num_batches_tracked"]
        if version is None:
            state = OrderedDict(state)
            state.__dict__.clear()
        else:
            state._metadata["norm"]["version"] = version
        torch.save(state, FOLDER / f"{name}.pth")
        if version != 2:
            network().load_state_dict(state)  # strict

    torch.save({"encoder": network().state_dict(), "decoder": {"bias": torch.arange(2.0)}, "optimizer": {"m": torch.zeros(1)}}, FOLDER / "parts.pth")
    torch.save({"model": network().state_dict(), "ema": {"w": torch.ones(1)}, "optimizer": optimizer.state_dict()}, FOLDER / "ema.pth")
    torch.save({"state": {"net": network().state_dict(), "other": {"w": torch.ones(1)}}, "best": torch.tensor(0.5)}, FOLDER / "deep.pth")
    quantized = torch.quantize_per_tensor(torch.arange(6.0).reshape(2, 3), 0.5, 3, torch.quint8)
    tagged = torch.nn.Parameter(torch.arange(3.0))
    tagged.note = "a parameter with an attribute"
    noted = torch.arange(2.0)
    noted.note = "a tensor with an attribute"
    odd = {"plain": torch.arange(4.0), "quantized": quantized, "sparse": torch.eye(3).to_sparse(), "csr": torch.eye(3).to_sparse_csr(),
           "tagged": tagged, "noted": noted, "complex64": torch.tensor([1 + 2j, -3j]), "complex128": torch.tensor([0.5 - 1j], dtype=torch.complex128)}
    torch.save(odd, FOLDER / "odd.pth")
    torch.save(odd, FOLDER / "odd_legacy.pth", _use_new_zipfile_serialization=False)

    torch.save({"a": torch.zeros(1).expand(1000)}, FOLDER / "expanded.pth")
    torch.save({"a": torch.zeros(2, dtype=torch.complex64)}, FOLDER / "complex.pth")
    torch.save(network(), FOLDER / "module.pth")
    torch.save([torch.zeros(1)], FOLDER / "list.pth")
    torch.save({"epoch": 1}, FOLDER / "empty.pth")
    torch.save(network().state_dict(), FOLDER / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.jit.save(torch.jit.script(network()), FOLDER / "script.pt")
    with zipfile.ZipFile(FOLDER / "plain.pth") as plain, zipfile.ZipFile(FOLDER / "packed.pth", "w", zipfile.ZIP_DEFLATED) as packed:
        for name in plain.namelist():
            packed.writestr(zipfile.ZipInfo(name), plain.read(name), zipfile.ZIP_DEFLATED)
    if (FOLDER / "written.safetensors").exists():
        check_written()


if __name__ == "__main__":
    main()
