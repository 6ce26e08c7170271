"""Writes what PEFT's AdaLoRA computes on the model of another fixture, with its budget in ten steps.

Usage: python make_adalora_fixture.py   (same needs as make_method_fixtures.py; writes into methods/adalora)
"""
import shutil

import torch
from peft import AdaLoraConfig, PeftModel
from safetensors.torch import save_file

from common import adapt, clean, gradients, merged
from make_method_fixtures import BERT, HERE

FOLDER = HERE / "methods" / "adalora"
STEPS, RATE = 10, 2e-2


def penalty(model):
    """What AdaLoraModel adds to the loss."""
    terms = [torch.norm(covariance - torch.eye(len(covariance)))
             for name, p in model.named_parameters() if "lora_A" in name or "lora_B" in name
             for covariance in [p @ p.T if "lora_A" in name else p.T @ p]]
    return 0.5 * sum(terms) / len(terms)


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    # Layers of two shapes. The ranks fall after steps 4 to 7.
    config = AdaLoraConfig(
        init_r=4, target_r=2, lora_alpha=8, tinit=3, tfinal=3, deltaT=1, total_step=STEPS, lora_dropout=0.0,
        target_modules=["query", "value", "intermediate.dense"], task_type="SEQ_CLS")
    model = adapt(BERT.model(), config, 301, FOLDER / "adapter")
    expected = dict(mergedLogits=BERT.logits(merged(model)))
    result = model(**BERT.batch)
    result.loss.backward()
    expected["logits"] = result.logits.detach().clone().contiguous()
    expected["loss"] = result.loss.detach().reshape(1).clone()
    expected["penalty"] = penalty(model).detach().reshape(1).clone()
    expected.update(gradients(model))
    trained = [q for q in model.parameters() if q.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.01)
    losses, counts = [], []
    for step in range(1, STEPS + 1):
        optimizer.zero_grad()
        loss = model(**BERT.batch).loss
        loss.backward()
        optimizer.step()
        model.base_model.update_and_allocate(step)
        losses.append(loss.item())
        values = {clean(n): q for n, q in model.named_parameters() if "lora_E" in n}
        counts.append(sum(int((q != 0).sum()) for q in values.values()))
    print("triplets after each step:", counts, {n: (q != 0).int().flatten().tolist() for n, q in values.items()})
    expected["losses"] = torch.tensor(losses, dtype=torch.float64)
    expected["counts"] = torch.tensor(counts, dtype=torch.float64)
    expected.update({"trained." + name: value.detach().clone() for name, value in values.items()})
    expected["trainedLogits"] = BERT.logits(model)
    save_file(expected, FOLDER / "expected.safetensors")
    # What PEFT saves then has the triplets that are left, and their pattern.
    model.save_pretrained(FOLDER / "trained")
    (FOLDER / "trained" / "README.md").unlink(missing_ok=True)
    read = PeftModel.from_pretrained(BERT.model(), FOLDER / "trained")
    # Without labels, because a model that is only read has no penalty.
    with torch.no_grad():
        logits = read.eval()(**{k: v for k, v in BERT.batch.items() if k != "labels"}).logits
    torch.testing.assert_close(logits, expected["trainedLogits"], rtol=1e-5, atol=1e-5)
