"""Writes small random models of Llama's kind and what PyTorch, transformers and peft compute.

Usage: python make_llama_fixtures.py   (same needs as make_fixtures.py; writes beside itself)
"""
import copy
import json

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import (
    LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, LlamaModel, MistralConfig,
    MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)

from common import gradients, perturb, train
from make_generation_fixtures import CLEAR, EOS, check, generate
from make_language_fixtures import (
    folder_of, language_record, make_batch, make_sequences, packed, rewrite_weights, save)


def llama(kind, seed, config=LlamaConfig, **overrides):
    """A perturbed model of `kind`; the same seed gives the same weights."""
    torch.manual_seed(seed)
    return perturb(kind(config(**{
        **dict(vocab_size=120, hidden_size=16, intermediate_size=20, num_hidden_layers=2,
               num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=40,
               rms_norm_eps=1e-5, initializer_range=0.25, tie_word_embeddings=False,
               bos_token_id=0, eos_token_id=0, pad_token_id=None), **overrides})), seed)


def language():
    """An output layer of its own; then heads wider than h / H with biases, tied."""
    sequences = make_sequences()
    folder = folder_of("llama", sequences=sequences)
    model = llama(LlamaForCausalLM, 61)
    model.save_pretrained(folder)
    language_record(folder, model, sequences)
    folder = folder_of("llama-tied", sequences=sequences)
    model = llama(LlamaForCausalLM, 62, tie_word_embeddings=True, head_dim=10,
                  attention_bias=True, mlp_bias=True, rms_norm_eps=1e-3)
    model.save_pretrained(folder)
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")
    language_record(folder, model, sequences)


def relatives():
    """Mistral with a window that no text exceeds; Qwen2, tied, with keys as transformers 4 wrote
    them; Qwen3 with heads wider than h / H."""
    sequences = make_sequences()
    for name, model in [
            ("mistral", llama(MistralForCausalLM, 69, MistralConfig, head_dim=6, sliding_window=40)),
            ("qwen2", llama(Qwen2ForCausalLM, 70, Qwen2Config, tie_word_embeddings=True,
                            rope_parameters=dict(rope_type="default", rope_theta=500.0))),
            ("qwen3", llama(Qwen3ForCausalLM, 76, Qwen3Config, head_dim=10, rms_norm_eps=1e-3))]:
        folder = folder_of(name, sequences=sequences)
        model.save_pretrained(folder)
        if name == "qwen2":
            path = folder / "config.json"
            config = json.loads(path.read_text())
            for key in ("rope_parameters", "layer_types", "dtype"):
                del config[key]
            config.update(rope_theta=500.0, sliding_window=8, max_window_layers=1,
                          use_sliding_window=False, torch_dtype="float32")
            path.write_text(json.dumps(config, indent=2) + "\n")
            reread = Qwen2ForCausalLM.from_pretrained(folder).eval()
            with torch.no_grad():
                batch = make_batch(sequences)
                torch.testing.assert_close(reread(**batch).logits, model.eval()(**batch).logits)
        language_record(folder, model, sequences)


def low_rank():
    sequences = make_sequences()
    folder = folder_of("llama-lora", sequences=sequences)
    model = llama(LlamaForCausalLM, 63, num_hidden_layers=1)
    model.save_pretrained(folder)
    adapted = get_peft_model(model, LoraConfig(
        r=4, lora_alpha=8, lora_dropout=0.0, target_modules=["q_proj", "v_proj"],
        task_type="CAUSAL_LM"))
    torch.manual_seed(64)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.05)
    adapted.save_pretrained(folder / "adapter")
    (folder / "adapter" / "README.md").unlink(missing_ok=True)
    with torch.no_grad():
        merged = copy.deepcopy(adapted).merge_and_unload().eval()
        logits = packed(merged(**make_batch(sequences)).logits)
    language_record(folder, adapted, sequences, dict(mergedLogits=logits))


def classifier():
    sequences, labels = make_sequences(), [0, 2, 1, 1, 0]
    folder = folder_of("llama-classifier", sequences=sequences, labels=labels)
    model = llama(LlamaForSequenceClassification, 65, num_labels=3, num_hidden_layers=1,
                  pad_token_id=0).train()
    model.save_pretrained(folder)
    batch = dict(make_batch(sequences, pad=0), labels=torch.tensor(labels))
    result = model(**batch)
    alone = torch.cat([model.score(model.model(torch.tensor([row])).last_hidden_state[:, -1])
                       for row in sequences])
    torch.testing.assert_close(result.logits, alone)  # read at the last real token
    result.loss.backward()
    expected = dict(logits=result.logits, loss=result.loss.reshape(1), **gradients(model))
    expected["losses"] = train(model, lambda model: model(**batch).loss)
    save(folder, expected)


def scaled():
    """Frequencies as Llama 3.1 scales them, of which some stay, some are divided and some lie
    between; keys as transformers 4 wrote them; names without the prefix; a stored buffer."""
    sequences = make_sequences()
    folder = folder_of("llama-scaled", sequences=sequences)
    scaling = dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=2.0,
                   original_max_position_embeddings=20)
    model = llama(LlamaForCausalLM, 66, head_dim=16, num_hidden_layers=1, tie_word_embeddings=True,
                  rope_parameters=dict(scaling, rope_theta=500.0)).eval()
    model.save_pretrained(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    del config["rope_parameters"]
    config.update(rope_theta=500.0, rope_scaling=scaling, eos_token_id=[0, 3])
    path.write_text(json.dumps(config, indent=2) + "\n")
    with torch.no_grad():
        batch = make_batch(sequences)
        reread = LlamaForCausalLM.from_pretrained(folder).eval()
        logits = packed(model(**batch).logits)
        torch.testing.assert_close(packed(reread(**batch).logits), logits)
        frequencies = model.model.rotary_emb.inv_freq
        plain = 500.0 ** (-torch.arange(0, 16, 2) / 16)
        ratios = (frequencies / plain).tolist()
        assert any(r > 0.999 for r in ratios) and any(r < 0.251 for r in ratios), ratios
        assert any(0.26 < r < 0.99 for r in ratios), ratios
        hidden = LlamaModel.from_pretrained(folder).eval()(**batch).last_hidden_state
        rewrite_weights(folder, lambda weights: {
            **{name.removeprefix("model."): value for name, value in weights.items()},
            "layers.0.self_attn.rotary_emb.inv_freq": frequencies.clone()})
        save(folder, dict(hidden=packed(hidden), logits=logits))


def generation(name, model):
    """A long row for the end makes some texts end; far positions make outputs vary."""
    folder = folder_of(f"{name}-generation", sequences=make_sequences())
    model.eval()
    with torch.no_grad():
        model.lm_head.weight[EOS].mul_(1.3)
    model.save_pretrained(folder)
    exact = copy.deepcopy(model).double()
    torch.manual_seed(68)
    cases, left_out = [], 0
    for number, length in enumerate((5, 1, 9, 3, 12, 7)):
        prompt = torch.randint(5, 120, (length,)).tolist()
        for settings in (
                dict(max_new_tokens=30), dict(max_new_tokens=20, no_repeat_ngram_size=2),
                dict(max_new_tokens=140 - length) if number == 0 else dict(max_new_tokens=8),
                dict(max_new_tokens=20, num_beams=3, length_penalty=1.0, early_stopping=False),
                dict(max_new_tokens=20, num_beams=4, length_penalty=0.0, early_stopping=True)):
            found = generate(model, prompt, **settings)
            if check(settings, found, exact, prompt) < CLEAR:
                left_out += 1
                continue
            cases.append(dict(
                name=f"prompt{number}-{'-'.join(map(str, settings.values()))}", prompt=prompt,
                settings=settings, output=found[0]["output"]))
    lines = ",\n".join(json.dumps(case) for case in cases)
    (folder / "generation.json").write_text(f"[\n{lines}\n]\n")
    (folder / "inputs.json").unlink()
    print(len(cases), "cases,", left_out, "left out;",
          len({tuple(case["output"]) for case in cases}), "different outputs")


if __name__ == "__main__":
    language()
    relatives()
    low_rank()
    classifier()
    scaled()
    generation("llama", llama(LlamaForCausalLM, 67, max_position_embeddings=160))
    generation("qwen3", llama(
        Qwen3ForCausalLM, 77, Qwen3Config, max_position_embeddings=160, head_dim=10))
