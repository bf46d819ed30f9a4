#!/usr/bin/env python3
"""A step of fine-tuning ModernBERT in Hugging Face transformers on this machine, random weights: the peer of
`encoder_speed --train`.

    python3 -m venv .venv && .venv/bin/pip install torch transformers
    .venv/bin/python scripts/peer_encoder.py --fixed 512
    .venv/bin/python scripts/peer_encoder.py --variable      # lengths N(256, 64) clamped to 16..512

Forward, cross-entropy over two classes, backward, AdamW. Prints tokens a second that carry text.
"""
import argparse
import time

import torch
from transformers import ModernBertConfig, ModernBertForSequenceClassification

SIZES = {"base": (22, 768, 1152, 12, 50368), "small": (6, 256, 384, 4, 6016)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--fixed", type=int, default=512)
    parser.add_argument("--variable", action="store_true")
    parser.add_argument("--docs", type=int, default=16)
    parser.add_argument("--bs", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(2)
    torch.manual_seed(0)
    layers, width, inner, heads, vocabulary = SIZES[options.size]
    config = ModernBertConfig(num_hidden_layers=layers, hidden_size=width, intermediate_size=inner, vocab_size=vocabulary,
                              num_attention_heads=heads, classifier_pooling="mean", num_labels=2, pad_token_id=1,
                              bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3)
    model = ModernBertForSequenceClassification(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, betas=(0.9, 0.98), eps=1e-6, weight_decay=1e-5)
    lengths = [options.fixed] * options.docs
    if options.variable:
        lengths = [int(x) for x in (torch.randn(options.docs) * 64 + 256).clamp(16, 512)]
    texts = sorted((torch.randint(100, min(vocabulary, 16000), (length,)) for length in lengths), key=len)
    batches = [texts[at:at + options.bs] for at in range(0, len(texts), options.bs)]

    def run():
        for batch in batches:
            ids = torch.nn.utils.rnn.pad_sequence(batch, batch_first=True)
            mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(text) for text in batch], batch_first=True)
            loss = model(input_ids=ids, attention_mask=mask, labels=torch.arange(len(batch)) % 2).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    run()
    times = []
    for _ in range(options.runs):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    what = "variable" if options.variable else options.fixed
    print(f"transformers ModernBERT {options.size} {what} training: best {sum(map(len, texts)) / min(times):.0f} tokens/s over {len(texts)} documents")


if __name__ == "__main__":
    main()
