"""The tree-structured Parzen estimator of Bergstra et al. (2011), section 4, by SciPy."""

import json
import math
import os

import numpy as np
from scipy.optimize import brentq
from scipy.stats import truncnorm

GOOD_SHARE, CANDIDATES = 0.15, 100


class Numbers:
    """A range of numbers on the axis a to b, of which `log` and `whole` say how they become values."""

    def __init__(self, low, high, log=False, whole=False):
        self.low, self.high, self.log, self.whole = low, high, log, whole
        half = 0.5 if whole else 0
        self.a, self.b = self.to_axis(low - half), self.to_axis(high + half)

    def to_axis(self, x):
        return math.log(x) if self.log else x

    def value(self, z):
        x = math.exp(z) if self.log else z
        if self.whole:
            return min(max(round(x), self.low), self.high)
        digits = 3 - math.floor(math.log10(x)) if self.log else max(
            0, math.ceil(3 - math.log10(self.high - self.low)))
        return min(max(round(x, digits), self.low), self.high)

    def density(self, values):
        points = np.sort([self.to_axis(x) if not self.whole else self.centre(x) for x in values])
        span = self.b - self.a
        padded = np.concatenate([[self.a], points, [self.b]])
        widths = np.maximum(padded[2:] - points, points - padded[:-2])
        widths = np.clip(widths, span / min(100, len(points) + 1), span)
        normals = [truncnorm((self.a - m) / s, (self.b - m) / s, loc=m, scale=s)
                   for m, s in zip(points, widths)]
        count = len(points) + 1

        def cdf(z):
            return ((z - self.a) / span + sum(n.cdf(z) for n in normals)) / count

        def log_density(value):
            if self.whole:
                return math.log(cdf(self.to_axis(value + 0.5)) - cdf(self.to_axis(value - 0.5)))
            z = self.to_axis(value)
            return math.log((1 / span + sum(n.pdf(z) for n in normals)) / count)

        def sample(u):
            return self.value(brentq(lambda z: cdf(z) - u, self.a, self.b, xtol=1e-13))

        return sample, log_density

    def centre(self, x):
        return (self.to_axis(x - 0.5) + self.to_axis(x + 0.5)) / 2

    def json(self):
        kind = ("log-" if self.log else "") + ("integer" if self.whole else "uniform")
        return {"kind": kind, "low": self.low, "high": self.high}


class Choices:
    def __init__(self, *texts):
        self.texts = list(texts)

    def density(self, values):
        counts = np.array([1.0 + values.count(t) for t in self.texts])
        probabilities = counts / counts.sum()

        def sample(u):
            index = int(np.searchsorted(np.cumsum(probabilities), u, side="right"))
            return self.texts[min(index, len(self.texts) - 1)]

        return sample, lambda v: math.log(probabilities[self.texts.index(v)])

    def json(self):
        return {"kind": "choices", "texts": self.texts}


def case(generator, ranges, count):
    def random_value(r):
        if isinstance(r, Choices):
            return r.texts[int(generator.integers(len(r.texts)))]
        return r.value(r.a + generator.random() * (r.b - r.a))

    ranked = [[random_value(r) for r in ranges] for _ in range(count)]
    good = max(1, math.ceil(GOOD_SHARE * count))
    columns = list(zip(*ranked))
    models = [(r.density(list(c[:good])), r.density(list(c[good:])))
              for r, c in zip(ranges, columns)]
    uniforms = generator.random((CANDIDATES, len(ranges)))
    best, advantage = None, -math.inf
    for row in uniforms:
        values = [model[0][0](u) for model, u in zip(models, row)]
        gain = sum(m[0][1](v) - m[1][1](v) for m, v in zip(models, values))
        if gain > advantage:
            best, advantage = values, gain
    probes = [[random_value(r) for r in ranges] for _ in range(5)]
    return {
        "ranges": [r.json() for r in ranges],
        "ranked": [[str(v) for v in row] for row in ranked],
        "uniforms": uniforms.ravel().tolist(),
        "next": [str(v) for v in best],
        "probes": [[str(v) for v in row] for row in probes],
        "good": [[m[0][1](v) for m, v in zip(models, row)] for row in probes],
        "other": [[m[1][1](v) for m, v in zip(models, row)] for row in probes],
    }


def main():
    generator = np.random.default_rng(2011)
    ranges = [Numbers(1e-5, 1e-2, log=True), Numbers(0, 0.1), Numbers(8, 64, whole=True),
              Numbers(1, 256, log=True, whole=True), Choices("linear", "cosine", "constant")]
    cases = [case(generator, ranges, count) for count in (1, 2, 10, 40)]
    cases += [case(generator, [r], 12) for r in ranges]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "parzen.json")
    with open(path, "w") as file:
        json.dump({"cases": cases}, file, separators=(",", ":"))
        file.write("\n")


main()
