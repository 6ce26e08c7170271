#!/usr/bin/env python3
"""Compares what `peft train --dry-run` forecasts with what the run then takes.

For every model and every way to train it: the forecast of peak memory and of the steps' time, the
process's own peak of resident memory as the kernel counts it, and the ratio forecast / measured, as
medians of --repeats. A plan is made from a short probe. Exits 1 where a memory ratio is off by more
than 15 % or a time ratio by more than 30 %. Needs Python alone.

  Benchmarks/forecast.py --model minilm --model roberta-base --train train.tsv --dev dev.tsv
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

METHODS = {
    "full": ["--method", "full"],
    "lora": ["--method", "lora"],
    "bitfit": ["--method", "bitfit"],
    "head": ["--method", "head"],
    "plan": ["--plan", "{plan}"],
    "norm": ["--method", "norm"],
    "elements": ["--method", "speft", "--set", "by=random"],
    "lora-bf16": ["--method", "lora", "--precision", "bf16"],
    "lora-recompute": ["--method", "lora", "--recompute"],
}


def peft(binary, *arguments):
    """Runs the command; the object it prints (if any) and its peak of resident memory in bytes."""
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    process = subprocess.Popen([binary, *arguments], env=environment, stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"peft {' '.join(arguments)} exits {process.returncode}")
    return output, usage.ru_maxrss * 1024


def plan_of(binary, model, arguments, directory):
    """A plan of 1 % of the model's parameters, by a short probe."""
    probe, selection = directory / "probe", directory / "selection"
    peft(binary, "probe", "--model", model, "--train", arguments.train, "--quiet", "--output", str(probe),
         "--candidates", "lora:1,4,8", "--head-steps", "2", "--direction-batches", "2", "--probe-batches", "2")
    peft(binary, "select", str(probe / "influence.json"), "--budget", "1%", "--quiet", "--output", str(selection))
    return str(selection / "plan.json")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peft", default=".build/release/peft", help="the command")
    parser.add_argument("--model", action="append", required=True, help="a model directory; may be repeated")
    parser.add_argument("--train", required=True)
    parser.add_argument("--dev", required=True, help="some hundred examples: its batches take memory too")
    parser.add_argument("--method", action="append", choices=list(METHODS))
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--learning-rate", help="without it, each run searches for one")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    missed = 0
    print("| model | trained | memory, MiB: forecast | measured | ratio | time a step, ms: forecast | measured | ratio |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for model in arguments.model:
        with tempfile.TemporaryDirectory() as temporary:
            directory = pathlib.Path(temporary)
            methods = arguments.method or METHODS
            plan = plan_of(arguments.peft, model, arguments, directory) if "plan" in methods else None
            for name in methods:
                options = [part.format(plan=plan) for part in METHODS[name]]
                command = ["train", "--model", model, "--train", arguments.train, "--dev", arguments.dev, *options,
                           "--steps", str(arguments.steps), "--evaluate-every", str(max(1, arguments.steps // 3)),
                           "--json", "--quiet"]
                if arguments.batch_size:
                    command += ["--batch-size", str(arguments.batch_size)]
                if arguments.learning_rate:
                    command += ["--learning-rate", arguments.learning_rate]
                memory, time = [], []
                for _ in range(arguments.repeats):
                    forecast = json.loads(peft(arguments.peft, *command, "--dry-run")[0])
                    output, peak = peft(arguments.peft, *command, "--output", str(directory / "run"), "--overwrite")
                    memory.append((forecast["memory"]["total"], peak))
                    time.append((forecast["seconds"], json.loads(output)["seconds"]))
                ratios = []
                cells = []
                for pairs, unit in ((memory, 2**20), (time, arguments.steps / 1000)):
                    ratio = statistics.median(a / b for a, b in pairs)
                    ratios.append(ratio)
                    cells += [f"{statistics.median(a for a, _ in pairs) / unit:.0f}",
                              f"{statistics.median(b for _, b in pairs) / unit:.0f}", f"{ratio:.2f}"]
                missed += abs(ratios[0] - 1) > 0.15 or abs(ratios[1] - 1) > 0.30
                print(f"| {pathlib.Path(model).name} | {name} | {' | '.join(cells)} |", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
