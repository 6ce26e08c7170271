#!/usr/bin/env python3
"""What share of the rate of its products alone a step reaches.

    swift build -c release --package-path Benchmarks --product step-time
    Benchmarks/peers/share.py --rounds 5 [--workers 1,2] [--precision bf16]

RoBERTa-base, 32 texts of 64 tokens, no dropout. In every round `step-time` times the linear maps of
a forward computation alone, which gives the rate, `blas_rate.py` those by OpenBLAS, and then
`step-time` each kind of step. Counted are the multiply-adds of linear maps, of attention and of
low-rank additions that the mathematics needs, two operations each; all else in a step is what keeps
its share below one. Needs Python alone; no PyTorch.
"""
import argparse
import os
import statistics

from processes import RELEASE, run

HERE = os.path.dirname(os.path.abspath(__file__))

LAYERS, HIDDEN, INNER, TEXTS, LENGTH, RANK = 12, 768, 3072, 32, 64, 8
TOKENS = TEXTS * LENGTH
ONE_MAP = 2 * TOKENS * HIDDEN * HIDDEN
MAPS = LAYERS * (4 * ONE_MAP + 2 * 2 * TOKENS * HIDDEN * INNER)
# Scores, and the values they weigh; backwards the scores again, and the gradients of both products'
# factors.
ATTENTION = LAYERS * 2 * 2 * TOKENS * LENGTH * HIDDEN
ATTENTION_BACK = ATTENTION // 2 * 5
# Adapters of queries and values: down and up; backwards up's and down's gradients and through both
# to the input.
THIN = LAYERS * 2 * 2 * 2 * TOKENS * HIDDEN * RANK
THIN_BACK = 2 * THIN - 2 * 2 * TOKENS * HIDDEN * RANK
# Where the embeddings are frozen nothing goes back through the first layer's queries, keys and
# values.
FIRST = 3 * ONE_MAP

OPERATIONS = {
    "products": MAPS,
    "forward": MAPS + ATTENTION,
    "lora": 2 * MAPS - FIRST + ATTENTION + ATTENTION_BACK + THIN + THIN_BACK,
    "full": 3 * MAPS + ATTENTION + ATTENTION_BACK,
}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--steps", type=int, default=4)
parser.add_argument("--workers", default="2")
parser.add_argument("--precision", default="fp32", help="of products: fp32 or bf16")
options = parser.parse_args()

print("| step | workers | ms | share of the own rate | share of OpenBLAS's |\n| --- | --- | --- | --- | --- |")
for workers in options.workers.split(","):
    rounds = []
    for _ in range(options.rounds):
        times = {
            step: run([os.path.join(RELEASE, "step-time"), "--method", step, "--workers", workers,
                       "--steps", str(options.steps), "--precision", options.precision])["median_ms"]
            for step in OPERATIONS}
        times["OpenBLAS"] = run([os.path.join(HERE, "blas_rate.py"), workers, str(options.steps)])["median_ms"]
        rounds.append(times)
    for step, operations in OPERATIONS.items():
        middle = statistics.median(times[step] for times in rounds)
        cells = []
        for rate in ["products", "OpenBLAS"]:
            shares = sorted(operations / times[step] * times[rate] / OPERATIONS["products"] for times in rounds)
            cells.append(f"{100 * statistics.median(shares):.1f} % ({100 * shares[0]:.1f}–{100 * shares[-1]:.1f})")
        print(f"| {step} | {workers} | {middle:.0f} | {' | '.join(cells)} |", flush=True)
