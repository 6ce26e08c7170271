"""Writes calibration.json: expected calibration errors by numpy and temperatures by scipy, for seeded random logits.

Run beside this file: python generate_calibration.py. Needs numpy and scipy.
"""
import json
import pathlib

import numpy
from scipy import optimize, special

random = numpy.random.default_rng(77)


def error(probabilities, right):
    """By its definition, with numpy's digitize and intervals closed on the right."""
    edges = numpy.linspace(0, 1, 16)
    bins = numpy.clip(numpy.digitize(probabilities, edges, right=True), 1, 15)
    return sum(
        (bins == b).mean() * abs(right[bins == b].mean() - probabilities[bins == b].mean())
        for b in range(1, 16) if (bins == b).any())


def case(rows, classes, sharpness, skill):
    labels = random.integers(0, classes, rows)
    logits = random.normal(size=(rows, classes))
    logits[numpy.arange(rows), labels] += skill
    logits = (sharpness * logits).astype(numpy.float32)

    def loss(log_temperature):
        return -special.log_softmax(logits.astype(float) / numpy.exp(log_temperature), -1)[numpy.arange(rows), labels].mean()

    best = optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-10})
    probabilities = special.softmax(logits.astype(float), -1)
    answers = logits.argmax(-1)
    return {
        "logits": logits.ravel().tolist(), "labels": labels.tolist(), "temperature": float(numpy.exp(best.x)),
        "probabilities": probabilities.max(-1).tolist(), "right": (answers == labels).tolist(),
        "ece": float(error(probabilities.max(-1), (answers == labels).astype(float)))}


cases = [case(200, 2, 1, 1), case(120, 5, 4, 1), case(150, 3, 0.2, 2), case(40, 4, 2, 0.3)]
pathlib.Path(__file__).with_name("calibration.json").write_text(json.dumps({"cases": cases}) + "\n")
