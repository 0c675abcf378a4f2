"""Writes named NumPy arrays as a safetensors file, with nothing but the standard library and NumPy."""

import json
import struct

import numpy

TYPES = {"float64": "F64", "float32": "F32", "int64": "I64", "bool": "BOOL"}


def save(path, arrays):
    arrays = {name: numpy.array(array, order="C") for name, array in arrays.items()}
    header, offset = {}, 0
    for name, array in arrays.items():
        end = offset + array.nbytes
        header[name] = {"dtype": TYPES[str(array.dtype)], "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays.values():
            file.write(array.tobytes())
