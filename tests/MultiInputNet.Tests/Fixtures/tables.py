"""Writes a table with Python's csv module, and what it holds as JSON: files/tricky.csv and .json. Run it in this folder."""
import csv
import json
import random

random.seed(1)
pieces = ["a", "7", ",", '"', '""', "\n", "\r\n", " ", ";", "é", "漢", "", "NA", "'"]
rows = [["first", "second, with comma", 'third "quoted"', "fourth\nline"]]
rows += [["x"] + ["".join(random.choice(pieces) for _ in range(random.randrange(5))) for _ in range(3)] for _ in range(300)]
with open("files/tricky.csv", "w", newline="", encoding="utf-8") as file:
    csv.writer(file).writerows(rows)
with open("files/tricky.json", "w", encoding="utf-8") as file:
    json.dump(rows, file, ensure_ascii=False)
