"""Times PyPI tokenizers on a file's lines on one thread and prints one JSON line.

Usage: TOKENIZERS_PARALLELISM=false python tokenize_speed.py TOKENIZER_JSON FILE [PASSES]
"""
import json
import statistics
import sys
import time

from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(sys.argv[1])
tokenizer.no_truncation()
tokenizer.no_padding()
lines = [line for line in open(sys.argv[2], encoding="utf8").read().split("\n") if line]
rates = []
for _ in range(int(sys.argv[3]) if len(sys.argv) > 3 else 5):
    start = time.perf_counter()
    tokens = sum(len(e.ids) for e in tokenizer.encode_batch(lines))
    rates.append(tokens / (time.perf_counter() - start))
print(json.dumps(dict(tokens=tokens, median_tokens_per_second=statistics.median(rates))))
