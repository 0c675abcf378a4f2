"""Writes the made-up data of the template: a table of plants, and photos of leaves that are healthy or spotted."""

import random
import struct
import zlib
from pathlib import Path

FOLDER = Path(__file__).parent / "content/multiinput/data"
SIZE = 24

# Means of leaf length and width in cm and of the number of petals, and soils in order of preference.
SPECIES = {
    "buttercup": (4.0, 3.2, 5, ["clay", "loam", "sand"]),
    "daisy": (5.5, 1.8, 21, ["loam", "clay", "sand"]),
    "poppy": (9.0, 4.0, 4, ["sand", "loam", "clay"]),
}


def write_table(random):
    rows = []
    for species, (length, width, petals, soils) in SPECIES.items():
        for _ in range(20):
            # A missing value in one row of ten.
            width_text = "" if random.random() < 0.1 else f"{random.gauss(width, 0.6):.1f}"
            soil = random.choices(soils, weights=[6, 3, 1])[0]
            rows.append(f"{random.gauss(length, 1.0):.1f},{width_text},{petals + random.randint(-1, 1)},{soil},{species}\n")
    random.shuffle(rows)
    (FOLDER / "plants.csv").write_text("leaf_length,leaf_width,petals,soil,species\n" + "".join(rows))


def write_photo(random, path, spots):
    green = [random.randint(20, 60), random.randint(110, 170), random.randint(20, 60)]
    brown = [random.randint(110, 150), random.randint(60, 80), random.randint(10, 40)]
    centres = [(random.uniform(6, SIZE - 6), random.uniform(6, SIZE - 6), random.uniform(1.5, 3)) for _ in range(spots)]
    width = random.uniform(0.35, 0.55)
    lines = b""
    for y in range(SIZE):
        line = b"\0"
        for x in range(SIZE):
            along, across = (x + y) / (2 * SIZE) - 0.5, (x - y) / (2 * SIZE)
            colour = [235, 235, 225]  # the paper on which the leaf lies
            if abs(across) < width * (0.25 - along * along):
                spotted = any((x - a) ** 2 + (y - b) ** 2 < r * r for a, b, r in centres)
                colour = brown if spotted else green
            line += bytes(max(0, min(255, c + random.randint(-8, 8))) for c in colour)
        lines += line

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)  # 8 bits, RGB
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))


if __name__ == "__main__":
    random = random.Random(1)
    write_table(random)
    for number in range(1, 16):
        write_photo(random, FOLDER / f"photos/healthy/{number:02}.png", spots=0)
        write_photo(random, FOLDER / f"photos/spotted/{number:02}.png", spots=6)
