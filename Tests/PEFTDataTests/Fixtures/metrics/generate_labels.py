"""Writes labels.json: scores by scikit-learn for seeded random sets of labels.

Run beside this file: python generate_labels.py. Needs numpy and scikit-learn.
"""
import json
import pathlib
import warnings

import numpy
from sklearn import metrics

warnings.filterwarnings("ignore")
random = numpy.random.default_rng(20261130)


def case(name, truth, scores, thresholds):
    predicted = (scores >= thresholds).astype(int)
    return {
        "name": name, "scores": scores.ravel().tolist(), "thresholds": thresholds.tolist(),
        "labels": [numpy.flatnonzero(row).tolist() for row in truth],
        "microF1": metrics.f1_score(truth, predicted, average="micro", zero_division=0),
        "macroF1": metrics.f1_score(truth, predicted, average="macro", zero_division=0),
        "exactMatch": metrics.accuracy_score(truth, predicted),
        "rankingPrecision": metrics.label_ranking_average_precision_score(truth, scores),
    }


def best(truth, scores):
    """The highest F1 of every label over all thresholds."""
    found = []
    for label in range(truth.shape[1]):
        cuts = sorted(set(scores[:, label]))
        found.append(max(metrics.f1_score(truth[:, label], scores[:, label] >= cut, zero_division=0) for cut in cuts))
    return found


def draw(rows, labels, share):
    truth = (random.random((rows, labels)) < share).astype(int)
    scores = numpy.clip(0.35 * truth + 0.65 * random.random((rows, labels)), 0, 1)
    return truth, scores


cases = []
for rows, labels, share in [(1, 2, 0.5), (20, 3, 0.4), (50, 7, 0.2), (40, 5, 0.05), (9, 12, 0.5)]:
    truth, scores = draw(rows, labels, share)
    cases.append(case(f"{rows} rows of {labels}", truth, scores, numpy.full(labels, 0.5)))
    cases.append(case(f"{rows} rows of {labels}, own thresholds", truth, scores, random.random(labels)))
truth, scores = draw(30, 4, 0.3)
cases.append(case("ties", truth, numpy.round(scores, 1), numpy.full(4, 0.5)))
cases.append(case("none true", numpy.zeros((5, 3), int), draw(5, 3, 0.5)[1], numpy.full(3, 0.5)))
cases.append(case("all true", numpy.ones((5, 3), int), draw(5, 3, 0.5)[1], numpy.full(3, 0.5)))
tuning = []
for rows, labels, share in [(60, 5, 0.2), (200, 3, 0.05), (30, 4, 0.5)]:
    truth, scores = draw(rows, labels, share)
    tuning.append({"scores": scores.ravel().tolist(), "labels": [numpy.flatnonzero(row).tolist() for row in truth],
                   "width": labels, "best": best(truth, scores)})
pathlib.Path(__file__).with_name("labels.json").write_text(json.dumps({"cases": cases, "tuning": tuning}) + "\n")
