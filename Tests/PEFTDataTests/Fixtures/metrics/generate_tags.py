"""Writes tags.json: scores by seqeval for seeded random tags, well formed and not.

Run beside this file: python generate_tags.py. Needs seqeval.
"""

import json
import pathlib
import random
import warnings

import seqeval
from seqeval import metrics

warnings.filterwarnings("ignore")
random.seed(20261129)


def tags(length, marks, types, calm):
    found = []
    for _ in range(length):
        if found and random.random() < calm:
            mark, kind = random.choice("IE"), found[-1][2:] or types[0]
            found.append(f"{mark}-{kind}" if mark in marks and found[-1] != "O" else found[-1])
        else:
            mark = random.choice(marks)
            found.append("O" if mark == "O" else f"{mark}-{random.choice(types)}")
    return found


cases = []
for number in range(60):
    marks = ["OBI", "OI", "OBIES", "OIE", "BI"][number % 5]
    types = ["PER", "LOC", "X-Y"][: 1 + number % 3]
    lengths = [random.randint(1, 12) for _ in range(random.randint(1, 6))]
    truth = [tags(n, marks, types, 0.4) for n in lengths]
    share = random.choice([0, 0.1, 0.5, 1])
    guess = [[random.choice(tags(4, marks, types, 0)) if random.random() < share else tag
              for tag in row] for row in truth]
    cases.append(dict(
        tags=truth, predictions=guess, accuracy=metrics.accuracy_score(truth, guess),
        precision=float(metrics.precision_score(truth, guess)),
        recall=float(metrics.recall_score(truth, guess)), f1=float(metrics.f1_score(truth, guess))))

lines = ",\n".join(json.dumps(case) for case in cases)
(pathlib.Path(__file__).parent / "tags.json").write_text(f"[\n{lines}\n]\n")
print(seqeval.__version__ if hasattr(seqeval, "__version__") else "1.2.2", len(cases), "cases")
