#!/usr/bin/env python3
"""Writes the tables and figures of README.md from the runs in comparison/results.

    Benchmarks/page.py            rewrites README.md between its markers, and figures/*.svg
    Benchmarks/page.py --check    changes nothing; exits with 1 if they are out of date

Every number comes from the results.csv files of `peft suite`, one line for every run. Runs that
only served to choose a learning rate are left out (`chosen` is 0). Intervals are those of the
paired bootstrap over seeds, as in `peft suite`.
"""

import csv
import json
import math
import pathlib
import random
import statistics
import sys

PLACE = pathlib.Path(__file__).resolve().parent
EVIDENCE = PLACE / "comparison" / "results" / "evidence"
MODELS = PLACE / "comparison" / "results" / "models"
FAMILIES = {  # family: label in tables and figures, colour
    "adapt": ("`adapt`", "#1f6feb"),
    "lora": ("LoRA on query and value", "#d29922"),
    "lora on all": ("LoRA on all matrices", "#bc4c00"),
    "bitfit": ("BitFit", "#2da44e"),
    "norm": ("norms", "#8250df"),
    "random": ("random elements", "#6e7781"),
    "head": ("head alone", "#57606a"),
    "full": ("full tuning", "#24292f"),
}
TASKS = {"trec": "TREC", "sst2": "SST-2", "e2e": "e2e pairs", "texts": "E2E texts"}
DEFAULTS = ["lora", "lora on all", "bitfit", "norm"]
SHARES = [0.95, 0.98, 0.99]


class Row:
    """A method on a task: its runs by seed."""

    def __init__(self, runs):
        first = runs[0]
        self.task, self.family, self.name = first["problem"], first["family"], first["row"]
        self.budget = first["budget"]
        self.runs = {int(run["seed"]): run for run in runs}
        self.size = max(int(run["backbone"]) for run in runs)
        self.model_size = int(first["parameters"])

    def values(self, column):
        return {seed: float(run[column]) for seed, run in sorted(self.runs.items())}

    def mean(self, column):
        return statistics.mean(self.values(column).values())

    @property
    def mean_size(self):
        return round(statistics.mean(int(run["backbone"]) for run in self.runs.values()))

    @property
    def rate(self):
        return sorted({float(run["learning_rate"]) for run in self.runs.values()})


def read():
    """All rows, by task."""
    runs = {}
    for path in sorted(EVIDENCE.glob("*/results.csv")):
        with open(path, newline="") as file:
            for run in csv.DictReader(file):
                if run["chosen"] == "1" and run["test"]:
                    runs.setdefault((run["problem"], run["row"]), []).append(run)
    rows = {}
    for key in sorted(runs, key=lambda key: (list(TASKS).index(key[0]), key[1])):
        rows.setdefault(key[0], []).append(Row(runs[key]))
    return rows


def of_family(rows, *families):
    return [row for row in rows if row.family in families]


def best(rows, limit):
    """The row within `limit` parameters that is best on the dev data; None if none fits."""
    fitting = [row for row in rows if row.size <= limit]
    return max(fitting, key=lambda row: (row.mean("dev"), -row.size), default=None)


def interval(differences):
    """The mean with its 95 % interval over seeds: Student's below five seeds, else the bootstrap's,
    widened for few seeds."""
    count, mean = len(differences), statistics.mean(differences)
    if count < 2:
        return mean, None, None
    t = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}.get(count, 2.0)
    if count < 5:
        half = t * statistics.stdev(differences) / math.sqrt(count)
        return mean, mean - half, mean + half
    tail = statistics.NormalDist().cdf(-math.sqrt(count / (count - 1)) * t)
    generator = random.Random(0)
    means = sorted(statistics.mean(generator.choices(differences, k=count)) for _ in range(10_000))
    low = means[int(tail * len(means))]
    return mean, low, means[len(means) - 1 - int(tail * len(means))]


def difference(row, other, column="test"):
    """The mean difference of two rows over the seeds that both have, with its interval."""
    mine, theirs = row.values(column), other.values(column)
    seeds = sorted(set(mine) & set(theirs))
    return interval([mine[seed] - theirs[seed] for seed in seeds])


def score(value):
    return f"{value:.4f}"[1:] if 0 <= value < 1 else f"{value:.4f}"


def signed(estimate):
    mean, low, high = estimate
    text = f"{mean:+.4f}"
    return text if low is None else f"{text} ({low:+.4f} to {high:+.4f})"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "| " + " | ".join(["---"] * len(header)) + " |"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def percent(share):
    return f"{100 * share:.6g} %"


def budgets(rows):
    return sorted({float(row.budget.removesuffix("%+head")) / 100 if "%" in row.budget else float(row.budget)
                   for row in of_family(rows, "adapt")})


def sizes_table(rows):
    """How many parameters without the head are enough for a share of full tuning's dev score."""
    lines = []
    for task, of_task in rows.items():
        full = of_family(of_task, "full")
        if not full:
            continue
        for family, (label, _) in FAMILIES.items():
            members = of_family(of_task, family)
            if family == "full" or not members:
                continue
            cells = []
            for share in SHARES:
                enough = [row for row in members if row.mean("dev") >= share * full[0].mean("dev")]
                smallest = min(enough, key=lambda row: row.size, default=None)
                cells.append("–" if smallest is None else
                             f"{smallest.size:,} ({100 * smallest.mean('test') / full[0].mean('test'):.1f} %)")
            lines.append([TASKS[task], label] + cells)
    if not lines:
        return "These runs have no full tuning yet, so there is nothing to show."
    return table(["task", "method"] + [f"{100 * share:.0f} %" for share in SHARES], lines)


def budgets_table(rows):
    """`adapt` at every budget, beside the best default that fits and beside random elements."""
    lines = []
    for task, of_task in rows.items():
        ours = of_family(of_task, "adapt")
        for row in sorted(ours, key=lambda row: row.size):
            share = float(row.budget.removesuffix("%+head")) / 100 if "%" in row.budget else float(row.budget)
            limit = share * row.model_size
            default = best(of_family(of_task, *DEFAULTS), limit)
            # 63 elements of each matrix are 12 parameters more than 0.01 %; in favour of chance,
            # they count.
            chance = best(of_family(of_task, "random"), 1.01 * limit)
            lines.append([
                TASKS[task], percent(share), f"{row.mean_size:,}",
                score(row.mean("test")),
                "–" if default is None else f"{default.name}, {score(default.mean('test'))}",
                "–" if default is None else signed(difference(row, default)),
                "–" if chance is None else f"{chance.name}, {score(chance.mean('test'))}",
                "–" if chance is None else signed(difference(row, chance)),
                f"{statistics.median(float(run['probe_seconds']) / float(run['train_seconds']) for run in row.runs.values()):.2f}",
            ])
    return table(
        ["task", "budget", "parameters", "`adapt`", "best default that fits", "difference (95 %)", "random",
         "difference (95 %)", "choosing / training"], lines)


def every_row_table(rows):
    lines = []
    for task, of_task in rows.items():
        for row in sorted(of_task, key=lambda row: row.size):
            rates = ", ".join(f"{rate:g}" for rate in row.rate)
            lines.append([
                TASKS[task], row.name, f"{row.mean_size:,}", str(len(row.runs)), rates, score(row.mean("dev")), score(row.mean("test")),
                score(row.mean("dev_loss")), score(row.mean("test_loss"))])
    return table(["task", "method", "parameters", "seeds", "rates", "dev", "test", "dev loss", "test loss"], lines)


def models_table():
    """Every run in MODELS, by model and task."""
    lines = []
    for path in sorted(MODELS.glob("*/*.json")):
        run = json.loads(path.read_text())
        task, method = path.stem.split("-", 1)
        backbone = run["trainable"] - run["head"]
        dev, test = run["metrics"]["dev"], run["metrics"]["test"]
        metric = next(iter(dev))
        lines.append([
            path.parent.name, TASKS[task], method, f"{backbone:,}", f"{100 * backbone / run['parameters']:.3f} %",
            f"{run['learningRate']:.2g}", metric, f"{dev[metric]:.4g}", f"{test[metric]:.4g}", f"{test['loss']:.4f}",
            f"{run['peakMemory'] / 2**20:.0f}"])
    return table(
        ["model", "task", "method", "parameters", "share", "rate", "score", "dev", "test", "test loss", "memory, MiB"],
        lines)


def figure(task, rows):
    """Test score by the number of parameters without the head, on a logarithmic axis, as SVG."""
    width, height, left, right, top, bottom = 720, 400, 60, 170, 30, 50
    points = [row for row in rows if row.size > 0]
    values = [row.mean("test") for row in points]
    low, high = min(values), max(values)
    room = max(0.002, 0.06 * (high - low))
    low, high = low - room, high + room
    first, last = math.log10(min(row.size for row in points)), math.log10(max(row.size for row in points))

    def x(size):
        return left + (math.log10(size) - first) / (last - first) * (width - left - right)

    def y(value):
        return height - bottom - (value - low) / (high - low) * (height - top - bottom)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" '
        f'font-size="12" role="img" aria-label="{TASKS[task]}: test score by trained parameters">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{left}" y="18" font-weight="600">{TASKS[task]}: mean test score by parameters trained without the head</text>']
    step = next(step for step in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2) if (high - low) / step <= 8)
    tick = math.ceil(low / step) * step
    while tick < high:
        parts.append(f'<path d="M{left} {y(tick):.1f}H{width - right}" stroke="#d0d7de"/>'
                     f'<text x="{left - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.3f}</text>')
        tick += step
    ticks = [digit * 10 ** power for power in range(math.floor(first), math.ceil(last) + 1) for digit in (1, 2, 5)]
    for size in (size for size in ticks if first <= math.log10(size) <= last):
        parts.append(f'<path d="M{x(size):.1f} {top}V{height - bottom}" stroke="#d0d7de"/>'
                     f'<text x="{x(size):.1f}" y="{height - bottom + 18}" text-anchor="middle">{size:,}</text>')
    labels = []
    for family, (label, colour) in FAMILIES.items():
        members = sorted(of_family(points, family), key=lambda row: row.size)
        if not members:
            continue
        places = [(x(row.size), y(row.mean("test"))) for row in members]
        bold = family == "adapt"
        if len(places) > 1:
            path = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{3 if bold else 1.5}"/>')
        parts += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="{5 if bold else 4}" fill="{colour}"><title>{row.name}: '
                  f'{row.mean("test"):.4f}, {row.size:,} parameters</title></circle>'
                  for (px, py), row in zip(places, members)]
        labels.append([places[-1][1], label.strip("`"), colour, bold])
    labels.sort(key=lambda item: item[0])
    for index in range(1, len(labels)):
        labels[index][0] = max(labels[index][0], labels[index - 1][0] + 15)
    parts += [f'<text x="{width - right + 12}" y="{py + 4:.1f}" fill="{colour}" font-weight="{600 if bold else 400}">{label}</text>'
              for py, label, colour, bold in labels]
    return "\n".join(parts) + "\n</svg>\n"


def main():
    rows = read()
    made = {"sizes": sizes_table(rows), "budgets": budgets_table(rows), "rows": every_row_table(rows), "models": models_table()}
    page = PLACE / "README.md"
    text = page.read_text()
    for name, content in made.items():
        begin, end = f"<!-- {name}: made by page.py -->", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            sys.exit(f"{page}: there is no part {begin} … {end}")
        text = f"{before}{begin}\n\n{content}\n\n{end}{after}"
    files = {page: text}
    files |= {PLACE / "figures" / f"{task}.svg": figure(task, of_task) for task, of_task in rows.items()}
    stale = [path for path, content in files.items() if not path.exists() or path.read_text() != content]
    if "--check" in sys.argv[1:]:
        if stale:
            sys.exit("out of date, run Benchmarks/page.py: " + ", ".join(str(path.relative_to(PLACE)) for path in stale))
        return
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(files[path])


main()
