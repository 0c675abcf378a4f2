"""Writes a table of numbers, missing words and texts, and what pandas makes of it: files/mixed.csv, files/mixed.json. Run it in this folder."""
import csv
import json
import random

import pandas

random.seed(1)
words = ["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "n/a", "nan", "null"]
with open("files/mixed.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["integer", "real", "time", "text", "y"])
    for row in range(200):
        writer.writerow([
            words[row % len(words)] if row % 3 == 0 else random.randint(-50, 5000),
            words[row * 7 % len(words)] if row % 5 == 0 else repr(random.gauss(0, 1) * 10 ** random.randint(-20, 20)),
            1_700_000_000 + row / 8,
            random.choice(["Bär", "Bör", "a, b", 'say "x"', "line\nend", "N/A"]),
            random.choice(["yes", "no"]),
        ])

table = pandas.read_csv("files/mixed.csv", float_precision="round_trip")
numbers = table[["integer", "real", "time"]]
with open("files/mixed.json", "w") as file:
    json.dump({
        "rows": [[None if pandas.isna(value) else value for value in row] for row in numbers.to_numpy().tolist()],
        "mean": numbers.mean(numeric_only=True).tolist(),
        "deviation": numbers.std(ddof=0, numeric_only=True).tolist(),
        "categories": sorted(table["text"].dropna().unique().tolist(), key=lambda text: text.encode("utf-16-be")),
        "texts": [None if pandas.isna(value) else value for value in table["text"]],
    }, file)
