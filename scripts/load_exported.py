#!/usr/bin/env python3
"""Loads what `glossa zoo export` wrote into PyTorch, and says what comes after some pieces.

    python load_exported.py DIR [ID ...]      # ids of pieces; prints the logits of the next one as JSON
"""
import json
import sys

import torch
from safetensors.torch import load_file


def qrnn(x, weight, bias, window):
    """x [time, inputs]; z, f, o of [x_t, x_{t-1}] or x_t; c = f·z + (1-f)·c; output o·c."""
    if window == 2:
        x = torch.cat([x, torch.cat([torch.zeros_like(x[:1]), x[:-1]])], 1)
    z, f, o = (x @ weight.T + bias).chunk(3, 1)
    z, f, o, cell, outputs = z.tanh(), f.sigmoid(), o.sigmoid(), 0.0, []
    for t in range(len(x)):
        cell = f[t] * z[t] + (1 - f[t]) * cell
        outputs.append(o[t] * cell)
    return torch.stack(outputs)


def logits(folder, ids):
    state, sizes = load_file(f"{folder}/model.safetensors"), json.load(open(f"{folder}/sizes.json"))
    x = state["0.encoder.weight"][torch.tensor(ids)]
    for i in range(sizes["layer_count"]):
        if sizes["cell"] == "qrnn":
            part = f"0.rnns.{i}.layers.0.linear"
            x = qrnn(x, state[f"{part}.weight_raw"], state[f"{part}.module.bias"], 2 if i == 0 else 1)
        else:
            outputs, inputs = state[f"0.rnns.{i}.module.weight_ih_l0"].shape
            lstm = torch.nn.LSTM(inputs, outputs // 4)
            parts = {key: state[f"0.rnns.{i}.module.{key}"] for key in lstm.state_dict()}
            lstm.load_state_dict(parts)
            x = lstm(x[:, None])[0][:, 0]
    return x[-1] @ state["1.decoder.weight"].T + state["1.decoder.bias"]


if __name__ == "__main__":
    with torch.no_grad():
        print(json.dumps(logits(sys.argv[1], [int(word) for word in sys.argv[2:]]).tolist()))
