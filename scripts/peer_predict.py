#!/usr/bin/env python3
"""How fast PyTorch runs a glossa classifier: the peer of `glossa classify predict` in docs/results.md.

    python3 -m venv .venv && .venv/bin/pip install torch safetensors sentencepiece
    .venv/bin/python scripts/peer_predict.py MODEL-FOLDER TOKENS.json [PREDICTIONS.jsonl]

MODEL-FOLDER is a classifier's; TOKENS.json is what `glossa --json tokenizer encode` prints. The QRNN runs op by op, as users have it on a CPU; the LSTM is torch's own. Texts are
sorted by length and read in batches of 64. Prints documents a second without loading and tokenizing,
and how far the probabilities are from ours where they are given.
"""
import argparse
import json
import pathlib
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file


def qrnn(x, weight, bias):
    batch, steps, inputs = x.shape
    if weight.shape[1] == 2 * inputs:
        x = torch.cat([x, F.pad(x, (0, 0, 1, 0))[:, :-1]], 2)
    z, f, o = F.linear(x, weight, bias).chunk(3, 2)
    z, f, o = z.tanh(), f.sigmoid(), o.sigmoid()
    cell, cells = x.new_zeros(batch, z.shape[2]), []
    for zt, ft in zip(z.unbind(1), f.unbind(1)):
        cell = ft * zt + (1 - ft) * cell
        cells.append(cell)
    return o * torch.stack(cells, 1)


class Classifier:
    def __init__(self, folder):
        self.config = json.loads((folder / "config.json").read_text())
        self.w = load_file(folder / "model.safetensors")
        self.layers = self.config["encoder"]["layer_count"]
        self.lstms = []
        if self.config["encoder"]["cell"] == "awd-lstm":
            for i in range(self.layers):
                part = lambda name: self.w[f"encoder.layers.{i}.{name}"]
                hidden, inputs = part("weight_hidden").shape[1], part("weight_input").shape[1]
                lstm = torch.nn.LSTM(inputs, hidden, batch_first=True)
                lstm.weight_ih_l0.data, lstm.weight_hh_l0.data = part("weight_input"), part("weight_hidden")
                lstm.bias_ih_l0.data, lstm.bias_hh_l0.data = part("bias_input"), part("bias_hidden")
                self.lstms.append(lstm)

    def norm(self, x, name):
        part = lambda key: self.w[f"head.{name}.{key}"]
        return F.batch_norm(x, part("running_mean"), part("running_var"), part("gamma"), part("beta"))

    def __call__(self, ids, lengths):
        x = F.embedding(ids, self.w["encoder.embedding"])
        for i in range(self.layers):
            if self.lstms:
                x = self.lstms[i](x)[0]
            else:
                x = qrnn(x, self.w[f"encoder.layers.{i}.weight"], self.w[f"encoder.layers.{i}.bias"])
        exists = torch.arange(ids.shape[1])[None] < lengths[:, None]
        last = x[torch.arange(len(lengths)), lengths - 1]
        largest = x.masked_fill(~exists[..., None], -torch.inf).amax(1)
        mean = (x * exists[..., None]).sum(1) / lengths[:, None]
        pooled = self.norm(torch.cat([last, largest, mean], 1), "first_norm")
        hidden = F.relu(F.linear(pooled, self.w["head.first_weight"], self.w["head.first_bias"]))
        hidden = self.norm(hidden, "second_norm")
        return F.linear(hidden, self.w["head.second_weight"], self.w["head.second_bias"]).softmax(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("tokens", type=pathlib.Path)
    parser.add_argument("ours", type=pathlib.Path, nargs="?")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = Classifier(arguments.model)
    texts = [text["ids"] for text in json.loads(arguments.tokens.read_text())["texts"]]
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    answers = [None] * len(texts)
    started = time.perf_counter()
    with torch.inference_mode():
        for start in range(0, len(order), 64):
            rows = order[start:start + 64]
            lengths = torch.tensor([len(texts[i]) for i in rows])
            ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
            for row, i in enumerate(rows):
                ids[row, :len(texts[i])] = torch.tensor(texts[i])
            for i, answer in zip(rows, model(ids, lengths).tolist()):
                answers[i] = answer
    seconds = time.perf_counter() - started
    print(f"torch {torch.__version__}: {len(texts)} documents, {len(texts) / seconds:.1f} documents/s")
    if arguments.ours:
        lines = [json.loads(line) for line in arguments.ours.read_text().splitlines()]
        ours = [line["probabilities"] for line in lines if "probabilities" in line]
        labels = model.config["labels"]
        worst = max(abs(a[k] - o[label]) for a, o in zip(answers, ours) for k, label in enumerate(labels))
        print(f"largest difference of a probability: {worst:.1e}")


if __name__ == "__main__":
    main()
