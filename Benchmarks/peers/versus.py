"""Runs `step-time` and PyTorch in alternation on the same work and prints ratios.

    swift build -c release --package-path Benchmarks
    python -m venv VENV && VENV/bin/pip install torch transformers peft
    VENV/bin/python Benchmarks/peers/versus.py --pairs 3 [--workers 1,2] [--precision bf16]
        [--only lora] [--data TSV --tokenizer DIR]

A row is the median of the pairs' ratios, PyTorch's time over ours, with the smallest and the
largest; PyTorch's attention is the one of its two implementations that was faster in the first
pair. Memory is the ratio of peak resident sets, ours over PyTorch's.
"""
import argparse
import os
import statistics
import sys

from processes import RELEASE, run

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = os.path.join(RELEASE, "step-time")

WORK = (
    [("base", method, True) for method in ("full", "lora", "bitfit", "head")]
    + [("base", method, False) for method in ("full", "lora", "forward")]
    + [(shape, method, True) for shape in ("mpnet", "gpt2", "smollm2") for method in ("full", "lora")]
    + [("minilm", method, True) for method in ("full", "lora", "head")])

parser = argparse.ArgumentParser()
parser.add_argument("--pairs", type=int, default=3)
parser.add_argument("--steps", type=int, default=5)
parser.add_argument("--workers", default="2")
parser.add_argument("--precision", default="fp32", help="of products: fp32 or bf16, PyTorch's autocast")
parser.add_argument("--only", help="rows whose name contains this")
parser.add_argument("--data", help="TSV of texts and labels: adds rows of real batches")
parser.add_argument("--tokenizer", help="directory of the tokenizer for --data, with a config.json for transformers")
options = parser.parse_args()


def peer(arguments, attention):
    return run([sys.executable, os.path.join(HERE, "step_time.py"), *arguments, "--attention", attention])


def row(name, arguments):
    ours = run([OURS, *arguments])
    tried = {attention: peer(arguments, attention) for attention in ("sdpa", "eager")}
    better = min(tried, key=lambda attention: tried[attention]["median_ms"])
    pairs = [(ours, tried[better])]
    pairs += [(run([OURS, *arguments]), peer(arguments, better)) for _ in range(options.pairs - 1)]
    speed = "tokens_per_second" if "--data" in arguments else "median_ms"

    def ratios(key):
        return sorted((peer[key] / ours[key]) for ours, peer in pairs)

    times = ratios(speed)
    if speed == "tokens_per_second":
        times = sorted(1 / ratio for ratio in times)
    memory = statistics.median(1 / ratio for ratio in ratios("peak_rss_mib"))
    medians = [statistics.median(side[speed] for side in sides) for sides in zip(*pairs)]
    print(f"| {name} | {medians[0]:.0f} | {medians[1]:.0f} | {statistics.median(times):.2f} "
          f"({times[0]:.2f}–{times[-1]:.2f}) | {memory:.2f} |", flush=True)


print("| work | ours | PyTorch | ratio | memory |\n| --- | --- | --- | --- | --- |", flush=True)
for workers in options.workers.split(","):
    common = ["--steps", str(options.steps), "--workers", workers, "--precision", options.precision]
    for shape, method, dropout in WORK:
        name = f"{shape} {method}{', dropout' if dropout else ''}, {workers} workers, ms"
        if not options.only or options.only in name:
            row(name, ["--shape", shape, "--method", method, *common, *(["--dropout"] if dropout else [])])
    for method in ("lora", "full", "bitfit") if options.data else ():
        name = f"base {method}, real lines, {workers} workers, tokens/s"
        if not options.only or options.only in name:
            row(name, ["--shape", "base", "--method", method, "--data", options.data,
                       "--tokenizer", options.tokenizer, "--length", "128", *common])
