#!/usr/bin/env python3
"""Makes a model of every second layer: halve.py MODEL OUTPUT

MODEL is a Hugging Face model directory of a BERT or RoBERTa in one model.safetensors. OUTPUT gets
layers 1, 3, 5, … (from 0) as its layers 0, 1, 2, …, all else unchanged: a smaller pretrained model
to measure on, where there is no other.
"""
import json
import pathlib
import re
import shutil
import struct
import sys

LAYER = re.compile(r"(.*encoder\.layer\.)(\d+)(\..*)")


def main(source, target):
    target.mkdir(parents=True, exist_ok=True)
    config = json.loads((source / "config.json").read_text())
    config["num_hidden_layers"] //= 2
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    for path in source.iterdir():
        if path.name not in ("config.json", "model.safetensors") and path.is_file():
            shutil.copy(path, target / path.name)

    content = (source / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    tensors = json.loads(content[8 : 8 + length])
    header, data, offset = {}, [], 0
    for name, entry in tensors.items():
        if name == "__metadata__":
            header[name] = entry
            continue
        match = LAYER.fullmatch(name)
        if match:
            if int(match[2]) % 2 == 0:
                continue
            name = f"{match[1]}{int(match[2]) // 2}{match[3]}"
        begin, end = entry["data_offsets"]
        data.append(content[8 + length + begin : 8 + length + end])
        header[name] = {**entry, "data_offsets": [offset, offset + end - begin]}
        offset += end - begin
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (target / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
