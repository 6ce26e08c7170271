"""Writes small random encoders of further families and what PyTorch, transformers and peft compute.

Usage: python make_encoder_fixtures.py [FAMILY ...]   (same needs as make_fixtures.py; writes beside itself)
"""
import json
import sys

import torch
import transformers
from peft import LoraConfig

from common import SIZES, adapt, gradients, merged, padded, perturb, train
from make_language_fixtures import HERE, folder_of, masked, save
from make_token_fixtures import CLASSES, record

LENGTHS = [9, 2, 17, 1, 6]
LABELS = [0, 2, 1, 1, 0]
# No size is a multiple of another or of a vector register.
ODD = dict(hidden_size=35, num_attention_heads=5, intermediate_size=51, num_hidden_layers=3)
ROBERTA = dict(max_position_embeddings=42, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5)


def model(name, kind, seed, sizes=None, **overrides):
    """A perturbed model of the family whose classes begin with `name`; the same seed, the same weights."""
    torch.manual_seed(seed)
    config = getattr(transformers, name + "Config")(**{**SIZES, **(sizes or {}), **overrides})
    return perturb(getattr(transformers, name + kind)(config), seed)


def make_sequences(seed):
    torch.manual_seed(seed)
    return [torch.randint(5, 120, (n,)).tolist() for n in LENGTHS]


def make_batch(sequences, pad, types=None):
    batch = dict(input_ids=padded(sequences, pad),
                 attention_mask=padded([[1] * len(row) for row in sequences], 0))
    return batch if types is None else dict(batch, token_type_ids=padded(types, 0))


def classified(folder_name, model, pad, pairs=False, **extra):
    """Logits, loss, gradients and losses of a classifier that is saved already."""
    sequences = make_sequences(91)
    types = [[0] * (n - n // 2) + [1] * (n // 2) for n in LENGTHS] if pairs else None
    inputs = dict(sequences=sequences, labels=LABELS)
    folder = folder_of(folder_name, **(dict(inputs, typeIDs=types) if pairs else inputs))
    batch = dict(make_batch(sequences, pad, types), labels=torch.tensor(LABELS))
    result = model.train()(**batch)
    result.loss.backward()
    expected = dict(logits=result.logits, loss=result.loss.reshape(1), **extra, **gradients(model))
    expected["losses"] = train(model, lambda model: model(**batch).loss)
    save(folder, expected)


def classifier(folder_name, model, pad, pairs=False, version4=None):
    folder = folder_of(folder_name)
    model.save_pretrained(folder)
    if version4 is not None:
        as_version_4(folder, version4)
    classified(folder_name, model, pad, pairs)


def as_version_4(folder, more):
    """Rewrites config.json as transformers 4 wrote it, with `more` keys of that time."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.30.0"
    for key in ("is_decoder", "add_cross_attention", "tie_word_embeddings", "layer_types", "rope_parameters"):
        config.pop(key, None)
    path.write_text(json.dumps(dict(config, **more), indent=2, sort_keys=True) + "\n")


def padding(folder_name, model, pad):
    """Logits of texts that contain the padding token, by the model of another fixture."""
    sequences = make_sequences(92)
    for text, place in [(0, 3), (0, 4), (2, 0), (2, 9), (3, 0), (4, 5)]:
        sequences[text][place] = pad
    with torch.no_grad():
        logits = model.eval()(**make_batch(sequences, pad)).logits
    save(folder_of(folder_name, sequences=sequences), dict(logits=logits))


def low_rank(folder_name, model, seed, targets, pad):
    folder = folder_of(folder_name)
    model.save_pretrained(folder)
    adapted = adapt(model, LoraConfig(
        r=4, lora_alpha=8, lora_dropout=0.0, target_modules=targets, task_type="SEQ_CLS"),
        seed, folder / "adapter")
    with torch.no_grad():
        logits = merged(adapted)(**make_batch(make_sequences(91), pad)).logits
    classified(folder_name, adapted, pad, mergedLogits=logits)


def xlm_roberta():
    def make(kind, seed, **overrides):
        return model("XLMRoberta", kind, seed, ROBERTA, **overrides)
    classifier("xlm-roberta", make("ForSequenceClassification", 93, num_labels=3), 1)
    padding("xlm-roberta-padding", make("ForSequenceClassification", 93, num_labels=3), 1)
    masked("xlm-roberta-mlm", make("ForMaskedLM", 94), pad=1)
    record("xlm-roberta-tags", make(
        "ForTokenClassification", 95, num_hidden_layers=1, num_labels=CLASSES))


def camembert():
    def make(kind, seed, **overrides):
        return model("Camembert", kind, seed, dict(ROBERTA, **ODD), **overrides)
    # The ids of the published model: it leaves those of RoBERTa unused.
    classifier("camembert", make(
        "ForSequenceClassification", 96, num_labels=3, bos_token_id=5, eos_token_id=6), 1,
        version4=dict(position_embedding_type="absolute", output_past=True))
    masked("camembert-mlm", make("ForMaskedLM", 97, num_hidden_layers=1), pad=1)


def distilbert():
    sizes = dict(
        vocab_size=120, dim=24, n_layers=2, n_heads=3, hidden_dim=40, max_position_embeddings=40,
        dropout=0.0, attention_dropout=0.0, seq_classif_dropout=0.0, initializer_range=0.25)
    odd = dict(dim=35, n_layers=1, n_heads=5, hidden_dim=51)

    def make(kind, seed, **overrides):
        torch.manual_seed(seed)
        config = transformers.DistilBertConfig(**{**sizes, **overrides})
        return perturb(getattr(transformers, "DistilBert" + kind)(config), seed)
    version4 = dict(tie_weights_=True, sinusoidal_pos_embds=False)
    classifier("distilbert", make("ForSequenceClassification", 101, num_labels=3), 0)
    classifier("distilbert-odd", make(
        "ForSequenceClassification", 102, num_labels=3, activation="gelu_new", **odd), 0, version4=version4)
    low_rank("distilbert-lora", make("ForSequenceClassification", 103, num_labels=3, n_layers=1), 104,
             ["q_lin", "v_lin"], 0)
    masked("distilbert-mlm", make("ForMaskedLM", 105), pad=0)
    record("distilbert-tags", make("ForTokenClassification", 106, n_layers=1, num_labels=CLASSES))


def electra():
    def make(kind, seed, **overrides):
        return model("Electra", kind, seed, dict(
            max_position_embeddings=40, embedding_size=16), **overrides)
    classifier("electra", make("ForSequenceClassification", 107, num_labels=3), 0, pairs=True)
    # Tables as wide as the layers, and no map after them.
    classifier("electra-wide", make(
        "ForSequenceClassification", 108, num_labels=3, **{**ODD, "num_hidden_layers": 1},
        embedding_size=35, hidden_act="gelu_new"), 0, pairs=True,
        version4=dict(position_embedding_type="absolute"))
    discriminator = make("ForPreTraining", 109, num_hidden_layers=1)
    folder = folder_of("electra-discriminator")
    discriminator.save_pretrained(folder)
    masked("electra-mlm", make("ForMaskedLM", 110), pad=0)
    record("electra-tags", make("ForTokenClassification", 111, num_hidden_layers=1, num_labels=CLASSES))


def modernbert():
    """A global layer, two local ones, and a global one; sequences are longer than the windows."""
    sizes = dict(
        vocab_size=120, hidden_size=24, num_hidden_layers=4, num_attention_heads=3, intermediate_size=20,
        max_position_embeddings=200, local_attention=6, initializer_range=0.25, classifier_pooling="mean",
        pad_token_id=0, bos_token_id=1, cls_token_id=1, eos_token_id=2, sep_token_id=2)

    def make(kind, seed, **overrides):
        torch.manual_seed(seed)
        config = transformers.ModernBertConfig(**{**sizes, **overrides})
        return perturb(getattr(transformers, "ModernBert" + kind)(config), seed)
    classifier("modernbert", make("ForSequenceClassification", 121, num_labels=3), 0)
    # All that a configuration may add, and another order of layers.
    odd = dict(
        hidden_size=30, num_hidden_layers=2, num_attention_heads=5, intermediate_size=17, local_attention=2,
        layer_types=["sliding_attention", "full_attention"], norm_bias=True, attention_bias=True, mlp_bias=True,
        classifier_bias=True, classifier_activation="tanh", hidden_activation="gelu_new", norm_eps=1e-4,
        rope_parameters=dict(full_attention=dict(rope_type="default", rope_theta=500.0),
                             sliding_attention=dict(rope_type="default", rope_theta=20.0)))
    classifier("modernbert-odd", make(
        "ForSequenceClassification", 122, num_labels=3, classifier_pooling="cls", **odd), 0)
    low_rank("modernbert-lora", make("ForSequenceClassification", 123, num_labels=3, num_hidden_layers=2), 124,
             ["Wqkv"], 0)
    masked("modernbert-mlm", make("ForMaskedLM", 125, num_hidden_layers=2), pad=0)
    version4 = dict(
        global_attn_every_n_layers=2, global_rope_theta=160000.0, local_rope_theta=10000.0, layer_norm_eps=1e-5,
        position_embedding_type="absolute", reference_compile=None, deterministic_flash_attn=False)
    short = make("ForTokenClassification", 126, num_labels=CLASSES, num_hidden_layers=3,
                 layer_types=["full_attention", "sliding_attention", "full_attention"])
    record("modernbert-tags", short)
    as_version_4(HERE / "modernbert-tags", version4)


def albert():
    def make(kind, seed, **overrides):
        return model("Albert", kind, seed, dict(
            max_position_embeddings=40, embedding_size=16, num_hidden_layers=3, classifier_dropout_prob=0.0),
            **overrides)
    classifier("albert", make("ForSequenceClassification", 131, num_labels=3), 0, pairs=True)
    # Two groups of layers, and tables as wide as the layers; the map after them is there nevertheless.
    classifier("albert-groups", make(
        "ForSequenceClassification", 132, num_labels=3, **{**ODD, "num_hidden_layers": 5}, num_hidden_groups=2,
        embedding_size=35, hidden_act="gelu"), 0, pairs=True,
        version4=dict(position_embedding_type="absolute", down_scale_factor=1, gap_size=0, net_structure_type=0,
                      num_memory_blocks=0))
    low_rank("albert-lora", make("ForSequenceClassification", 133, num_labels=3), 134, ["query", "value"], 0)
    masked("albert-mlm", make("ForMaskedLM", 135), pad=0)
    record("albert-tags", make("ForTokenClassification", 136, num_labels=CLASSES))


if __name__ == "__main__":
    families = {
        "albert": albert,
        "modernbert": modernbert,
        "xlm-roberta": xlm_roberta, "camembert": camembert, "distilbert": distilbert, "electra": electra}
    for family in sys.argv[1:] or families:
        families[family]()
