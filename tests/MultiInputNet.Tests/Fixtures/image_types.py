"""Writes TIFF and PNG files of many types with GDAL, tifffile and Pillow, and what their pixels are: files/images/types/*.

Needs Debian's python3-gdal, python3-tifffile and python3-pil. Run it in this folder. Whole numbers are divided by the largest of their type.
What is expected is what was written, or what GDAL or Pillow reads where something was lost on the way.
"""
import os
import struct
import zlib

import numpy as np
import tifffile
from osgeo import gdal
from PIL import Image, ImageOps

gdal.UseExceptions()
FOLDER = "files/images/types"
os.makedirs(FOLDER, exist_ok=True)
HEIGHT, WIDTH = 19, 21
random = np.random.default_rng(5)
CODES = {
    "uint8": gdal.GDT_Byte, "int8": gdal.GDT_Byte, "uint16": gdal.GDT_UInt16, "int16": gdal.GDT_Int16, "uint32": gdal.GDT_UInt32,
    "int32": gdal.GDT_Int32, "uint64": gdal.GDT_UInt64, "int64": gdal.GDT_Int64, "float32": gdal.GDT_Float32, "float64": gdal.GDT_Float64,
}


def path(name):
    return f"{FOLDER}/{name}"


@np.errstate(invalid="ignore")
def expect(name, values, largest=1):
    """Saves planes, (channels, height, width), as what is expected."""
    np.save(path(f"{name}.npy"), np.ascontiguousarray((values.astype(np.float64) / largest).astype(np.float32)))


def bands(kind, count=2):
    """Numbers over the whole range of a type, smooth enough to be packed."""
    y, x, b = np.ogrid[:HEIGHT, :WIDTH, :count]
    steps = (y * 31 + x * 7 + b * 101 + random.integers(0, 4, (HEIGHT, WIDTH, count))).transpose(2, 0, 1)
    if kind.startswith("float"):
        return (steps / 7 - 40).astype(kind)
    limits = np.iinfo(kind)
    step = max((int(limits.max) - int(limits.min)) // 2000, 1)
    return np.array([int(limits.min) + int(v) * step for v in steps.ravel()], dtype=object).reshape(steps.shape).astype(kind) if kind.endswith("64") \
        else (limits.min + steps.astype(np.int64) % (int(limits.max) - int(limits.min) + 1) * (step if steps.max() * step <= int(limits.max) - int(limits.min) else 1)).astype(kind)


def write(name, values, *options, size=None, skip=None, nodata=None):
    """Writes a file with GDAL; with skip, only the upper left corner of that height and width."""
    count, height, width = values.shape
    options = [*options]
    if values.dtype == np.int8:
        options.append("PIXELTYPE=SIGNEDBYTE")
        values = values.view(np.uint8)
    dataset = gdal.GetDriverByName("GTiff").Create(path(name), width, height, count, CODES[str(values.dtype)], options)
    for band in range(count):
        if nodata is not None:
            dataset.GetRasterBand(band + 1).SetNoDataValue(nodata)
        part = values[band] if skip is None else values[band, :skip[0], :skip[1]]
        dataset.GetRasterBand(band + 1).WriteArray(np.ascontiguousarray(part))
    dataset = None
    assert not os.path.exists(path(name + ".aux.xml")), name


def read(name):
    values = gdal.Open(path(name)).ReadAsArray()
    return values[None] if values.ndim == 2 else values


def predicted(name, values):
    """A big-endian file with the floating-point predictor, which GDAL 3.6 itself does not read back: Adobe's Technical Note 3 by hand."""
    count, height, width = values.shape
    rows = np.ascontiguousarray(values.transpose(1, 2, 0)).astype(values.dtype.newbyteorder(">")).view(np.uint8).reshape(height, width * count, -1)
    planes = rows.transpose(0, 2, 1).reshape(height, -1).astype(np.int32)  # the highest bytes of a row first
    planes[:, count:] -= planes[:, :-count].copy()
    strip = zlib.compress((planes % 256).astype(np.uint8).tobytes())
    bits = values.dtype.itemsize * 8
    tags = [(256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 8), (262, 3, 1), (273, 4, 8), (277, 3, count), (278, 4, height), (279, 4, len(strip)),
            (317, 3, 3), (338, 3, 0), (339, 3, 3)]
    entries = b"".join(struct.pack(">HHI", tag, kind, 1 if tag not in (258, 339) else count)
                       + (struct.pack(">I", value) if kind == 4 else struct.pack(">HH", value, value)) for tag, kind, value in tags)
    with open(path(name), "wb") as file:
        file.write(b"MM\0*" + struct.pack(">I", 8 + len(strip) + len(strip) % 2) + strip + b"\0" * (len(strip) % 2))
        file.write(struct.pack(">H", len(tags)) + entries + struct.pack(">I", 0))
    assert values.dtype == np.float16 or (read(name) == values).all(), name


# Every type, in both byte orders, in strips and tiles, with and without predictors.
for kind in CODES:
    values = bands(kind)
    expect(kind, values, 1 if kind.startswith("float") else np.iinfo(kind).max)
    write(f"{kind}.tif", values)
    write(f"{kind}_big_endian.tif", values, "ENDIANNESS=BIG", "COMPRESS=LZW", "PREDICTOR=2", "BLOCKYSIZE=8")
    write(f"{kind}_tiles.tif", values, "TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16", "COMPRESS=DEFLATE", "PREDICTOR=2", "INTERLEAVE=BAND")
    write(f"{kind}_bigtiff.tif", values, "BIGTIFF=YES", "COMPRESS=PACKBITS", "BLOCKYSIZE=5", "INTERLEAVE=BAND")
for kind in ("float32", "float64"):
    values = bands(kind)
    expect(f"{kind}_p3", values)
    write(f"{kind}_p3.tif", values, "COMPRESS=DEFLATE", "PREDICTOR=3")
    write(f"{kind}_p3_tiles.tif", values, "COMPRESS=LZW", "PREDICTOR=3", "TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16")
    predicted(f"{kind}_p3_big_endian.tif", values)
halves = bands("float32")
write("float16.tif", halves, "NBITS=16")
write("float16_p3.tif", halves, "NBITS=16", "COMPRESS=LZW", "PREDICTOR=3")
expect("float16", read("float16.tif"))
predicted("float16_p3_big_endian.tif", read("float16.tif").astype(np.float16))
for bits in (1, 2, 4, 7, 10, 12, 14):
    values = (bands("uint16") % (1 << bits)).astype(np.uint8 if bits < 8 else np.uint16)
    write(f"uint{bits}.tif", values, f"NBITS={bits}", "COMPRESS=LZW")
    write(f"uint{bits}_tiles.tif", values, f"NBITS={bits}", "TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16", "INTERLEAVE=BAND", "ENDIANNESS=BIG")
    expect(f"uint{bits}", values, (1 << bits) - 1)
one = (bands("uint8", 1) % 2).astype(np.uint8)
one[:, 5:9] = 0
expect("fax", one)
write("fax.tif", one, "NBITS=1", "COMPRESS=CCITTFAX4")
write("fax3.tif", one, "NBITS=1", "COMPRESS=CCITTFAX3", "PHOTOMETRIC=MINISWHITE")
expect("fax3", 1 - one)
tifffile.imwrite(path("fill_order.tif"), one[0].astype(bool), photometric="minisblack", metadata=None, bitspersample=1)
content = open(path("fill_order.tif"), "rb").read()
with tifffile.TiffFile(path("fill_order.tif")) as file:
    (offset,), (length,) = file.pages[0].dataoffsets, file.pages[0].databytecounts
    entry = file.pages[0].tags[262].offset  # photometric: its entry becomes that of the fill order, which sorts behind it
reverse = bytes(int(f"{b:08b}"[::-1], 2) for b in content[offset:offset + length])
patched = bytearray(content)
patched[offset:offset + length] = reverse
extra = struct.pack("<HHII", 266, 3, 1, 2)
count = struct.unpack_from("<H", content, 8)[0]
start = 10
entries = [content[start + 12 * i:start + 12 * i + 12] for i in range(count)]
directory = struct.pack("<H", count + 1) + b"".join(sorted(entries + [extra], key=lambda e: struct.unpack_from("<H", e)[0])) + b"\0\0\0\0"
patched[4:8] = struct.pack("<I", len(patched) + len(patched) % 2)
patched += b"\0" * (len(patched) % 2) + directory
open(path("fill_order.tif"), "wb").write(patched)
assert (np.asarray(Image.open(path("fill_order.tif"))) == one[0].astype(bool)).all()

# Colours.
grey = bands("uint8", 1)
write("min_is_white.tif", grey, "PHOTOMETRIC=MINISWHITE")
expect("min_is_white", 255 - grey.astype(np.int32), 255)
cmyk = bands("uint8", 4)
write("cmyk.tif", cmyk, "PHOTOMETRIC=CMYK", "COMPRESS=LZW")
wide = cmyk.astype(np.float64) / 255
expect("cmyk", (1 - wide[:3]) * (1 - wide[3:]))
assert np.abs(np.asarray(Image.fromarray(cmyk.transpose(1, 2, 0), "CMYK").convert("RGB")).transpose(2, 0, 1) / 255 - (1 - wide[:3]) * (1 - wide[3:])).max() < 0.01
for kind in ("uint8", "uint16", "float32"):
    largest = 1 if kind == "float32" else np.iinfo(kind).max
    colours = np.abs(bands(kind, 3).astype(np.float64)) % (largest + 1 if largest > 1 else 1)
    alpha = np.tile(np.linspace(0, 1, WIDTH), (HEIGHT, 1))[None] * largest
    stored = np.concatenate([colours * (alpha / largest), alpha]).astype(kind)
    write(f"premultiplied_{kind}.tif", stored, "ALPHA=PREMULTIPLIED", "PHOTOMETRIC=RGB")
    stored = stored.astype(np.float64) / largest
    stored[:3] = np.where(stored[3:] > 0, np.minimum(stored[:3] / np.maximum(stored[3:], 1e-12), 1), stored[:3])
    expect(f"premultiplied_{kind}", stored)
write("premultiplied_grey.tif", np.concatenate([grey // 2, np.full_like(grey, 128)]), "ALPHA=PREMULTIPLIED", "PHOTOMETRIC=MINISBLACK")
expect("premultiplied_grey", np.concatenate([np.minimum((grey // 2) / 128, 1), np.full(grey.shape, 128 / 255)]))
for bits in (1, 4, 8):
    table = random.integers(0, 256, (1 << bits, 3))
    index = (bands("uint16", 1) % (1 << bits)).astype(np.uint8)
    dataset = gdal.GetDriverByName("GTiff").Create(path(f"palette{bits}.tif"), WIDTH, HEIGHT, 1, gdal.GDT_Byte, [f"NBITS={bits}"] if bits < 8 else [])
    colours = gdal.ColorTable()
    for i, colour in enumerate(table):
        colours.SetColorEntry(i, (*map(int, colour), 255))
    dataset.GetRasterBand(1).SetRasterColorTable(colours)
    dataset.GetRasterBand(1).WriteArray(index[0])
    dataset = None
    expect(f"palette{bits}", table[index[0]].transpose(2, 0, 1), 255)
TURNS = {2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: np.transpose, 6: lambda a: np.rot90(a, -1), 7: lambda a: np.rot90(a, 2).T, 8: np.rot90}
for orientation, turn in TURNS.items():
    tifffile.imwrite(path(f"turned{orientation}.tif"), grey[0], photometric="minisblack", metadata=None, extratags=[(274, "H", 1, orientation, True)])
    expect(f"turned{orientation}", turn(grey[0])[None], 255)

# Strips and tiles that were never written.
values = bands("int16", 2)
for name, options, nodata in (
    ("sparse_tiles", ("TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16"), None),
    ("sparse_planes", ("TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16", "INTERLEAVE=BAND", "COMPRESS=DEFLATE"), -9999),
    ("sparse_strips", ("BLOCKYSIZE=8", "COMPRESS=LZW"), -9999),
    ("sparse_big", ("TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16", "BIGTIFF=YES"), 7),
):
    write(f"{name}.tif", values, "SPARSE_OK=TRUE", *options, skip=(16, WIDTH) if "strips" in name else (16, 16), nodata=nodata)
    expect(name, read(f"{name}.tif"), 32767)
dataset = gdal.GetDriverByName("GTiff").Create(path("sparse_float.tif"), WIDTH, HEIGHT, 1, gdal.GDT_Float32, ["SPARSE_OK=TRUE", f"BLOCKYSIZE={HEIGHT}"])
dataset.GetRasterBand(1).SetNoDataValue(float("nan"))
dataset = None
expect("sparse_float", np.full((1, HEIGHT, WIDTH), np.nan))
dataset = gdal.GetDriverByName("GTiff").Create(path("sparse_huge.tif"), 8000, 8000, 1, gdal.GDT_Byte, ["SPARSE_OK=TRUE", "TILED=YES", "BLOCKXSIZE=2048", "BLOCKYSIZE=2048"])
dataset = None

# Compressions that are not read.
for compression in ("ZSTD", "LZMA", "WEBP", "LERC"):
    write(f"{compression.lower()}.tif", bands("uint8", 3), f"COMPRESS={compression}")

# A mask beside the pixels, and a smaller view of them.
gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES")
write("masked.tif", grey)
dataset = gdal.Open(path("masked.tif"), gdal.GA_Update)
dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
dataset.GetRasterBand(1).GetMaskBand().WriteArray((grey[0] > 99).astype(np.uint8) * 255)
dataset = None
dataset = gdal.Open(path("masked.tif"), gdal.GA_Update)
dataset.BuildOverviews("NEAREST", [2])
dataset = None
expect("masked", grey, 255)


# PNG of 16 bits: Pillow writes grey only, so the chunks are written here and read back by GDAL.
def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def filtered(rows, pixel_bytes):
    """Each row with another of the five filters."""
    above, out = bytes(rows.shape[1]), b""
    for number, row in enumerate(rows):
        row, kind = row.tobytes(), number % 5
        out += bytes([kind])
        for i, value in enumerate(row):
            left, corner = (row[i - pixel_bytes], above[i - pixel_bytes]) if i >= pixel_bytes else (0, 0)
            guess = left + above[i] - corner
            nearest = min((abs(guess - left), 0, left), (abs(guess - above[i]), 1, above[i]), (abs(guess - corner), 2, corner))[2]
            out += bytes([(value - (0, left, above[i], (left + above[i]) // 2, nearest)[kind]) % 256])
        above = row
    return out


def png(name, values, interlaced=False, before=b"", after=b""):
    channels, height, width = values.shape
    pixels = values.transpose(1, 2, 0).astype(">u2")
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)]
    data = b""
    for x, y, dx, dy in passes:
        part = np.ascontiguousarray(pixels[y::dy, x::dx])
        if part.size:
            data += filtered(part.view(np.uint8).reshape(part.shape[0], -1), 2 * channels)
    packed = zlib.compress(data, 9)
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, interlaced)
    with open(path(name), "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", packed[:100]) + chunk(b"IDAT", packed[100:]) + after + chunk(b"IEND", b""))
    assert interlaced or before or (read(name) == values).all(), name
    seen = np.asarray(Image.open(path(name)))  # of colours, Pillow reads the upper halves; GDAL 3.6 does not read interlaced files rightly
    seen = seen[None] if seen.ndim == 2 else seen.transpose(2, 0, 1)
    assert after or (seen == values).all() if channels == 1 else (seen[[0, -1]] == values[[0, -1]] >> 8).all(), name


for channels in (1, 2, 3, 4):
    values = bands("uint16", channels)
    png(f"png16_{channels}.png", values)
    png(f"png16_{channels}_interlaced.png", values, interlaced=True)
    expect(f"png16_{channels}", values, 65535)
values = bands("uint16", 3)
key = values[:, 4, 5]
png("png16_key.png", values, before=chunk(b"tRNS", key.astype(">u2").tobytes()))
expect("png16_key", np.concatenate([values, np.where((values == key[:, None, None]).all(0), 0, 65535)[None]]), 65535)
png("png16_tiny.png", values[:1, :1, :1], interlaced=True)
expect("png16_tiny", values[:1, :1, :1], 65535)

# Other files than JPEG, and their orientation.
Image.fromarray(bands("uint8", 1)[0]).save(path("grey.gif"))
picture = Image.fromarray(bands("uint8", 3).transpose(1, 2, 0))
for orientation in range(2, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(path(f"turned{orientation}.png"), exif=exif)
    picture.save(path(f"turned{orientation}.webp"), lossless=True, exif=exif)
    assert (np.asarray(ImageOps.exif_transpose(Image.open(path(f"turned{orientation}.png"))))[:, :, 1] == TURNS[orientation](np.asarray(picture)[:, :, 1])).all()
    expect(f"turned{orientation}_colours", np.asarray(ImageOps.exif_transpose(Image.open(path(f"turned{orientation}.png")))).transpose(2, 0, 1), 255)
exif = Image.Exif()
exif[0x0112] = 6
values = bands("uint16", 1)
png("png16_turned.png", values, after=chunk(b"eXIf", exif.tobytes()[6:]))
expect("png16_turned", np.rot90(values[0], -1)[None], 65535)
