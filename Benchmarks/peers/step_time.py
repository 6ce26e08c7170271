"""Times training steps of PyTorch, transformers and PEFT as `step-time` times ours.

    python step_time.py --shape base --method lora --workers 2 --dropout --attention sdpa

Prints one JSON line. Same shapes, same numbers of tokens, the fused AdamW; bf16 is autocast. Real
lines are padded to the longest of their batch.
"""
import argparse
import json
import resource
import statistics
import time

import torch
import transformers

parser = argparse.ArgumentParser()
parser.add_argument("--shape", default="base", choices=["base", "minilm", "mpnet", "gpt2", "smollm2"])
parser.add_argument("--method", default="full", choices=["forward", "full", "lora", "bitfit", "norm", "head"])
parser.add_argument("--batch", type=int)
parser.add_argument("--length", type=int)
parser.add_argument("--steps", type=int, default=8)
parser.add_argument("--workers", type=int, default=2)
parser.add_argument("--dropout", action="store_true")
parser.add_argument("--attention", default="sdpa", choices=["sdpa", "eager"])
parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
parser.add_argument("--data")
parser.add_argument("--tokenizer")
options = parser.parse_args()

transformers.logging.set_verbosity_error()
torch.set_num_threads(options.workers)
torch.manual_seed(0)
is_language = options.shape in ("gpt2", "smollm2")
batch_size = options.batch or (4 if is_language else 32)
length = options.length or (256 if is_language else 64)
rate = 0.1 if options.dropout else 0.0


def make_model():
    # transformers has only one implementation of MPNet's attention.
    shared = dict(attn_implementation="eager" if options.shape == "mpnet" else options.attention)
    if options.shape == "smollm2":
        return transformers.LlamaForCausalLM(transformers.LlamaConfig(
            vocab_size=49152, hidden_size=576, num_hidden_layers=30, num_attention_heads=9,
            num_key_value_heads=3, intermediate_size=1536, max_position_embeddings=8192,
            tie_word_embeddings=True, attention_dropout=rate, **shared))
    if is_language:
        config = transformers.GPT2Config(resid_pdrop=rate, embd_pdrop=rate, attn_pdrop=rate, **shared)
        return transformers.GPT2LMHeadModel(config)
    shared.update(hidden_dropout_prob=rate, attention_probs_dropout_prob=rate, num_labels=2)
    if options.shape == "base":
        config = transformers.RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, **shared)
        return transformers.RobertaForSequenceClassification(config)
    if options.shape == "mpnet":
        config = transformers.MPNetConfig(vocab_size=30527, max_position_embeddings=514, **shared)
        return transformers.MPNetForSequenceClassification(config)
    config = transformers.BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12,
                                     intermediate_size=1536, **shared)
    return transformers.BertForSequenceClassification(config)


def adapt(model):
    if options.method in ("forward", "full"):
        return model
    if options.method == "lora":
        from peft import LoraConfig, get_peft_model
        targets = dict(gpt2=["c_attn"], smollm2=["q_proj", "v_proj"], mpnet=["attn.q", "attn.v"])
        return get_peft_model(model, LoraConfig(
            r=8, lora_alpha=16, lora_dropout=0.0, fan_in_fan_out=options.shape == "gpt2",
            target_modules=targets.get(options.shape, ["query", "value"]),
            task_type="CAUSAL_LM" if is_language else "SEQ_CLS"))
    for name, parameter in model.named_parameters():
        trains = {"bitfit": name.endswith("bias"), "norm": "LayerNorm" in name or ".ln_" in name, "head": False}
        parameter.requires_grad = trains[options.method] or name.startswith(("classifier", "score"))
    return model


def batches():
    if not options.data:
        ids = torch.randint(5, 30000, (batch_size, length))
        labels = ids if is_language else torch.arange(batch_size) % 2
        while True:
            yield dict(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels)
    tokenizer = transformers.AutoTokenizer.from_pretrained(options.tokenizer)
    rows = [line.rstrip("\n").split("\t") for line in open(options.data, encoding="utf8")]
    rows = [row for row in rows if len(row) == 2 and row[1] in ("0", "1")]
    for start in range(0, len(rows), batch_size):
        texts, labels = zip(*rows[start:start + batch_size])
        encoded = tokenizer(list(texts), padding=True, truncation=True, max_length=length, return_tensors="pt")
        yield dict(encoded, labels=torch.tensor([int(label) for label in labels]))


def step(model, optimizer, batch):
    begin = time.perf_counter()
    autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.precision == "bf16")
    if options.method == "forward":
        with torch.no_grad(), autocast:
            model(**batch)
    else:
        with autocast:
            loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return time.perf_counter() - begin


def main():
    model = adapt(make_model())
    # Evaluation switches dropout off, and that is all it does here.
    model.train(options.method != "forward")
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=1e-4, fused=True)
    source = batches()
    step(model, optimizer, next(source))
    step(model, optimizer, next(source))
    times, tokens = [], 0
    for _ in range(options.steps):
        batch = next(source)
        tokens += int(batch["attention_mask"].sum())
        times.append(step(model, optimizer, batch))
    print(json.dumps(dict(
        shape=options.shape, method=options.method, workers=options.workers, dropout=options.dropout,
        precision=options.precision, attention=options.attention, median_ms=1e3 * statistics.median(times),
        tokens_per_second=tokens / sum(times),
        trainable=sum(parameter.numel() for parameter in trainable),
        peak_rss_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)))


main()
