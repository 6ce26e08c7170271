"""Writes golden.json: tokenizers with settings, and what PyPI's `transformers` makes of texts.

    pip install transformers==5.24.0 tokenizers==0.23.3 && python make_fixtures.py

name -> {"files": {name: content}, "cases": [[text, pair, maximum, ids, types or null]]}.
"""

import json
import pathlib
import tempfile

import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer

BERT = """[PAD] [UNK] [CLS] [SEP] [MASK] good bad film a new ##tok ##1 x caf\u00e9 cafe ##s Good \u4e2d ( ) . ##. [ ] mask
sep < s > / |""".split()
ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
MERGES = ["g o", "\u0120 a", "1 2", "go o", "12 3"]


def byte_level(specials):
    return list(specials) + ALPHABET + [merge.replace(" ", "") for merge in MERGES]


ROBERTA = byte_level(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
GPT2 = byte_level(["<|endoftext|>"])
TEXTS = [
    "a newtok1 x NewTok1  newtok1 good", "a [MASK]good [mask] [SEP]x[CLS] [UNK][PAD]",
    "a</s>b <mask> c <pad><s>\n<unk>", "a<|endoftext|>b <|endoftext|> good", "xnewtok1x (newtok1)newtok1 .newtok1",
    "Caf\u00e9 cafe\u0301 caf\u00e9s \u4e2d\u4e2dx GOOD", "goo 123 1234 a a\n\n  good\t12's\u00a0x", "[A] zz[A]zz  [A] zz",
    "", "[SEP]", "newtok1", " a good film. bad film.", "[BOS]a<s>[BOS] <S></S> !<|padding|>"]
PAIRS = [("a good film", "x bad"), ("newtok1 a", "x [SEP]newtok1"), ("a</s>good", " ")]
CUT = [("a good x film", None, 5), ("a good x film", "x x bad film a", 9), ("good good", "a", 6)]


def bert(vocabulary=BERT, **files):
    return {"vocab.txt": "".join(token + "\n" for token in vocabulary), "type": "bert"} | named(files)


def merged(vocabulary, kind, **files):
    if not isinstance(vocabulary, dict):
        vocabulary = {token: index for index, token in enumerate(vocabulary)}
    merges = "#version: 0.2\n" + "".join(merge + "\n" for merge in MERGES)
    return {"vocab.json": json.dumps(vocabulary), "merges.txt": merges, "type": kind} | named(files)


def named(files):
    names = {"settings": "tokenizer_config.json", "map": "special_tokens_map.json", "added": "added_tokens.json",
             "config": "config.json", "document": "tokenizer.json"}
    return {names[key]: json.dumps(value, ensure_ascii=False) for key, value in files.items()}


def token(content, special=False, **flags):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": not special,
            "special": special} | flags


def document(vocabulary, added, model=None):
    specials = {name: index for index, name in enumerate(BERT[:5])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    result = json.loads(tokenizer.to_str())
    result["added_tokens"] = [{"id": index} | token(name, True) for name, index in specials.items()]
    result["added_tokens"] += [{"id": index} | token(name) for name, index in added.items()]
    return result


def with_holes(vocabulary, left):
    return {name: index for index, name in enumerate(vocabulary) if index not in left}


N = len(BERT)
R = len(ROBERTA)
G = len(GPT2)
SETUPS = {
    "bert": bert(),
    "bert added": bert(added={"newtok1": N}),
    "bert added behind a gap": bert(added={"newtok1": N + 9, "zz": N + 4}),
    "bert added special": bert(added={"newtok1": N + 1, "[A]": N}, map={"additional_special_tokens": ["[A]"]}),
    "bert map of names": bert(map={"additional_special_tokens": ["[A]", "newtok1"], "mask_token": "[MASK]"}),
    "bert map of objects": bert(map={"mask_token": {"content": "[MASK]", "lstrip": True, "rstrip": True,
                                                     "normalized": True, "single_word": False}}),
    "bert additional": bert(settings={"additional_special_tokens": ["newtok1", "good"]}),
    "bert additional objects": bert(settings={"additional_special_tokens": [
        {"__type": "AddedToken", "content": "newtok1", "lstrip": True, "rstrip": False, "normalized": False,
         "single_word": True, "special": True}]}),
    "bert extra by name": bert(settings={"extra_special_tokens": {"image_token": "newtok1"}}),
    "bert token of its own": bert(settings={"image_token": "newtok1"}),
    "bert decoder": bert(settings={"added_tokens_decoder": {
        str(N): token("NewTok1"), str(N + 1): token("zz", single_word=True), str(N + 2): token("[A]", True, lstrip=True),
        "5": token("good", rstrip=True)}}),
    "bert decoder behind a gap": bert(settings={"added_tokens_decoder": {
        str(N + 7): token("zz", True), str(N + 3): token("newtok1")}}),
    "bert decoder alone counts": bert(
        settings={"added_tokens_decoder": {str(N): token("zz")}}, added={"newtok1": N + 1},
        map={"additional_special_tokens": ["[A]"]}),
    "bert other names": bert(settings={"cls_token": "good", "sep_token": "bad", "unk_token": "x", "pad_token": None}),
    "bert more names": bert(settings={"bos_token": "[BOS]", "eos_token": "[SEP]", "add_bos_token": True}),
    "bert new name": bert(settings={"cls_token": "[A]"}),
    "bert split": bert(settings={"split_special_tokens": True}, added={"newtok1": N}),
    "bert cut left": bert(settings={"truncation_side": "left"}),
    "bert cased": bert(settings={"do_lower_case": False, "tokenize_chinese_chars": False}),
    "bert accents": bert(settings={"strip_accents": False}),
    "bert harmless": bert(settings={
        "tokenizer_class": "BertTokenizerFast", "model_max_length": 4, "padding_side": "left", "never_split": None,
        "clean_up_tokenization_spaces": True, "do_basic_tokenize": True, "name_or_path": "x", "errors": "strict",
        "legacy": False, "add_prefix_space": True, "sp_model_kwargs": {}, "model_input_names": ["input_ids"]}),
    "bert twice": bert(BERT[:-1] + ["good", "x"]),
    "bert twice and added": bert(BERT[:-1] + ["good", "x"], added={"newtok1": N + 1}),
    "bert spaces": bert([name + " " if name == "x" else name for name in BERT]),
    "distilbert": bert(settings={"tokenizer_class": "DistilBertTokenizer"}),
    "electra": bert(settings={"tokenizer_class": "ElectraTokenizerFast"}),
    "mpnet": bert(["<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>"] + BERT[5:],
                  settings={"tokenizer_class": "MPNetTokenizer"}),
    "roberta": merged(ROBERTA, "roberta"),
    "roberta added": merged(ROBERTA, "roberta", added={"newtok1": R}),
    "roberta map": merged(ROBERTA, "roberta", map={"mask_token": {
        "content": "<mask>", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False}}),
    "roberta other names": merged(ROBERTA, "roberta", settings={"cls_token": "<unk>", "sep_token": "<pad>"}),
    "roberta harmless": merged(ROBERTA, "roberta", settings={
        "add_bos_token": True, "add_eos_token": False, "do_lower_case": True, "trim_offsets": True, "errors": "ignore"}),
    "roberta space": merged(ROBERTA, "roberta", settings={"add_prefix_space": True}),
    "roberta holes": merged(with_holes(ROBERTA, {40, 77, 78}), "roberta"),
    "roberta holes and added": merged(with_holes(ROBERTA, {40, 77}), "roberta", added={"newtok1": R, "zz": R + 1}),
    "bart": merged(ROBERTA, "roberta", settings={"tokenizer_class": "BartTokenizer"}),
    "roberta split": merged(ROBERTA, "roberta", settings={"split_special_tokens": True}),
    "gpt2": merged(GPT2, "gpt2"),
    "gpt2 bos": merged(GPT2, "gpt2", settings={"add_bos_token": True}),
    "gpt2 eos": merged(GPT2, "gpt2", settings={"add_eos_token": True, "eos_token": "!"}),
    "gpt2 both": merged(GPT2, "gpt2", settings={"add_eos_token": True, "add_bos_token": True, "bos_token": "[BOS]"}),
    "gpt2 no bos": merged(GPT2, "gpt2", settings={"add_bos_token": True, "bos_token": None}),
    "gpt2 false": merged(GPT2, "gpt2", settings={"add_bos_token": False, "tokenizer_class": "GPT2TokenizerFast"}),
    "gpt2 padded": merged(GPT2, "gpt2", settings={"pad_token": "[PAD]", "additional_special_tokens": ["newtok1"]}),
    "gpt2 with another vocabulary": merged(ROBERTA, "gpt2", settings={"tokenizer_class": "RobertaTokenizer"}),
    "gpt2 cut left": merged(GPT2, "gpt2", settings={"truncation_side": "left", "add_bos_token": True}),
    "codegen": merged(GPT2, "gpt2", settings={"tokenizer_class": "CodeGenTokenizer", "add_bos_token": True}),
    "gpt neox": merged(GPT2 + ["<|padding|>"], "gpt2", settings={"tokenizer_class": "GPTNeoXTokenizerFast"}),
    "qwen2": merged(GPT2, "gpt2", settings={"tokenizer_class": "Qwen2Tokenizer"}),
    "document": {"type": "bert"} | named({"document": document(with_holes(BERT, {}), {"newtok1": N})}),
    "document with holes": {"type": "bert"} | named({"document": document(with_holes(BERT, {7, 15}), {})}),
    "document with a gap": {"type": "bert"} | named({
        "document": document(with_holes(BERT, {}), {"newtok1": N + 3, "zz": N + 9})}),
    "document with holes and added": {"type": "bert"} | named({
        "document": document(with_holes(BERT, {7}), {"newtok1": N, "zz": N + 1})}),
    "document split": {"type": "bert"} | named({
        "document": document(with_holes(BERT, {}), {"newtok1": N}), "settings": {"split_special_tokens": True}}),
    "document cut left": {"type": "bert"} | named({
        "document": document(with_holes(BERT, {}), {}), "settings": {"truncation_side": "left"}}),
}


def main():
    transformers.logging.set_verbosity_error()
    result = {}
    for name, setup in SETUPS.items():
        files = dict(setup)
        kind = files.pop("type")
        files.setdefault("config.json", json.dumps({"model_type": kind}))
        with tempfile.TemporaryDirectory() as folder:
            for file, content in files.items():
                (pathlib.Path(folder) / file).write_text(content, encoding="utf-8")
            tokenizer = AutoTokenizer.from_pretrained(folder)
        cases = []
        for text, pair, maximum in [(text, None, None) for text in TEXTS] + [(*pair, None) for pair in PAIRS] + CUT:
            encoding = tokenizer(text, pair, truncation=maximum is not None, max_length=maximum)
            cases.append([text, pair, maximum, encoding["input_ids"], encoding.get("token_type_ids")])
        result[name] = {"files": files, "cases": cases}
    target = pathlib.Path(__file__).with_name("golden.json")
    target.write_text(json.dumps(result, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
