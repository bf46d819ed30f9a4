#!/usr/bin/env python3
"""Small published-looking models that the tests import: toolkit/cli/tests/import.

    python3 -m venv .venv && .venv/bin/pip install torch sentencepiece numpy
    .venv/bin/python scripts/import_parity.py

Every number is random and every sentence ours. `multifit` is saved as fastai v1 saves (weights and an
optimizer's state, names as in MultiFiT), `multifit-old` as the zip-less torch.save did, with the older
names of the layers, `ulmfit` with LSTM layers; each has a vocabulary (`itos.pkl`) in another order than
its SentencePiece model. `laser` has LASER2's layout. `expected.json` holds what torch computes.
"""
import json
import pathlib
import pickle
import random

import sentencepiece
import torch
from torch import nn

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "toolkit/cli/tests/import"
SPECIAL = ["xxunk", "xxpad", "xxbos", "xxeos", "xxfld", "xxmaj", "xxup", "xxrep", "xxwrep"]
WORDS = "the river runs under an old bridge while seven small boats carry apples bread and letters to the town".split()
PROMPT = "the small boats carry bread"
EMBEDDING, HIDDEN, LAYERS = 6, 8, 3


def sentences(count=400):
    chance = random.Random(5)
    return [" ".join(chance.choice(WORDS) for _ in range(chance.randint(4, 12))) for _ in range(count)]


def piece_model(path, special):
    text = path.parent / "text.tmp"
    text.write_text("\n".join(sentences()))
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(path.with_suffix("")), vocab_size=60, hard_vocab_limit=False, minloglevel=2,
        user_defined_symbols=["\u2581" + word for word in special] if special else [], unk_id=len(special),
        normalization_rule_name="identity", bos_id=-1 if special else 1, eos_id=-1 if special else 2, pad_id=-1)
    text.unlink()
    produced = path.with_suffix(".model")
    if produced != path:
        produced.rename(path)
    path.with_suffix(".vocab").unlink()
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def qrnn(x, weight, bias, window):
    if window == 2:
        x = torch.cat([x, torch.cat([torch.zeros_like(x[:1]), x[:-1]])], 1)
    z, f, o = (x @ weight.T + bias).chunk(3, 1)
    z, f, o = z.tanh(), f.sigmoid(), o.sigmoid()
    cell, outputs = torch.zeros(z.shape[1]), []
    for t in range(len(x)):
        cell = f[t] * z[t] + (1 - f[t]) * cell
        outputs.append(o[t] * cell)
    return torch.stack(outputs)


def language_model(name, cell, save, old=False):
    torch.manual_seed(len(name))
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    pieces = piece_model(folder / "spm.model", SPECIAL)
    itos = [pieces.id_to_piece(i) for i in range(len(pieces))]
    # fastai names its special words without the sign of a space, and counts pieces by frequency.
    itos = SPECIAL + random.Random(3).sample([p for p in itos if p.lstrip("\u2581") not in SPECIAL], len(itos) - len(SPECIAL))
    (folder / "itos.pkl").write_bytes(pickle.dumps(itos, protocol=4))
    sizes = [EMBEDDING] + [HIDDEN] * (LAYERS - 1) + [EMBEDDING]
    table = torch.randn(len(itos), EMBEDDING) * 0.5
    state = {"0.encoder.weight": table, "0.encoder_dp.emb.weight": table.clone()}
    ids = torch.tensor([itos.index("xxbos")] + [itos.index(p) for p in pieces.encode(PROMPT, out_type=str)])
    x = table[ids]
    for layer, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        if cell == "qrnn":
            window = 2 if layer == 0 else 1
            weight, bias = torch.randn(3 * outputs, window * inputs) * 0.5, torch.randn(3 * outputs) * 0.3
            part = f"0.rnns.{layer}.linear" if old else f"0.rnns.{layer}.layers.0.linear"
            state[f"{part}.weight_raw"], state[f"{part}.module.weight"] = weight, weight * 0.9
            state[f"{part}.module.bias"] = bias
            x = qrnn(x, weight, bias, window)
        else:
            lstm = nn.LSTM(inputs, outputs)
            state[f"0.rnns.{layer}.weight_hh_l0_raw"] = lstm.weight_hh_l0.data
            for part in ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]:
                state[f"0.rnns.{layer}.module.{part}"] = getattr(lstm, part).data
            x = lstm(x[:, None])[0][:, 0]
    bias = torch.randn(len(itos))
    state["1.decoder.weight"], state["1.decoder.bias"] = table.clone(), bias
    logits = x[-1] @ table.T + bias
    save(state, folder / "lm_best.pth")
    expected = {"prompt": PROMPT, "logits": {piece: round(value, 6) for piece, value in zip(itos, logits.tolist())}}
    (folder / "expected.json").write_text(json.dumps(expected, ensure_ascii=False))


def laser():
    torch.manual_seed(11)
    folder = FOLDER / "laser"
    folder.mkdir(parents=True, exist_ok=True)
    pieces = piece_model(folder / "laser2.spm", [])
    names = ["<s>", "<pad>", "</s>", "<unk>"] + [pieces.id_to_piece(i) for i in range(3, len(pieces))]
    dictionary = {piece: index for index, piece in enumerate(names)}
    embedding, lstm = nn.Embedding(len(names), EMBEDDING, padding_idx=1), nn.LSTM(EMBEDDING, HIDDEN, 2, bidirectional=True)
    state = {"embed_tokens.weight": embedding.weight.data, **{f"lstm.{key}": value for key, value in lstm.state_dict().items()}}
    params = {"num_embeddings": len(names), "padding_idx": 1, "embed_dim": EMBEDDING, "hidden_size": HIDDEN,
              "num_layers": 2, "bidirectional": True, "left_pad": True, "padding_value": 0.0}
    torch.save({"params": params, "model": state, "dictionary": dictionary}, folder / "laser2.pt")
    texts, vectors = ["The river runs", "seven boats and letters to the old town", "bread"], []
    for text in texts:
        ids = [dictionary.get(piece, 3) for piece in pieces.encode(text.lower(), out_type=str)] + [2]
        output = lstm(embedding(torch.tensor(ids))[:, None])[0]
        vectors.append([round(value, 6) for value in output.max(0).values[0].tolist()])
    (folder / "expected.json").write_text(json.dumps({"texts": texts, "vectors": vectors}))


def main():
    optimizer = {"state": {}, "param_groups": [{"lr": 0.01, "betas": (0.8, 0.99)}]}
    language_model("multifit", "qrnn", lambda state, path: torch.save({"model": state, "opt": optimizer}, path))
    language_model("multifit-old", "qrnn", old=True,
                   save=lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False))
    language_model("ulmfit", "lstm", torch.save)
    laser()


if __name__ == "__main__":
    main()
