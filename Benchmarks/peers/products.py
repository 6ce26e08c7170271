"""Products with frozen weights, ours and PyTorch's in alternation, and their ratios.

    swift build -c release --package-path Benchmarks --product product-time
    VENV/bin/python Benchmarks/peers/products.py --rounds 5 [--workers 1,2] [--precision bf16]

PyTorch's plain bf16 product takes and gives bfloat16; ours takes and gives Float32, as PyTorch's
under autocast does with its casts. Both are shown. A row is the median over the rounds, with the
smallest and largest ratio of a round.
"""
import argparse
import json
import os
import statistics
import sys
import time

from processes import RELEASE, run

OURS = os.path.join(RELEASE, "product-time")
SHAPES = ([f"{rows}x{inputs}x{outputs}" for rows in (2048, 512) for inputs in (768, 3072) for outputs in (768, 3072)]
          + [f"{rows}x{inputs}x{outputs}" for rows in (2048, 512) for inputs, outputs in
             ((384, 384), (384, 1536), (1536, 384))])

parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--repeats", type=int, default=15)
parser.add_argument("--workers", default="1,2")
parser.add_argument("--precision", default="bf16", help="fp32 or bf16")
parser.add_argument("--torch", help="plain or casts: time PyTorch alone, and print one JSON line")
options = parser.parse_args()


def peer():
    import torch

    torch.set_num_threads(int(options.workers))
    cache = torch.zeros(64 << 20, dtype=torch.uint8)
    times = {}
    for shape in SHAPES:
        rows, inputs, outputs = map(int, shape.split("x"))
        torch.manual_seed(1)
        x, weight = torch.randn(rows, inputs), torch.randn(outputs, inputs)
        if options.precision == "bf16":
            weight = weight.bfloat16()
        if options.torch == "plain":
            x = x.to(weight.dtype)

        def product():
            if options.torch == "plain":
                return torch.nn.functional.linear(x, weight)
            return torch.nn.functional.linear(x.to(weight.dtype), weight).float()

        taken = []
        with torch.no_grad():
            product()
            for _ in range(options.repeats):
                cache += 1
                start = time.perf_counter()
                product()
                taken.append(1000 * (time.perf_counter() - start))
        times[shape] = statistics.median(taken)
    print(json.dumps(times))


if options.torch:
    peer()
    sys.exit()
print("| product | workers | ours, GFLOP/s | PyTorch | times as fast | PyTorch with casts | times as fast |\n"
      "| --- | --- | --- | --- | --- | --- | --- |")
for workers in options.workers.split(","):
    rounds = []
    for _ in range(options.rounds):
        common = ["--workers", workers, "--repeats", str(options.repeats), "--precision", options.precision]
        rounds.append([run([OURS, options.precision, workers, str(options.repeats), *SHAPES])]
                      + [run([sys.executable, __file__, *common, "--torch", kind]) for kind in ("plain", "casts")])
    medians = [[], []]
    for shape in SHAPES:
        flops = 2e-6
        for extent in shape.split("x"):
            flops *= int(extent)
        rates = [statistics.median(flops / times[shape] for times in side) for side in zip(*rounds)]
        cells = [f"{shape.replace('x', ' × ')}", workers, f"{rates[0]:.0f}"]
        for index in (1, 2):
            ratios = sorted(times[index][shape] / times[0][shape] for times in rounds)
            medians[index - 1].append(statistics.median(ratios))
            cells += [f"{rates[index]:.0f}", f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})"]
        print("| " + " | ".join(cells) + " |", flush=True)
    print(f"| median | {workers} | | | {statistics.median(medians[0]):.2f} | | "
          f"{statistics.median(medians[1]):.2f} |", flush=True)
