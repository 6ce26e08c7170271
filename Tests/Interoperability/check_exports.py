"""Loads what `peft export` and TensorBoard files hold by the tools they are for, and compares.

    python3 Tests/Interoperability/check_exports.py [--peft .build/release/peft] [--venv DIR]
        [--only encoders]

Trains small runs on the bundled models and on random models of all other families, exports each in
every form, loads the merged models with transformers and the adapters with PEFT, and compares
logits with those of `peft predict`, or of a language model the loss. Runs the graphs of encoders
by ONNX Runtime, and loads models trained on pairs with sentence-transformers. Makes its own
environment of Python packages. Ends with 1 where anything differs by more than 1e-5.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
import warnings

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PACKAGES = ["torch", "transformers", "peft", "tensorboard", "onnxruntime", "sentence_transformers"]
LIMIT = 1e-5

parser = argparse.ArgumentParser()
parser.add_argument("--peft", default=os.path.join(ROOT, ".build", "release", "peft"))
parser.add_argument("--venv", default=os.path.join(ROOT, ".build", "interoperability"))
parser.add_argument("--only", choices=["encoders"], help="leave out decoders and the bundled models")
parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
options = parser.parse_args()

if not options.inside:
    python = os.path.join(options.venv, "bin", "python")
    if not os.path.exists(python):
        venv.create(options.venv, with_pip=True)
    if subprocess.run([python, "-c", "import " + ", ".join(PACKAGES)], capture_output=True).returncode:
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--extra-index-url",
                        "https://download.pytorch.org/whl/cpu", *PACKAGES], check=True)
    sys.exit(subprocess.run([python, __file__, "--inside", "--peft", options.peft,
                             *(["--only", options.only] if options.only else [])]).returncode)

import numpy
import onnxruntime
import torch
import transformers
from peft import PeftModel
from sentence_transformers import SentenceTransformer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
warnings.filterwarnings("ignore")
PEFT = os.path.abspath(options.peft)
MODELS = os.path.join(ROOT, "Sources", "peft-cli", "Models")
WORDS = ["red", "green", "blue", "one", "two", "three", "four", "five"]
failures = []


def run(*arguments):
    done = subprocess.run([PEFT, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(" ".join(arguments) + "\n" + done.stderr)
    return done.stdout


def report(name, difference):
    print(f"{name:44} {difference:.1e}", flush=True)
    if not difference <= LIMIT:
        failures.append(name)


def write(path, lines):
    with open(path, "w") as file:
        file.writelines(lines)


def logits(model, tokenizer, texts):
    model.eval()
    with torch.no_grad():
        return [model(**tokenizer(text, return_tensors="pt")).logits[0] for text in texts]


def largest(ours, theirs):
    return max((torch.tensor(a) - b).abs().max().item() for a, b in zip(ours, theirs))


def load_tokenizer(base):
    return transformers.AutoTokenizer.from_pretrained(base)


def check_classifier(place, name, base, method):
    texts = [f"{WORDS[i % 8]} {'good' if i % 3 else 'bad'} {WORDS[(5 * i) % 8]}" for i in range(12)]
    plain = load_tokenizer(base)
    # As they may occur in a text, and end it. RoBERTa in transformers counts no position for a
    # padding token.
    for token in sorted(set(plain.all_special_tokens) - {plain.pad_token}):
        texts += [f"good red{token}", f"{token}red {token} bad", f"{token}{token}"]
    write(os.path.join(place, "data.tsv"), [f"{t}\t{'yes' if 'good' in t else 'no'}\n" for t in texts])
    data = os.path.join(place, "data.tsv")
    directory = os.path.join(place, name)
    run("train", "--model", base, "--train", data, "--dev", data, "--steps", "8", "--batch-size", "4",
        "--learning-rate", "5e-3", "--output", directory, "--quiet", *method)
    ours = [json.loads(line)["logits"] for line in run("predict", directory, "--data", data).splitlines()]
    for form in ("merged", "peft"):
        run("export", directory, "--format", form, "--output", f"{directory}-{form}")
    tokenizer = load_tokenizer(base)
    merged = transformers.AutoModelForSequenceClassification.from_pretrained(f"{directory}-merged")
    exported = load_tokenizer(f"{directory}-merged")
    report(f"{name} merged", largest(ours, logits(merged, exported, texts)))
    with torch.no_grad():
        report(f"{name} merged, padded", largest(ours, merged(**exported(texts, padding=True, return_tensors="pt")).logits))
    classify = transformers.pipeline("text-classification", model=f"{directory}-merged", batch_size=5, top_k=None,
                                     function_to_apply="none")
    scores = [{score["label"]: score["score"] for score in row} for row in classify(texts)]
    report(f"{name} merged, by pipeline", largest(ours, [torch.tensor([row["no"], row["yes"]]) for row in scores]))
    assert sorted(merged.config.label2id) == ["no", "yes"]
    plain = transformers.AutoModelForSequenceClassification.from_pretrained(base, num_labels=2, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(plain, f"{directory}-peft")
    report(f"{name} peft", largest(ours, logits(adapted, tokenizer, texts)))
    if merges(adapted):
        report(f"{name} peft, merged by it", largest(ours, logits(adapted.merge_and_unload(), tokenizer, texts)))
    check_import(place, name, base, directory, data, ours)
    check_events(name, directory)
    if transformers.AutoConfig.from_pretrained(base).model_type in GRAPHS:
        run("export", directory, "--format", "onnx", "--output", f"{directory}-onnx")
        batch = load_tokenizer(f"{directory}-onnx")(texts, padding=True, return_tensors="np")
        report(f"{name} onnx, padded", numpy.abs(graph(f"{directory}-onnx", batch) - numpy.array(ours)).max())
        report(f"{name} onnx, one text", max(
            numpy.abs(graph(f"{directory}-onnx", tokenizer([text], return_tensors="np"))[0] - row).max()
            for text, row in zip(texts[:3], ours)))


GRAPHS = {"bert", "roberta", "mpnet", "distilbert", "electra", "albert", "xlm-roberta", "camembert"}


def graph(directory, batch):
    """The first output of ONNX Runtime."""
    session = onnxruntime.InferenceSession(os.path.join(directory, "model.onnx"), providers=["CPUExecutionProvider"])
    return session.run(None, {item.name: batch[item.name] for item in session.get_inputs()})[0]


def check_pairs(place, name, base):
    """Embeddings of a model trained on pairs of texts."""
    texts = [f"{WORDS[i % 8]} {'good' if i % 3 else 'bad'} {WORDS[(5 * i) % 8]}" for i in range(12)]
    data = os.path.join(place, "pairs.jsonl")
    write(data, [json.dumps(dict(anchor=t, positive=texts[(i + 5) % 12])) + "\n" for i, t in enumerate(texts)])
    directory = os.path.join(place, name)
    run("train", "--model", base, "--train", data, "--task", "retrieval", "--steps", "8", "--batch-size", "4",
        "--method", "lora", "--learning-rate", "5e-3", "--output", directory, "--quiet")
    texts_file = os.path.join(place, "texts.jsonl")
    write(texts_file, [json.dumps(dict(text=text)) + "\n" for text in texts])
    ours = [json.loads(line)["embedding"] for line in run("embed", directory, "--data", texts_file).splitlines()]
    for form in ("merged", "peft", "onnx"):
        if form != "onnx" or transformers.AutoConfig.from_pretrained(base).model_type in GRAPHS:
            run("export", directory, "--format", form, "--output", f"{directory}-{form}")
    model = SentenceTransformer(f"{directory}-merged", device="cpu")
    report(f"{name} sentence-transformers", numpy.abs(model.encode(texts) - numpy.array(ours)).max())
    tokenizer = load_tokenizer(base)
    adapted = PeftModel.from_pretrained(
        transformers.AutoModel.from_pretrained(base, dtype=torch.float32), f"{directory}-peft").eval()
    with torch.no_grad():
        rows = [adapted(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0) for text in texts]
    report(f"{name} peft", largest(ours, [row / row.norm() for row in rows]))
    if os.path.exists(f"{directory}-onnx"):
        batch = tokenizer(texts, padding=True, return_tensors="np")
        report(f"{name} onnx", numpy.abs(graph(f"{directory}-onnx", batch) - numpy.array(ours)).max())


def check_labels(place, name, base, method):
    """Several labels for a text."""
    texts = [f"{WORDS[i % 8]} {'good' if i % 3 else 'bad'} {WORDS[(5 * i) % 8]}" for i in range(12)]
    data = os.path.join(place, "labels.jsonl")
    write(data, [json.dumps(dict(text=t, labels=[w for w in ("good", "red", "two") if w in t])) + "\n" for t in texts])
    directory = os.path.join(place, name)
    run("train", "--model", base, "--train", data, "--dev", data, "--steps", "8", "--batch-size", "4",
        "--learning-rate", "5e-3", "--output", directory, "--quiet", *method)
    rows = [json.loads(line) for line in run("predict", directory, "--data", data).splitlines()]
    ours = [row["logits"] for row in rows]
    for form in ("merged", "peft"):
        run("export", directory, "--format", form, "--output", f"{directory}-{form}")
    merged = transformers.AutoModelForSequenceClassification.from_pretrained(f"{directory}-merged")
    tokenizer = load_tokenizer(f"{directory}-merged")
    report(f"{name} merged", largest(ours, logits(merged, tokenizer, texts)))
    classify = transformers.pipeline("text-classification", model=f"{directory}-merged", top_k=None)
    scores = [{score["label"]: score["score"] for score in row} for row in classify(texts)]
    report(f"{name} merged, by pipeline", max(
        abs(row["probabilities"][label] - score[label]) for row, score in zip(rows, scores) for label in score))
    assert merged.config.problem_type == "multi_label_classification"
    plain = transformers.AutoModelForSequenceClassification.from_pretrained(base, num_labels=3, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(plain, f"{directory}-peft")
    report(f"{name} peft", largest(ours, logits(adapted, load_tokenizer(base), texts)))


def merges(adapted):
    """PEFT 0.21.2 merges LoRA alone beside a head of several linear maps, such as RoBERTa's."""
    config = adapted.peft_config["default"]
    return config.peft_type == "LORA" or not any(
        hasattr(adapted.base_model.model, name) for name in ("roberta", "mpnet", "electra"))


def check_import(place, name, base, directory, data, ours):
    """What PEFT saves again, read by us."""
    plain = transformers.AutoModelForSequenceClassification.from_pretrained(base, num_labels=2, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(plain, f"{directory}-peft")
    adapted.save_pretrained(f"{directory}-saved")
    lines = run("predict", base, "--adapter", f"{directory}-saved", "--data", data).splitlines()
    report(f"{name} saved by peft, read again",
           largest(ours, [torch.tensor(json.loads(line)["logits"]) for line in lines]))


def check_events(name, directory):
    accumulator = EventAccumulator(directory)
    accumulator.Reload()
    rows = [line.split(",") for line in open(os.path.join(directory, "steps.csv")).read().splitlines()[1:]]
    events = accumulator.Scalars("train/loss")
    assert [event.step for event in events] == [int(row[0]) for row in rows], name
    report(f"{name} TensorBoard", max(abs(e.value - float(r[1])) / max(1, float(r[1])) * 1e-1
                                      for e, r in zip(events, rows)))
    assert accumulator.Scalars("dev/accuracy"), name


def check_language(place, name, base, method):
    text = " ".join(WORDS * 3)
    path = os.path.join(place, "text.txt")
    write(path, [text])
    directory = os.path.join(place, name)
    run("train", "--model", base, "--train", path, "--steps", "6", "--task", "language", "--max-length", "64",
        "--learning-rate", "1e-2", "--output", directory, "--quiet", *method)
    ours = json.loads(run("evaluate", directory, "--data", path, "--json"))["metrics"]["loss"]
    for form in ("merged", "peft"):
        run("export", directory, "--format", form, "--output", f"{directory}-{form}")
    tokenizer = load_tokenizer(base)
    ids = tokenizer(text, return_tensors="pt")["input_ids"]

    def loss(model):
        model.eval()
        with torch.no_grad():
            return model(input_ids=ids, labels=ids).loss.item()

    merged = transformers.AutoModelForCausalLM.from_pretrained(f"{directory}-merged")
    report(f"{name} merged", abs(loss(merged) - ours))
    plain = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    before = loss(plain)
    adapted = PeftModel.from_pretrained(plain, f"{directory}-peft")
    report(f"{name} peft", abs(loss(adapted) - ours))
    with adapted.disable_adapter():
        report(f"{name} peft, switched off", abs(loss(adapted) - before))


def plan(place, base, name, members, task):
    """A plan of the named groups, by way of `select` and a file of groups."""
    data = os.path.join(place, "plan-data.tsv")
    write(data, [f"{WORDS[i % 8]} {'good' if i % 2 else 'bad'}\t{'yes' if i % 2 else 'no'}\n"
                 for i in range(64)])
    text = os.path.join(place, "plan-text.txt")
    write(text, [" ".join(WORDS[(i * i) % 8] for i in range(900))])
    directory = os.path.join(place, name + "-probe")
    run("probe", "--model", base, "--train", text if task else data, "--head-steps", "2", "--batch-size", "4",
        "--direction-batches", "2", "--probe-batches", "2", "--output", directory, "--quiet",
        *(["--task", "language"] if task else []), *members)
    run("select", directory, "--budget", "20%", "--quiet")
    return ["--plan", os.path.join(directory, "plan.json")]


def make_llama(place, name, family="Llama", **more):
    """A random model of Llama's kind with the tokenizer of the bundled GPT-2."""
    directory = os.path.join(place, name)
    gpt2 = os.path.join(MODELS, "gpt2-small")
    with open(os.path.join(gpt2, "config.json")) as file:
        size = json.load(file)["vocab_size"]
    torch.manual_seed(1)
    configuration = getattr(transformers, family + "Config")
    getattr(transformers, family + "ForCausalLM")(configuration(
        vocab_size=size, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, initializer_range=0.1, bos_token_id=0, eos_token_id=0,
        **more)).save_pretrained(directory)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"):
        if os.path.exists(os.path.join(gpt2, name)):
            shutil.copy(os.path.join(gpt2, name), directory)
    return directory


def make_mpnet(place):
    """A random MPNet whose vocabulary has the words of the texts, and letters."""
    directory = os.path.join(place, "mpnet")
    letters = [chr(c) for c in range(33, 127)]
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>", *letters, *("##" + c for c in letters),
                  *WORDS, "good", "bad"]
    torch.manual_seed(2)
    transformers.MPNetForMaskedLM(transformers.MPNetConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=130, initializer_range=0.1)).save_pretrained(directory)
    write(os.path.join(directory, "vocab.txt"), [word + "\n" for word in vocabulary])
    write(os.path.join(directory, "tokenizer_config.json"), ['{"tokenizer_class": "MPNetTokenizer"}'])
    return directory


LETTERS = [chr(c) for c in range(33, 127)]
SMALL = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, max_position_embeddings=130,
             initializer_range=0.1)


def word_pieces(tokenizer):
    """A WordPiece tokenizer whose vocabulary has the words of the texts, and letters."""
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *("##" + c for c in LETTERS), *WORDS, "good", "bad"]
    return tokenizer(vocab={name: index for index, name in enumerate(names)})


def pieces(tokenizer, first, last=("<mask>",)):
    """A Unigram tokenizer of the same words and letters; `first` and `last` are special tokens."""
    words = [("\u2581" + word, -2.0) for word in [*WORDS, "good", "bad"]]
    letters = [(c, -6.0) for c in ["\u2581", *LETTERS]]
    return tokenizer(vocab=[(name, 0.0) for name in first] + words + letters + [(name, 0.0) for name in last])


FAIRSEQ = ["<s>", "<pad>", "</s>", "<unk>"]
ENCODERS = {
    "xlm-roberta": ("XLMRoberta", lambda: pieces(transformers.XLMRobertaTokenizer, FAIRSEQ), dict(SMALL, type_vocab_size=1)),
    "camembert": ("Camembert", lambda: pieces(transformers.CamembertTokenizer, [
        "<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>"]), dict(SMALL, type_vocab_size=1)),
    "distilbert": ("DistilBert", lambda: word_pieces(transformers.DistilBertTokenizer), dict(
        dim=32, n_layers=2, n_heads=4, hidden_dim=48, max_position_embeddings=130, initializer_range=0.1)),
    "electra": ("Electra", lambda: word_pieces(transformers.ElectraTokenizer), dict(SMALL, embedding_size=16)),
    "albert": ("Albert", lambda: pieces(transformers.AlbertTokenizer, [
        "<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"], ()), dict(SMALL, embedding_size=16)),
    "modernbert": ("ModernBert", lambda: word_pieces(transformers.BertTokenizer), dict(
        SMALL, local_attention=4, classifier_pooling="mean")),
}


def make_encoder(place, name):
    """A random model of the family and its tokenizer, as transformers saves them."""
    family, make_tokenizer, sizes = ENCODERS[name]
    directory = os.path.join(place, name)
    tokenizer = make_tokenizer()
    ids = {f"{role}_token_id": getattr(tokenizer, f"{role}_token_id") for role in ("bos", "eos", "cls", "sep", "pad")}
    torch.manual_seed(3)
    getattr(transformers, family + "ForMaskedLM")(getattr(transformers, family + "Config")(
        vocab_size=len(tokenizer), **sizes, **{role: index for role, index in ids.items() if index is not None},
    )).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def finish():
    print("differ: " + ", ".join(failures) if failures else "all within 1e-5")
    sys.exit(bool(failures))


with tempfile.TemporaryDirectory() as place:
    for name in ENCODERS:
        base = make_encoder(place, name)
        for method in (["lora", "--rank", "4"], ["ia3"], ["full"]):
            check_classifier(place, f"{name}-{method[0]}", base, ["--method", *method])
        check_pairs(place, f"{name}-pairs", base)
    if options.only:
        finish()
    mpnet = make_mpnet(place)
    for method in (["lora", "--rank", "4"], ["dora", "--rank", "4"], ["ia3"], ["norm"], ["full"]):
        check_classifier(place, f"mpnet-{method[0]}", mpnet, ["--method", *method])
    for llama, methods in (
            (make_llama(place, "llama"), ["lora", "full", "norm"]),
            (make_llama(place, "llama-tied", tie_word_embeddings=True), ["lora", "full", "norm"]),
            (make_llama(place, "mistral", "Mistral", sliding_window=None), ["lora", "full"]),
            (make_llama(place, "qwen2", "Qwen2", tie_word_embeddings=True), ["lora", "bitfit", "ia3"]),
            (make_llama(place, "qwen3", "Qwen3", head_dim=10), ["lora", "dora", "norm", "full"])):
        name = os.path.basename(llama)
        for method in [[m, "--rank", "4"] if m.endswith("ora") else [m] for m in methods]:
            check_classifier(place, f"{name}-{method[0]}", llama, ["--method", *method])
            check_language(place, f"{name}-language-{method[0]}", llama, ["--method", *method])
    roberta = os.path.join(MODELS, "roberta-small")
    gpt2 = os.path.join(MODELS, "gpt2-small")
    methods = [[m] for m in ("full", "bitfit", "norm", "head", "ia3", "speft", "rocoft", "lora-xs", "vera", "hra",
                             "ether", "ether+", "propulsion", "hyperadapt", "c3a", "adalora",
                             "lora-sp", "hiwi", "lorta", "spt", "randlora")] + [
        ["lora-sb", "--set", "first-rate=1e-3"], ["bipeft", "--set", "share=0.02", "--set", "rounds=8"],
        ["lora", "--rank", "4"], ["dora", "--rank", "4"],
        ["lora", "--rank", "4", "--set", "scaling=root-rank", "--set", "b-rate=8"],
        ["lora", "--rank", "4", "--set", "start=pissa"],
        ["lora", "--rank", "4", "--set", "start=gradient", "--set", "trained=b"]]
    for base, family in ((roberta, "roberta"), (gpt2, "gpt2")):
        check_labels(place, f"{family}-labels-lora", base, ["--method", "lora", "--rank", "4"])
        check_labels(place, f"{family}-labels-full", base, ["--method", "full"])
        for method in methods:
            check_classifier(place, "-".join([family, method[0], *(m for m in method if "=" in m)]), base, ["--method", *method])
        mixture = plan(place, base, family, ["--candidates", "lora:2,8"], False)
        check_classifier(place, f"{family}-plan", base, mixture)
    for method in (["--method", "lora", "--rank", "4"], ["--method", "dora", "--rank", "4"],
                   ["--method", "ia3"], ["--method", "norm"], ["--method", "full"], ["--method", "lora-xs"]):
        check_language(place, f"gpt2-language-{method[1]}", gpt2, method)
    check_language(place, "gpt2-language-plan", gpt2,
                   plan(place, gpt2, "gpt2-language", ["--candidates", "lora:4"], True))

finish()
