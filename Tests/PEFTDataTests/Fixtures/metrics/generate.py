"""Writes metrics.json: scores by scikit-learn and scipy for seeded random predictions.

Run beside this file: python generate.py. Needs numpy, scipy and scikit-learn.
"""

import json
import pathlib
import warnings

import numpy
import scipy
import scipy.stats
import sklearn
from sklearn import metrics

warnings.filterwarnings("ignore")
random = numpy.random.default_rng(20240607)


def classification(name, predictions, labels, classes):
    case = {
        "name": name,
        "classes": classes,
        "predictions": [int(value) for value in predictions],
        "labels": [int(value) for value in labels],
        "accuracy": metrics.accuracy_score(labels, predictions),
        "macroF1": metrics.f1_score(labels, predictions, average="macro", zero_division=0),
        "matthews": metrics.matthews_corrcoef(labels, predictions),
    }
    names = list(range(classes))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predictions, labels=names, zero_division=0)
    case["byClass"] = [
        {"precision": float(precision[k]), "recall": float(recall[k]), "f1": float(f1[k]),
         "support": int(support[k])} for k in names]
    case["confusion"] = metrics.confusion_matrix(labels, predictions, labels=names).tolist()
    if classes == 2:
        case["f1"] = metrics.f1_score(labels, predictions, pos_label=1, zero_division=0)
    return case


def regression(name, predictions, targets):
    def orZero(value):
        return 0.0 if numpy.isnan(value) else float(value)

    case = {
        "name": name,
        "predictions": [float(value) for value in predictions],
        "targets": [float(value) for value in targets],
        "pearson": orZero(scipy.stats.pearsonr(predictions, targets).statistic),
        "spearman": orZero(scipy.stats.spearmanr(predictions, targets).statistic),
        "mse": metrics.mean_squared_error(targets, predictions),
        "mae": metrics.mean_absolute_error(targets, predictions),
    }
    # Undefined for constant targets, where scikit-learn returns 0 or 1.
    if len(set(case["targets"])) > 1:
        case["r2"] = metrics.r2_score(targets, predictions)
    return case


def agreeing(count, classes, share):
    labels = random.integers(classes, size=count)
    noise = random.integers(classes, size=count)
    return numpy.where(random.random(count) < share, labels, noise), labels


classifications = [
    classification(f"{classes} classes, {count} rows, {share} agreeing",
                   *agreeing(count, classes, share), classes)
    for classes in (2, 3, 7)
    for count in (5, 60)
    for share in (0.0, 0.7)
] + [
    classification("all right", [0, 1, 1, 0], [0, 1, 1, 0], 2),
    classification("all wrong", [1, 0, 0, 1], [0, 1, 1, 0], 2),
    classification("constant prediction 0", [0, 0, 0, 0], [0, 1, 1, 0], 2),
    classification("constant prediction 1", [1, 1, 1, 1], [0, 1, 1, 0], 2),
    classification("no positive anywhere", [0, 0, 0], [0, 0, 0], 2),
    classification("constant and wrong", [0, 0, 0], [1, 1, 1], 2),
    classification("classes that do not occur", [0, 4, 4, 0], [0, 4, 2, 4], 6),
]

x = random.normal(size=40)
regressions = [
    regression("noisy line", 2 * x + random.normal(size=40), x),
    regression("unrelated", random.normal(size=40), x),
    regression("falling", -3 * x + 1, x),
    regression("ties", numpy.round(x + random.normal(size=40)), numpy.round(2 * x) / 2),
    regression("monotone, not linear", numpy.exp(3 * x), x),
    regression("large offset", 1e6 + x + 0.3 * random.normal(size=40), 1e6 + x),
    regression("two rows", [1.0, 2.0], [5.0, 3.0]),
    regression("constant predictions", [0.1] * 7, x[:7]),
    regression("constant targets", x[:7], [0.1] * 7),
]

document = {
    "generator": f"scikit-learn {sklearn.__version__}, scipy {scipy.__version__}",
    "classification": classifications,
    "regression": regressions,
}
path = pathlib.Path(__file__).with_name("metrics.json")
path.write_text(json.dumps(document, indent=1) + "\n")
