"""Writes images with Pillow, and what it makes of them as float32 of 0 to 1: files/images/*. Run it in this folder."""
import os

import numpy as np
from PIL import Image, ImageOps

os.makedirs("files/images", exist_ok=True)
random = np.random.default_rng(1)


def path(name):
    return f"files/images/{name}"


def planes(image):
    values = np.asarray(image).astype(np.float32)
    return values[None] if values.ndim == 2 else values.transpose(2, 0, 1)


def save(name, values, scale=255):
    np.save(path(name), np.ascontiguousarray((values / scale).astype(np.float32)))


# Resizing: the same filter on floating numbers. Crops are a box of the source, in parts of pixels.
grey = Image.fromarray(random.integers(0, 256, (37, 53), dtype=np.uint8))
grey.save(path("grey.png"))
floating = grey.convert("F")
save("stretch.npy", planes(floating.resize((16, 24), Image.BILINEAR)))
save("enlarge.npy", planes(floating.resize((70, 60), Image.BILINEAR)))
width = 16 * 37 / 24
save("crop.npy", planes(floating.resize((16, 24), Image.BILINEAR, box=((53 - width) / 2, 0, (53 + width) / 2, 37))))
padded = np.zeros((1, 24, 16), np.float32)
padded[:, 6:17] = planes(floating.resize((16, 11), Image.BILINEAR))
save("pad.npy", padded)

# Kinds of file, and of channels. The picture is smooth, so that decoders of JPEG differ little.
y, x = np.mgrid[0:12, 0:20]
smooth = np.stack([x * 12, y * 20, 255 - x * 6 - y * 6], 2).astype(np.uint8)
rgb = Image.fromarray(smooth)
rgb.save(path("rgb.png"))
rgb.save(path("rgb.bmp"))
rgb.save(path("rgb.webp"), lossless=True)
rgb.save(path("rgb.jpg"), quality=95, subsampling=0)
rgb.quantize(16).save(path("palette.png"))
rgb.save(path("rgb_lzw.tif"), compression="tiff_lzw")
rgb.save(path("rgb_deflate.tif"), compression="tiff_adobe_deflate")
rgb.save(path("rgb_jpeg.tif"), compression="jpeg", quality=95)
save("rgb.npy", planes(rgb))
save("rgb_as_grey.npy", planes(rgb.convert("L")))
rgba = rgb.copy()
rgba.putalpha(Image.fromarray((x * 10 + 20).astype(np.uint8)))
rgba.save(path("rgba.png"))
rgba.save(path("rgba.tif"))
save("rgba.npy", planes(rgba))
save("palette.npy", planes(rgb.quantize(16).convert("RGB")))
rgb.quantize(16).save(path("palette.tif"))

# Numbers of more than 8 bits, and pages.
wide = (np.arange(240).reshape(12, 20) * 273).astype(np.uint16)
Image.fromarray(wide).save(path("grey16.tif"))
save("grey16.npy", wide[None], 65535)
values = (np.arange(240).reshape(12, 20) / 7 - 10).astype(np.float32)
Image.fromarray(values).save(path("float.tif"))
save("float.npy", values[None], 1)
pages = [Image.fromarray((smooth[:, :, i % 3] // (i + 1)).astype(np.uint8)) for i in range(5)]
pages[0].save(path("pages.tif"), save_all=True, append_images=pages[1:])
save("pages.npy", np.stack([np.asarray(page) for page in pages]))

# Cameras turn and mirror.
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    rgb.save(path(f"turned{orientation}.jpg"), quality=95, subsampling=0, exif=exif)
    save(f"turned{orientation}.npy", planes(ImageOps.exif_transpose(Image.open(path(f"turned{orientation}.jpg")))))
