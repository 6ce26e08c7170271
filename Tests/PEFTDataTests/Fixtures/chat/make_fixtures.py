"""Writes small tokenizers with the special tokens of chat models, and what transformers makes of conversations.

Usage: python make_fixtures.py   (needs transformers and tokenizers; writes beside itself)
"""
import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent
TEXTS = ["user assistant system hello there, what is the colour of the sky? the sky is blue.\n\nand of grass? green!",
         "You are a helpful assistant. I'm fine, thanks; 1234 and 56 things\n  - one\n  - two"] * 4
CHATML = """{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system
You are a small test<|im_end|>
' }}{% endif %}{{ '<|im_start|>' + message['role'] + '
' }}{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '
' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant
' }}{% endif %}"""
LLAMA3 = ("{% for message in messages %}{% if loop.index0 == 0 %}{{ bos_token }}{% endif %}"
          "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}"
          "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] | trim + '<|eot_id|>' }}{% endgeneration %}"
          "{% else %}{{ message['content'] | trim + '<|eot_id|>' }}{% endif %}{% endfor %}"
          "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}")
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
           r"|\s+(?!\S)|\s+")


def say(*turns):
    roles = ["user", "assistant"] * len(turns)
    return [dict(role=role, content=content) for role, content in zip(roles, turns)]


CONVERSATIONS = [
    say("hello there", "I'm fine, thanks"),
    [dict(role="system", content="You are a helpful assistant."), *say("what is the colour?", "blue", "and of grass?", "green!")],
    say("a", "\n\nthe sky", "b", "  - one\n  - two\n"),
    say("what?", ""),
    say("é 日本 🙂", "naïve 56 things 🙂🙂\n"),
    say("hello", "the sky is blue.", "thanks"),
    [dict(role="user", content="a"), dict(role="user", content="b"), dict(role="assistant", content="c"),
     dict(role="assistant", content="d")],
]


def record(name, special, template, splitter, beginning=None):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(TEXTS, trainers.BpeTrainer(
        vocab_size=330, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in special]))
    if beginning:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{beginning} $A", pair=f"{beginning} $A {beginning} $B",
            special_tokens=[(beginning, tokenizer.token_to_id(beginning))])
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    # As published models have it, without the marks of the generated part.
    published = template.replace("{% generation %}", "").replace("{% endgeneration %}", "")
    (folder / "tokenizer_config.json").write_text(json.dumps(dict(chat_template=published)))
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=template, bos_token=beginning)
    cases = []
    for messages in CONVERSATIONS:
        found = fast.apply_chat_template(messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
        prompt = fast.apply_chat_template(
            [m for m in messages if m["role"] != "assistant"][:1], tokenize=True, return_dict=True, add_generation_prompt=True)
        cases.append(dict(messages=messages, ids=found["input_ids"], mask=found["assistant_masks"], prompt=prompt["input_ids"]))
    (folder / "conversations.json").write_text(json.dumps(cases, ensure_ascii=False) + "\n")


record("chatml", ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], CHATML, pre_tokenizers.ByteLevel(add_prefix_space=False))
record("llama3", ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"], LLAMA3,
       pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PATTERN), "isolated"),
                                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), "<|begin_of_text|>")
