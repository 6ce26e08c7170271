"""Times greedy generation by transformers, GPT-2 small with random weights, one sequence.

Usage: python generate_time.py [new tokens] [prompt tokens] [threads]
"""
import statistics
import sys
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel

new_tokens, prompt_tokens, threads = (int(a) for a in (sys.argv[1:] + ["64", "32", "2"][len(sys.argv) - 1:]))
torch.set_num_threads(threads)
torch.manual_seed(0)
model = GPT2LMHeadModel(GPT2Config()).eval()
prompt = torch.randint(0, 50000, (1, prompt_tokens))
rates = []
with torch.no_grad():
    for _ in range(6):
        start = time.perf_counter()
        output = model.generate(
            prompt, max_new_tokens=new_tokens, do_sample=False, pad_token_id=50256, eos_token_id=None)
        rates.append((output.shape[1] - prompt_tokens) / (time.perf_counter() - start))
print(f"{statistics.median(rates[1:]):.1f} tokens/s")
