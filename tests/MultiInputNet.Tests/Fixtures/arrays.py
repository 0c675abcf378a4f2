"""Writes arrays with NumPy and, byte by byte, as IDX: files/*.npy, *.npz, *.idx, *.idx.gz. Run it in this folder."""
import gzip
import struct

import numpy as np
from numpy.lib import format as npy

counting = np.arange(24).reshape(2, 3, 4)
shifted = counting - 12

# Every type in both byte orders and both orders of dimensions. Unsigned types hold their largest number too.
arrays = {}
for kind in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]:
    for order in "<>":
        values = {"i": shifted, "u": counting, "f": shifted / 4}[kind[0]].astype(order + kind)
        if kind in ("u1", "u2", "u4"):
            values[1, 2, 3] = np.iinfo(kind).max
        name = kind + ("_little" if order == "<" else "_big")
        arrays[name] = np.ascontiguousarray(values)
        arrays[name + "_fortran"] = np.asfortranarray(values)
arrays["b1_little"] = counting % 3 == 0
arrays["scalar"] = np.float32(2.5)
arrays["empty"] = np.zeros((0, 5), np.float32)
np.savez_compressed("files/arrays.npz", **arrays)
np.savez("files/stored.npz", x=shifted.astype("<f4"), y=np.arange(3))

for version in [(1, 0), (2, 0), (3, 0)]:
    with open(f"files/version{version[0]}.npy", "wb") as file:
        npy.write_array(file, shifted.astype("<f4"), version=version)
np.save("files/big_endian.npy", shifted.astype(">f4"))
np.save("files/fortran.npy", np.asfortranarray(shifted.astype("<i2")))
np.save("files/labels.npy", np.array([1, 0], np.uint8))
np.save("files/values.npy", np.array([1.5, 2.5]))
np.save("files/objects.npy", np.array([{"a": 1}, None], dtype=object))
np.save("files/records.npy", np.zeros(3, dtype=[("a", "<f4"), ("b", "<i4")]))
np.save("files/complex.npy", np.zeros(3, np.complex64))
np.save("files/above_int64.npy", np.array([2**63], np.uint64))

for name, code, kind in [("u1", 8, "u1"), ("i1", 9, "i1"), ("i2", 11, "i2"), ("i4", 12, "i4"), ("f4", 13, "f4"), ("f8", 14, "f8")]:
    values = (shifted if name != "u1" else counting).astype(">" + kind)
    content = struct.pack(">BBBB3I", 0, 0, code, 3, *values.shape) + values.tobytes()
    with open(f"files/{name}.idx", "wb") as file:
        file.write(content)
    if name == "u1":
        with open("files/u1.idx.gz", "wb") as file:
            file.write(gzip.compress(content, mtime=0))
with open("files/labels.idx", "wb") as file:
    file.write(struct.pack(">BBBBI", 0, 0, 8, 1, 2) + bytes([1, 0]))
