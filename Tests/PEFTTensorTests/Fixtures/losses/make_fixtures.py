"""Writes losses.json: losses of logits, their gradients and Hessians, by PyTorch's functions and autograd.

Usage: python make_fixtures.py   (needs torch; writes beside itself)
"""
import json
import pathlib

import torch
from torch.nn import functional

torch.manual_seed(41)
torch.set_default_dtype(torch.float64)
COUNT, CLASSES = 6, 4
LABELS = torch.tensor([0, 3, 1, 1, 2, 0])
WEIGHTS = torch.tensor([0.5, 2.0, 1.0, 3.25])


def rows(logits, smoothing, weights, focusing, labels=LABELS):
    losses = functional.cross_entropy(
        logits, labels, weight=weights, label_smoothing=smoothing, reduction="none")
    if focusing:
        # The weights are in the cross entropy already.
        correct = functional.softmax(logits, -1).gather(-1, labels[:, None])[:, 0]
        losses = (1 - correct) ** focusing * losses
    return losses


def case(name, logits, loss):
    """`loss` gives the losses of rows; the Hessian is that of each row's own loss."""
    logits = logits.clone().requires_grad_()
    losses = loss(logits, slice(None))
    losses.mean().backward()
    hessians = [
        torch.autograd.functional.hessian(lambda z, i=i: loss(z[None], slice(i, i + 1))[0], logits[i].detach())
        for i in range(len(logits))]
    return dict(name=name, logits=logits.tolist(), losses=losses.tolist(), gradient=logits.grad.tolist(),
                hessians=[hessian.tolist() for hessian in hessians])


def shaped(smoothing=0.0, weights=None, focusing=0.0):
    # Of Float32, as the logits that are compared.
    logits = (2 * torch.randn(COUNT, CLASSES)).float().double()
    found = case("classes", logits, lambda z, i: rows(z, smoothing, weights, focusing, LABELS[i]))
    return dict(found, smoothing=smoothing, focusing=focusing, labels=LABELS.tolist(),
                weights=[] if weights is None else weights.tolist())


def sets():
    present = torch.tensor([[0, 0, 0, 0], [1, 0, 0, 1], [0, 1, 0, 0], [1, 1, 1, 1], [0, 0, 1, 1], [0, 1, 0, 1.0]])
    logits = (3 * torch.randn(COUNT, CLASSES)).float().double()
    found = case("sets", logits, lambda z, i: functional.binary_cross_entropy_with_logits(
        z, present[i], reduction="none").mean(-1))
    return dict(found, labels=[[c for c in range(CLASSES) if row[c]] for row in present.tolist()])


cases = [shaped(), shaped(0.1), shaped(weights=WEIGHTS), shaped(0.2, WEIGHTS), shaped(focusing=2.0),
         shaped(focusing=0.5), shaped(focusing=1.0, weights=WEIGHTS), shaped(focusing=3.0, weights=WEIGHTS)]
pathlib.Path(__file__).with_name("losses.json").write_text(json.dumps(dict(classes=cases, sets=sets())) + "\n")
