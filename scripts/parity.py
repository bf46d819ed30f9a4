#!/usr/bin/env python3
"""Small cases from PyTorch and fastai that the tests compare with: toolkit/learn/tests/parity.

    python3 -m venv .venv && .venv/bin/pip install torch fastai==2.8.12 torch-optimi safetensors
    .venv/bin/python scripts/parity.py

Every number is made here: random weights and tokens from a fixed seed, and what PyTorch computes from
them. AWD-LSTM is fastai's own module; the QRNN is written op by op. Each case holds the weights (with
our names), tokens and targets of ten chunks, the logits and gradients of the first, and the losses of
ten training steps: cross-entropy, clip of the global norm, Adam, state carried. `optimizers.json` holds
gradients and where PyTorch's, fastai's and optimi's own optimizers go with them in ten steps.
`rate_finder.json` holds courses of losses and what fastai's `lr_find` suggests for each.
"""
import json
import pathlib

import optimi
import torch
import torch.nn.functional as F
from fastai.callback.schedule import minimum, slide, steep, valley
from fastai import optimizer as fastai_optimizer
from fastai.text.models.awdlstm import AWD_LSTM
from safetensors.torch import save_file
from torch import nn

VOCABULARY, EMBEDDING, HIDDEN, LAYERS, BATCH, TIME, STEPS = 13, 6, 9, 3, 3, 7, 10
RATE, BETAS, CLIP = 0.01, (0.8, 0.99), 0.25
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "toolkit/learn/tests/parity"


class Qrnn(nn.Module):
    """One layer: z, f, o of [x_t, x_{t-1}] or x_t; c = f·z + (1-f)·c; output o·c. x: [batch, time, inputs]."""

    def __init__(self, inputs, hidden, window):
        super().__init__()
        self.window = window
        self.linear = nn.Linear(window * inputs, 3 * hidden)
        self.state = None

    def forward(self, x):
        batch, time, inputs = x.shape
        hidden = self.linear.out_features // 3
        previous, cell = self.state or (x.new_zeros(batch, inputs), x.new_zeros(batch, hidden))
        last = x[:, -1].detach()
        if self.window == 2:
            x = torch.cat([x, torch.cat([previous[:, None], x[:, :-1]], 1)], 2)
        z, f, o = self.linear(x).chunk(3, 2)
        z, f, o = z.tanh(), f.sigmoid(), o.sigmoid()
        outputs = []
        for t in range(time):
            cell = f[:, t] * z[:, t] + (1 - f[:, t]) * cell
            outputs.append(o[:, t] * cell)
        self.state = (last, cell.detach())
        return torch.stack(outputs, 1)


class QrnnModel(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = [EMBEDDING] + [HIDDEN] * (LAYERS - 1) + [EMBEDDING]
        self.embedding = nn.Embedding(VOCABULARY, EMBEDDING)
        self.layers = nn.ModuleList(Qrnn(a, b, 2 if i == 0 else 1) for i, (a, b) in enumerate(zip(sizes, sizes[1:])))
        self.bias = nn.Parameter(torch.randn(VOCABULARY) * 0.1)

    def forward(self, ids):
        x = self.embedding(ids)
        for layer in self.layers:
            x = layer(x)
        return F.linear(x, self.embedding.weight, self.bias)

    def named(self):
        yield "encoder.embedding", self.embedding.weight
        yield "decoder_bias", self.bias
        for index, layer in enumerate(self.layers):
            yield f"encoder.layers.{index}.weight", layer.linear.weight
            yield f"encoder.layers.{index}.bias", layer.linear.bias


class LstmModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = AWD_LSTM(
            VOCABULARY, EMBEDDING, HIDDEN, LAYERS, pad_token=VOCABULARY - 1,
            hidden_p=0.0, input_p=0.0, embed_p=0.0, weight_p=0.0)
        # The padding row: fastai's embedding gives it no gradient, and no token of the cases is padding.
        self.bias = nn.Parameter(torch.randn(VOCABULARY) * 0.1)

    def forward(self, ids):
        return F.linear(self.encoder(ids), self.encoder.encoder.weight, self.bias)

    def named(self):
        yield "encoder.embedding", self.encoder.encoder.weight
        yield "decoder_bias", self.bias
        for index, layer in enumerate(self.encoder.rnns):
            name = f"encoder.layers.{index}"
            yield f"{name}.weight_input", layer.module.weight_ih_l0
            yield f"{name}.weight_hidden", layer.weight_hh_l0_raw
            yield f"{name}.bias_input", layer.module.bias_ih_l0
            yield f"{name}.bias_hidden", layer.module.bias_hh_l0


def dump(name, model):
    torch.manual_seed(1)
    model.train()
    chunks = torch.randint(0, VOCABULARY - 1, (STEPS, 2, BATCH, TIME))
    weights = {key: value.detach().clone().contiguous() for key, value in model.named()}
    optimizer = torch.optim.Adam([value for _, value in model.named()], lr=RATE, betas=BETAS, eps=1e-8)
    case = {"losses": [], "norms": []}
    for step in range(STEPS):
        tokens, targets = chunks[step]
        logits = model(tokens)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            case["logits"] = logits.flatten().tolist()
            case["gradients"] = {key: value.grad.flatten().tolist() for key, value in model.named()}
        parameters = [value for _, value in model.named()]
        case["norms"].append(float(nn.utils.clip_grad_norm_(parameters, CLIP)))
        case["losses"].append(float(loss))
        optimizer.step()
    case |= {
        "vocabulary": VOCABULARY, "embedding": EMBEDDING, "hidden": HIDDEN, "layers": LAYERS, "batch": BATCH,
        "time": TIME, "rate": RATE, "betas": BETAS, "clip": CLIP,
        "tokens": chunks[:, 0].flatten(1).tolist(), "targets": chunks[:, 1].flatten(1).tolist(),
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    save_file(weights, FOLDER / f"{name}.safetensors")
    (FOLDER / f"{name}.json").write_text(json.dumps(case) + "\n")
    print(name, [round(loss, 4) for loss in case["losses"]])


def optimizers():
    """Where each optimizer goes in ten steps: one tensor, given gradients, decay 0.1."""
    torch.manual_seed(2)
    start, gradients = torch.randn(9), torch.randn(STEPS, 9)
    rate, decay, beta, second, eps = 0.05, 0.1, 0.9, 0.99, 1e-6
    adam = dict(lr=rate, betas=(beta, second), eps=eps, weight_decay=decay)
    makers = {
        "sgd": lambda p: torch.optim.SGD(p, lr=rate, weight_decay=decay),
        "momentum": lambda p: torch.optim.SGD(p, lr=rate, momentum=beta, weight_decay=decay),
        "rms-prop": lambda p: torch.optim.RMSprop(p, lr=rate, alpha=second, eps=eps, weight_decay=decay),
        "adam": lambda p: torch.optim.Adam(p, **adam),
        "adam, decoupled": lambda p: torch.optim.AdamW(p, **adam),
        "rectified-adam": lambda p: torch.optim.RAdam(p, **adam),
        "rectified-adam, decoupled": lambda p: torch.optim.RAdam(p, **adam, decoupled_weight_decay=True),
        "stable-adam, decoupled": lambda p: optimi.StableAdamW(p, **adam, foreach=False, triton=False),
        "lamb, decoupled": lambda p: fastai_optimizer.Lamb(p, lr=rate, mom=beta, sqr_mom=second, eps=eps, wd=decay),
        "quasi-hyperbolic-adam, decoupled": lambda p: fastai_optimizer.QHAdam(
            p, lr=rate, mom=beta, sqr_mom=second, nu_1=0.7, nu_2=1.0, eps=eps, wd=decay),
        "adam, lookahead": lambda p: fastai_optimizer.Lookahead(
            fastai_optimizer.Adam(p, lr=rate, mom=beta, sqr_mom=second, eps=eps, wd=decay, decouple_wd=False), k=3, alpha=0.5),
    }
    ends = {}
    for name, make in makers.items():
        weights = nn.Parameter(start.clone())
        optimizer = make([weights])
        for gradient in gradients:
            weights.grad = gradient.clone()
            optimizer.step()
        ends[name] = weights.tolist()
    case = {
        "start": start.tolist(), "gradients": gradients.tolist(), "rate": rate, "decay": decay, "momentum": beta,
        "second_beta": second, "epsilon": eps, "ends": ends,
    }
    (FOLDER / "optimizers.json").write_text(json.dumps(case) + "\n")


def rate_finder():
    """Losses that fall and explode, with noise, and the four suggestions."""
    torch.manual_seed(3)
    cases = []
    for count, low, speed, noise in [(100, 3.0, 2.0, 0.0), (100, 2.0, 1.0, 0.02), (80, 4.0, 3.0, 0.1), (60, 1.0, 0.5, 0.3),
                                     (100, 5.0, 1.5, 0.005), (26, 2.0, 2.0, 0.05)]:
        rates = 1e-7 * (1e8 ** (torch.arange(count, dtype=torch.float64) / 100))
        place = torch.linspace(-6, 3, count, dtype=torch.float64)
        losses = low + 2 / (1 + (speed * (place + 2)).exp()) + (2 * (place - 1.5)).exp() + noise * torch.randn(count, dtype=torch.float64)
        used = slice(count // 10, -5)
        suggestions = {f.__name__: f(rates[used], losses[used], count)[0] for f in (valley, slide, minimum, steep)}
        suggestions = {name: float(value) for name, value in suggestions.items()}
        cases.append({"rates": rates.tolist(), "losses": losses.tolist(), "suggestions": suggestions})
    (FOLDER / "rate_finder.json").write_text(json.dumps(cases) + "\n")


torch.manual_seed(0)
torch.set_num_threads(1)
optimizers()
rate_finder()
torch.manual_seed(0)
dump("qrnn", QrnnModel())
dump("awd_lstm", LstmModel())
