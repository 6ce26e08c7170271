"""Writes what transformers generates with a small GPT-2, and what its logits warpers compute.

Usage: python make_generation_fixtures.py   (same needs as make_fixtures.py; writes beside itself)

Every case is decoded a second time by reference_decoding.py. A case in which two scores that
decide something are nearer than CLEAR is left out: another order of sums could decide otherwise.
"""
import copy
import itertools
import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import (
    GenerationConfig, GPT2LMHeadModel, LogitsProcessorList, TemperatureLogitsWarper,
    TopKLogitsWarper, TopPLogitsWarper)

import reference_decoding
from make_language_fixtures import gpt2

HERE = pathlib.Path(__file__).parent
EOS = 0
CLEAR = 1e-4


def make_model():
    """Large positions make outputs vary; a long row for the end makes some of them end."""
    model = gpt2(GPT2LMHeadModel, 62, n_positions=64).eval()
    with torch.no_grad():
        model.transformer.wte.weight.mul_(1.5)
        model.transformer.wte.weight[EOS].mul_(1.6)
        model.transformer.wpe.weight.mul_(3)
    return model


def generate(model, prompt, **settings):
    """Every hypothesis as {score, output}, best first; the output ends with its end token."""
    width = settings.get("num_beams", 1)
    ids = torch.tensor([prompt])
    result = model.generate(
        ids, attention_mask=torch.ones_like(ids), return_dict_in_generate=True,
        output_scores=True, generation_config=GenerationConfig(
            do_sample=False, eos_token_id=EOS, pad_token_id=EOS, num_return_sequences=width,
            **settings))
    outputs = []
    for row in result.sequences[:, len(prompt):].tolist():
        outputs.append(row[:row.index(EOS) + 1] if EOS in row else row)
    if width == 1:
        return [dict(output=outputs[0])]
    return [dict(score=score, output=output)
            for score, output in zip(result.sequences_scores.tolist(), outputs)]


def check(settings, found, exact, prompt):
    """Compares with the reference; gives its gap."""
    new, ngram = settings["max_new_tokens"], settings.get("no_repeat_ngram_size", 0)
    if "num_beams" not in settings:
        output, gap = reference_decoding.greedy(exact, prompt, new, EOS, ngram)
        agrees = [output] == [f["output"] for f in found]
    else:
        finished, gap = reference_decoding.beams(
            exact, prompt, new, EOS, settings["num_beams"], settings["length_penalty"],
            settings["early_stopping"], ngram)
        agrees = [tokens for _, tokens in finished] == [f["output"] for f in found] and all(
            abs(score - f["score"]) < 1e-4 for (score, _), f in zip(finished, found))
    assert agrees or gap < CLEAR, (settings, found)
    return gap


def plans(count, all_prompts):
    """(prompt index, settings), the beam settings for the first `count` prompts in turn."""
    for prompt, ngram in itertools.product(range(all_prompts), (0, 2, 3)):
        yield prompt, dict(max_new_tokens=20, **({"no_repeat_ngram_size": ngram} if ngram else {}))
    groups = itertools.product((3, 4), (0, 2, 3))
    for turn, (width, ngram) in enumerate(groups):
        for shift, penalty, early in itertools.product((0, 2), (0.0, 0.8, 1.0, 2.0), (False, True)):
            yield (turn + shift) % count, dict(
                max_new_tokens=20, num_beams=width, length_penalty=penalty, early_stopping=early,
                **({"no_repeat_ngram_size": ngram} if ngram else {}))
    for prompt, new in itertools.product(range(0, count, 2), (1, 5)):
        yield prompt, dict(
            max_new_tokens=new, num_beams=3, length_penalty=1.0, early_stopping=False)
    for prompt, width, ngram in itertools.product(range(count, all_prompts), (3, 4), (2, 3)):
        yield prompt, dict(
            max_new_tokens=20, num_beams=width, length_penalty=1.0, early_stopping=False,
            no_repeat_ngram_size=ngram)


def name_of(prompt, settings):
    parts = [f"prompt{prompt}", f"new{settings['max_new_tokens']}"]
    if "num_beams" in settings:
        parts += [f"beams{settings['num_beams']}", f"penalty{settings['length_penalty']}",
                  "early" if settings["early_stopping"] else "patient"]
    if "no_repeat_ngram_size" in settings:
        parts.append(f"ngram{settings['no_repeat_ngram_size']}")
    return "-".join(parts)


def generation():
    folder = HERE / "gpt2-generation"
    model = make_model()
    model.save_pretrained(folder)
    exact = copy.deepcopy(model).double()
    torch.manual_seed(51)
    prompts = [torch.randint(5, 120, (n,)).tolist() for n in (5, 1, 9, 3, 12, 7)]
    # These hold what the model likes to repeat, so that blocking must look into the prompt.
    prompts += [[82, 82, 101, 101, 85, 85, 82], [101, 82, 101, 79, 85, 85, 82, 101]]
    cases, gaps, left_out = [], [], 0
    for prompt, settings in plans(6, len(prompts)):
        found = generate(model, prompts[prompt], **settings)
        gap = check(settings, found, exact, prompts[prompt])
        if gap < CLEAR:
            left_out += 1
            continue
        gaps.append(gap)
        case = dict(name=name_of(prompt, settings), prompt=prompts[prompt], settings=settings,
                    output=found[0]["output"])
        if "num_beams" in settings:
            case["hypotheses"] = found
        cases.append(case)
    lines = ",\n".join(json.dumps(case) for case in cases)
    (folder / "generation.json").write_text(f"[\n{lines}\n]\n")
    print(len(cases), "cases,", left_out, "left out, smallest gap", min(gaps))
    return folder


def warpers(folder):
    """Probabilities of two rows of logits, one flat and one steep; and one row with a tie."""
    torch.manual_seed(52)
    logits = torch.randn(2, 120) * torch.tensor([[1.0], [4.0]])
    tied = logits[:1].clone()
    order = tied[0].argsort(descending=True)
    tied[0, order[10]] = tied[0, order[9]]  # the tenth and the eleventh are equal

    def probabilities(rows, *processors):
        return LogitsProcessorList(processors)(None, rows.clone()).softmax(-1)

    save_file(dict(
        logits=logits,
        temperature=probabilities(logits, TemperatureLogitsWarper(0.7)),
        topK=probabilities(logits, TopKLogitsWarper(10)),
        topP=probabilities(logits, TopPLogitsWarper(0.8)),
        combined=probabilities(logits, TemperatureLogitsWarper(0.7), TopKLogitsWarper(10),
                               TopPLogitsWarper(0.8)),
        tiedLogits=tied, tiedTopK=probabilities(tied, TopKLogitsWarper(10))),
        folder / "warpers.safetensors")


if __name__ == "__main__":
    warpers(generation())
