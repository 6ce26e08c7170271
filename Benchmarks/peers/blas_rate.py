#!/usr/bin/env python3
"""The linear maps of RoBERTa-base's forward computation on 2,048 tokens, by OpenBLAS's cblas_sgemm
alone.

    Benchmarks/peers/blas_rate.py WORKERS REPEATS

Prints one JSON line with the median in milliseconds. OpenBLAS cuts the products over its own
threads; no biases.
"""
import ctypes
import json
import statistics
import sys
import time

WORKERS, REPEATS = int(sys.argv[1]), int(sys.argv[2])
TOKENS, LAYERS, HIDDEN, INNER = 2048, 12, 768, 3072
ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112

blas = ctypes.CDLL("libopenblas.so.0")
blas.openblas_set_num_threads(WORKERS)
blas.openblas_get_corename.restype = ctypes.c_char_p


def numbers(count):
    """Numbers that are no denormals, on pages that have been written to."""
    buffer = (ctypes.c_float * count)()
    ctypes.memset(buffer, 0x3C, 4 * count)
    return buffer


def linear(x, weight, y, inputs, outputs):
    one, none = ctypes.c_float(1), ctypes.c_float(0)
    blas.cblas_sgemm(ROW_MAJOR, PLAIN, TRANSPOSED, TOKENS, outputs, inputs, one, x, inputs, weight, inputs, none, y, outputs)


x, y = numbers(TOKENS * INNER), numbers(TOKENS * INNER)
layers = [[numbers(HIDDEN * HIDDEN) for _ in range(4)] + [numbers(HIDDEN * INNER) for _ in range(2)] for _ in range(LAYERS)]


def forward():
    for *attention, up, down in layers:
        for weight in attention:
            linear(x, weight, y, HIDDEN, HIDDEN)
        linear(x, up, y, HIDDEN, INNER)
        linear(x, down, y, INNER, HIDDEN)


forward()
times = []
for _ in range(REPEATS):
    start = time.perf_counter()
    forward()
    times.append(1000 * (time.perf_counter() - start))
print(json.dumps({"median_ms": statistics.median(times), "core": blas.openblas_get_corename().decode()}))
