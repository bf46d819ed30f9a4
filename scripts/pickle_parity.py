"""Files of torch.save, pickle and fastai for zoo's tests of parity.

    python scripts/pickle_parity.py zoo/tests/parity

Needs torch and numpy; fastcore and fastai where they are there. Each case is a file and NAME.json with what is in
it: tensors as shape, dtype and values (floats in the order of the sizes, null for infinity), plain values as JSON.
"""

import json
import pickle
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import nn

SAFE_NAMES = {
    torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64", torch.int64: "I64",
    torch.int32: "I32", torch.uint8: "U8", torch.bool: "BOOL",
}


def flat(value, path=""):
    """Tensors by their dotted names."""
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from flat(part, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)) or type(value).__name__ == "L":
        for number, part in enumerate(value):
            yield from flat(part, f"{path}.{number}" if path else str(number))


def described(value):
    tensors = []
    for name, tensor in flat(value):
        floats = tensor.is_floating_point()
        numbers = tensor.detach().contiguous().to(torch.float32).flatten().tolist() if floats else None
        if floats:
            numbers = [number if np.isfinite(number) else None for number in numbers]
        tensors.append({"name": name, "dtype": SAFE_NAMES[tensor.dtype], "shape": list(tensor.shape), "values": numbers})
    return {"tensors": tensors}


def write(folder, name, value, plain=None):
    for legacy in (False, True):
        file = folder / f"{name}{'-legacy' if legacy else ''}.pth"
        torch.save(value, file, _use_new_zipfile_serialization=not legacy)
        what = described(value) | {"plain": plain or {}}
        file.with_suffix(".json").write_text(json.dumps(what))


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(7)
    module = nn.Sequential(nn.Embedding(11, 5), nn.LSTM(5, 4), nn.BatchNorm1d(4))
    write(folder, "state", module.state_dict())
    write(folder, "parameters", OrderedDict((name, value) for name, value in module.named_parameters()))
    wide = torch.randn(6, 8)
    views = {
        "whole": wide, "transposed": wide.t(), "column": wide[:, 3], "steps": wide[1::2, ::3], "last": wide[5],
        "cube": torch.randn(2, 3, 4).permute(2, 0, 1), "empty": torch.zeros(0, 4), "scalar": torch.tensor(2.5),
        "one": torch.randn(3, 1).t(),
    }
    write(folder, "views", views)
    kinds = {
        "half": torch.randn(3, 3).half(), "brain": torch.randn(3, 3).bfloat16(), "double": torch.randn(4).double(),
        "long": torch.arange(5), "int": torch.arange(4, dtype=torch.int32), "byte": torch.arange(3, dtype=torch.uint8),
        "bool": torch.tensor([True, False]), "special": torch.tensor([float("inf"), -0.0, 1e-45]),
    }
    write(folder, "kinds", kinds)
    laser = {
        "params": {"num_embeddings": 11, "padding_idx": 1, "bidirectional": True, "dropout": 0.1},
        "model": module.state_dict(), "dictionary": {"<s>": 0, "▁kaixo": 4, "\U0001f600": 5},
    }
    write(folder, "laser", laser, {"params": laser["params"], "dictionary": laser["dictionary"]})
    optimizer = torch.optim.Adam(module.parameters(), lr=np.float64(0.25), betas=(0.8, 0.99))
    module[0](torch.tensor([1, 2])).sum().backward()
    optimizer.step()
    write(folder, "fastai1", {"model": module.state_dict(), "opt": optimizer.state_dict()})
    large = {f"layer.{number}.weight": torch.randn(64, 64) for number in range(500)}
    torch.save(large, folder / "many.pth")
    (folder / "many.json").write_text(json.dumps(described({"layer.499.weight": large["layer.499.weight"]}) | {"plain": {}}))
    try:
        write_fastai(folder, module)
    except ImportError as missing:
        print("skipped:", missing)
    words = ["xxunk", "xxpad", "▁the", "ñ", "\U0001f600", "", "xxfake", "xxfake", "a" * 300, "\\n\n'\""]
    (folder / "itos.json").write_text(json.dumps(words))
    for protocol in range(6):
        for kind, value in (("list", words), ("tuple", tuple(words)), ("dict", dict(enumerate(words)))):
            (folder / f"itos-{kind}-{protocol}.pkl").write_bytes(pickle.dumps(value, protocol))
    large = [f"▁{number}" for number in range(60_000)]
    (folder / "itos-large.pkl").write_bytes(pickle.dumps(large, 4))


def write_fastai(folder, module):
    from fastai.optimizer import Adam
    optimizer = Adam([list(module[0].parameters()), list(module[2].parameters())], lr=0.5)
    optimizer.set_hyper("lr", list(np.array([0.25, 0.5])))
    module[0](torch.tensor([1, 2])).sum().backward()
    optimizer.step()
    write(folder, "fastai2", {"model": module.state_dict(), "opt": optimizer.state_dict()})


if __name__ == "__main__":
    main()
