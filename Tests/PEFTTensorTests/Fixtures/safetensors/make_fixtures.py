"""Writes the fixtures of this directory, or checks a file that the Swift writer wrote.

    python3 make_fixtures.py             write the fixtures beside this script
    python3 make_fixtures.py check FILE  read FILE, written by the test "writes for Python"
"""

import json
import pathlib
import struct
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent


def numbers(dtype):
    return torch.arange(-3, 3).reshape(2, 3).to(dtype)


def tensors():
    values = torch.tensor([0.0, -0.0, 1.0, -2.5, 0.1, 65504.0, 6e-8, float("inf"), float("nan")])
    return {
        "f32": values,
        "f16": values.to(torch.float16),
        "bf16": values.to(torch.bfloat16),
        "f64": values.to(torch.float64),
        "i8": numbers(torch.int8),
        "i16": numbers(torch.int16),
        "i32": numbers(torch.int32),
        "i64": numbers(torch.int64),
        "u8": torch.arange(250, 256).to(torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(7.5),
        "empty": torch.zeros(0, 3),
        "caf\u00e9": torch.tensor([1.0]),
        "cafe\u0301": torch.tensor([2.0]),
    }


def write():
    save_file(tensors(), HERE / "types.safetensors", metadata={"format": "pt", "note": "a \"b\" \u00e9"})
    directory = HERE / "sharded"
    directory.mkdir(exist_ok=True)
    shards = {
        "model-00001-of-00002.safetensors": {"first.weight": torch.tensor([[1.0, 2.0]])},
        "model-00002-of-00002.safetensors": {"second.weight": torch.tensor([3.0])},
    }
    for name, content in shards.items():
        save_file(content, directory / name, metadata={"format": "pt"})
    index = {
        "metadata": {"total_size": 12},
        "weight_map": {tensor: name for name, content in shards.items() for tensor in content},
    }
    (directory / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def write_others():
    """Types that PyTorch has no tensors of, and null in place of the text about the file.

    No library writes such a file; safetensors reads it.
    """
    tensors = [("F4", [2, 3], 3), ("F6_E2M3", [4], 3), ("F6_E3M2", [2, 2], 3), ("F8_E8M0", [3], 3),
               ("F8_E4M3FNUZ", [1], 1), ("F8_E5M2FNUZ", [1], 1), ("C64", [2], 16)]
    header, offset = {"__metadata__": None}, 0
    for name, shape, count in tensors:
        header[name] = {"dtype": name, "shape": shape, "data_offsets": [offset, offset + count]}
        offset += count
    header["F32"] = {"dtype": "F32", "shape": [1], "data_offsets": [offset, offset + 4]}
    text = json.dumps(header).encode()
    path = HERE / "others.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(range(offset)) + struct.pack("<f", 1.5))
    with safe_open(path, framework="pt") as file:
        assert set(file.keys()) == {name for name, _, _ in tensors} | {"F32"} and file.metadata() is None
        assert file.get_tensor("F32").tolist() == [1.5]


def check(path):
    values = [0.0, -0.0, 1.0, -2.5, 0.1, 65504.0, 6e-8, 1e-30, float("inf")]
    expected = {
        "floats": torch.tensor(values).reshape(3, 3),
        "halves": torch.tensor(values).to(torch.float16),
        "bfloats": torch.tensor(values).to(torch.bfloat16),
        "integers": torch.tensor([-1, 0, 2**62]),
        "scalar": torch.tensor(7.5),
        "empty": torch.zeros(0, 3),
    }
    with safe_open(path, framework="pt") as file:
        assert set(file.keys()) == set(expected), file.keys()
        assert file.metadata() == {"format": "pt", "note": "\u00e9 \"x\""}, file.metadata()
        for name, tensor in expected.items():
            found = file.get_tensor(name)
            assert found.dtype == tensor.dtype and found.shape == tensor.shape, name
            assert found.numpy(force=True).tobytes() == tensor.numpy(force=True).tobytes() if (
                tensor.dtype != torch.bfloat16
            ) else torch.equal(found.view(torch.int16), tensor.view(torch.int16)), name
    print("all tensors as expected")


if __name__ == "__main__":
    if sys.argv[1:2] == ["check"]:
        check(sys.argv[2])
    else:
        write()
        write_others()
