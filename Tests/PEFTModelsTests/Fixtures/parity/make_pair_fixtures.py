"""Writes what sentence-transformers computes of pairs of texts, on models of other fixtures.

    pip install torch==2.13.0 transformers==5.24.0 sentence-transformers==6.2.0 && python make_pair_fixtures.py

Six texts, three pairs: their embeddings by each pooling of `Pooling`, and the losses `CosineSimilarityLoss` and
`MultipleNegativesRankingLoss`; for `bert` the gradients too.
"""
import pathlib

import torch
import transformers
from safetensors.torch import save_file
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss, MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.modules import Pooling
from sentence_transformers.util import pairwise_cos_sim

HERE = pathlib.Path(__file__).parent
# Adjacent texts are a pair.
TEXTS = [[11, 45, 97, 43, 37], [57, 107, 6], [40, 105, 64, 44, 60, 28, 40, 113], [72, 31], [5, 41, 65], [9, 9, 80, 13]]
SCORES = [1.0, -0.25, 0.5]


def embedded(model, pooling):
    """The embeddings of TEXTS, [6, h]."""
    width = max(map(len, TEXTS))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in TEXTS])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in TEXTS])
    hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
    pool = Pooling(hidden.shape[-1], pooling)
    return pool({"token_embeddings": hidden, "attention_mask": mask})["sentence_embedding"]


def write(name, pooling, prefix, gradients):
    model = transformers.AutoModel.from_pretrained(HERE / name).eval()
    found = {}
    rows = embedded(model, pooling)
    first, second = rows[0::2], rows[1::2]
    found["embeddings"] = rows
    found["cosine.outputs"] = pairwise_cos_sim(first, second).reshape(-1, 1)
    ranking = MultipleNegativesRankingLoss(None)
    for key, loss, labels in (("cosine", CosineSimilarityLoss(None), torch.tensor(SCORES)), ("ranking", ranking, None)):
        model.zero_grad()
        rows = embedded(model, pooling)
        value = loss.compute_loss_from_embeddings([rows[0::2], rows[1::2]], labels)
        value.backward()
        found[key + ".loss"] = value.reshape(1)
        for parameter, tensor in model.named_parameters():
            if gradients and tensor.grad is not None:
                found[f"{key}.gradient.{prefix}{parameter}"] = tensor.grad.clone()
    found = {key: value.detach().clone().contiguous() for key, value in found.items()}
    save_file(found, HERE / "pairs" / f"{name}-{pooling}.safetensors", metadata={"format": "pt"})


(HERE / "pairs").mkdir(exist_ok=True)
write("bert", "mean", "bert.", True)
for name, pooling in (("roberta", "cls"), ("modernbert", "mean"), ("distilbert", "cls"), ("gpt2-classifier", "lasttoken")):
    write(name, pooling, "", False)
