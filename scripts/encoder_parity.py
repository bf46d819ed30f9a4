#!/usr/bin/env python3
"""Small cases from Hugging Face transformers that the tests compare with: toolkit/nn/tests/parity.

    python3 -m venv .venv && .venv/bin/pip install torch transformers safetensors
    .venv/bin/python scripts/encoder_parity.py

Every number is made here: random weights and random tokens from a fixed seed, and what transformers'
own models compute from them. Each case is a model folder (config.json, model.safetensors) with
case.safetensors beside: texts of several lengths (1 among them, and longer than the window of local
layers), given to transformers as a padded batch; hidden states, logits, the loss of a step and the
gradient of every parameter under its published name. `laser` is written with torch's own LSTM.
"""
import json
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import (BertConfig, BertForSequenceClassification, ModernBertConfig, ModernBertForMaskedLM,
                          ModernBertForSequenceClassification, ModernBertForTokenClassification, XLMRobertaConfig,
                          XLMRobertaForSequenceClassification)

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "toolkit/nn/tests/parity"
VOCABULARY = 40
SMALL = dict(vocab_size=VOCABULARY, hidden_size=16, intermediate_size=12, num_hidden_layers=4, num_attention_heads=2,
             pad_token_id=1, num_labels=3, attention_dropout=0.0)
MODERN = dict(SMALL, local_attention=8, max_position_embeddings=2048, bos_token_id=2, eos_token_id=3, cls_token_id=2,
              sep_token_id=3)
BERT = dict(SMALL, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, max_position_embeddings=64)
LENGTHS = [5, 1, 30, 12]


def stir(model):
    """Norms and biases away from ones and zeros, weights large enough to matter."""
    for name, parameter in model.named_parameters():
        parameter.data = torch.randn_like(parameter) * (0.3 if parameter.dim() > 1 else 0.2)
        if "norm" in name.lower() and name.endswith("weight"):
            parameter.data += 1.0
    return model


def padded(texts, value):
    return nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=value)


def texts_of(lengths):
    return [torch.randint(4, VOCABULARY, (length,)) for length in lengths]


def write(name, model, tensors):
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder)
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    if name == "masked":
        state.pop("decoder.weight")  # tied
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    save_file({key: value.detach().contiguous() for key, value in tensors.items()}, folder / "case.safetensors")


def case(name, model, lengths, kind="texts", types=False):
    torch.manual_seed(len(name))
    model = stir(model).train()  # all dropouts are zero
    texts = texts_of(lengths)
    ids, mask = padded(texts, 1), padded([torch.ones_like(text) for text in texts], 0)
    inputs = {"input_ids": ids, "attention_mask": mask}
    tensors = {"tokens": torch.cat(texts), "lengths": torch.tensor(lengths)}
    if types:
        parts = [(torch.arange(len(text)) * 2 >= len(text)).long() for text in texts]
        inputs["token_type_ids"] = padded(parts, 0)
        tensors["types"] = torch.cat(parts)
    hidden = model.base_model(**inputs)[0]
    tensors["hidden"] = hidden[mask.bool()]
    logits = model(**inputs).logits
    if kind == "texts":
        labels = torch.arange(len(texts)) % 3
        tensors["logits"] = logits
    else:
        logits = logits[mask.bool()]
        tensors["logits"] = logits
        labels = torch.randint(0, logits.shape[1], (len(logits),))
    tensors["labels"] = labels
    loss = nn.functional.cross_entropy(logits, labels)
    loss.backward()
    tensors["loss"] = loss[None]
    for key, parameter in model.named_parameters():
        if parameter.grad is not None:
            tensors["gradient." + key] = parameter.grad
    write(name, model, tensors)


class Laser(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(VOCABULARY, 6, padding_idx=1)
        self.lstm = nn.LSTM(6, 5, 3, bidirectional=True)


def laser():
    torch.manual_seed(7)
    model = stir(Laser())
    texts = texts_of(LENGTHS)
    vectors = []
    for text in texts:
        output, _ = model.lstm(model.embed_tokens(text)[:, None])
        vectors.append(output.max(0).values[0])
    folder = FOLDER / "laser"
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": "laser", "num_embeddings": VOCABULARY, "embed_dim": 6, "hidden_size": 5, "num_layers": 3}
    (folder / "config.json").write_text(json.dumps(config))
    save_file(model.state_dict(), folder / "model.safetensors")
    save_file({"tokens": torch.cat(texts), "lengths": torch.tensor(LENGTHS), "pooled": torch.stack(vectors).detach()},
              folder / "case.safetensors")


def main():
    modern = lambda **more: ModernBertConfig(**dict(MODERN, **more))
    case("first", ModernBertForSequenceClassification(modern(classifier_pooling="cls")), LENGTHS)
    case("mean", ModernBertForSequenceClassification(modern(classifier_pooling="mean", hidden_activation="silu", norm_bias=True,
         attention_bias=True, mlp_bias=True, classifier_bias=True, norm_eps=1e-3)), LENGTHS)
    # Above 1,024 tokens, and above a tile of keys; two layers keep the file small.
    case("long", ModernBertForSequenceClassification(modern(classifier_pooling="mean", num_hidden_layers=2, local_attention=128)), [1100, 3])
    case("masked", ModernBertForMaskedLM(modern()), LENGTHS, kind="tokens")
    case("tokens", ModernBertForTokenClassification(modern()), LENGTHS, kind="tokens")
    case("bert", BertForSequenceClassification(BertConfig(**dict(BERT, pad_token_id=0))), LENGTHS, types=True)
    case("xlm-roberta", XLMRobertaForSequenceClassification(XLMRobertaConfig(**dict(BERT, type_vocab_size=1, hidden_act="gelu_new"))), LENGTHS)
    laser()


if __name__ == "__main__":
    main()
