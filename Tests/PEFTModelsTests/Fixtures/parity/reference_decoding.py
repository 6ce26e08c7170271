"""Greedy and beam decoding as the README describes them, in Float64 and without a cache.

A second implementation, written from the description, to check the description and to measure how
near the decisions are: `gap` is the smallest difference that would have decided something.
"""
import torch


def log_probabilities(model, tokens, ngram):
    with torch.no_grad():
        scores = model(torch.tensor([tokens])).logits[0, -1].log_softmax(-1).tolist()
    if ngram and len(tokens) >= ngram:
        suffix = tokens[len(tokens) + 1 - ngram:]
        for start in range(len(tokens) + 1 - ngram):
            if tokens[start:start + ngram - 1] == suffix:
                scores[tokens[start + ngram - 1]] = -float("inf")
    return scores


def closest(scores):
    """The smallest difference of neighbours in a descending list."""
    return min((a - b for a, b in zip(scores, scores[1:]) if b > -1e8), default=float("inf"))


def greedy(model, prompt, new, eos, ngram=0):
    tokens, gap = list(prompt), float("inf")
    while len(tokens) < len(prompt) + new:
        scores = log_probabilities(model, tokens, ngram)
        gap = min(gap, closest(sorted(scores, reverse=True)[:2]))
        tokens.append(max(range(len(scores)), key=scores.__getitem__))
        if tokens[-1] == eos:
            break
    return tokens[len(prompt):], gap


def beams(model, prompt, new, eos, width, penalty, early, ngram=0):
    """The finished hypotheses [(score, new tokens)], best first, and the gap."""
    running, finished, gap = [(0.0, [])], [], float("inf")
    for length in range(1, new + 1):
        candidates = []
        for total, tokens in running:
            scores = log_probabilities(model, list(prompt) + tokens, ngram)
            candidates += [(total + score, tokens + [token]) for token, score in enumerate(scores)]
        candidates.sort(key=lambda candidate: -candidate[0])
        gap = min(gap, closest([candidate[0] for candidate in candidates[:2 * width + 1]]))
        candidates = candidates[:2 * width]
        ends = [tokens[-1] == eos or length == new for _, tokens in candidates]
        finished += [(total / length ** penalty, tokens)
                     for (total, tokens), end in zip(candidates[:width], ends) if end]
        finished.sort(key=lambda hypothesis: -hypothesis[0])
        gap = min(gap, closest([hypothesis[0] for hypothesis in finished]))
        finished = finished[:width]
        running = [candidate for candidate, end in zip(candidates, ends) if not end][:width]
        if not running:
            break
        if len(finished) == width:
            possible = running[0][0] / length ** penalty
            if not early:
                gap = min(gap, abs(possible - finished[-1][0]))
            if early or possible <= finished[-1][0]:
                break
    return finished, gap
