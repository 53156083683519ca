"""Owns the cross-encoder: a small BERT-like encoder that is shown the lexical matches of the pair.

Inputs are `input_ids`, `attention_mask` and `token_type_ids`, int64 `[pairs, seqLen]`; the output is `logits`
`[pairs, 1]`. Type 0 is the query, type 1 the document. Every statistic is masked, so padding changes nothing.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from matches import PAIR_FEATURES, TOKEN_FEATURES, Matches, start_as_bm25


@dataclass
class Shape:
    vocab_size: int
    hidden: int = 128
    layers: int = 2
    heads: int = 4
    inner: int = 384
    positions: int = 512
    soft_width: int = 96


def sinusoids(positions, hidden):
    """Sine and cosine positions, the start of the learned table."""
    rate = torch.exp(torch.arange(0, hidden, 2) * (-math.log(10000.0) / hidden))
    angle = torch.arange(positions)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=2).reshape(positions, hidden)


class Layer(nn.Module):
    """Pre-norm attention and feed-forward. Queries and keys start as the identity: equal tokens attend to each other."""

    def __init__(self, shape):
        super().__init__()
        self.heads, self.width = shape.heads, shape.hidden // shape.heads
        self.norm1, self.norm2 = nn.LayerNorm(shape.hidden), nn.LayerNorm(shape.hidden)
        self.qkv = nn.Linear(shape.hidden, 3 * shape.hidden)
        self.out = nn.Linear(shape.hidden, shape.hidden)
        self.up, self.down = nn.Linear(shape.hidden, shape.inner), nn.Linear(shape.inner, shape.hidden)
        with torch.no_grad():
            for block in self.qkv.weight[: 2 * shape.hidden].split(shape.hidden):
                block.mul_(0.3).add_(0.8 * torch.eye(shape.hidden))
            for linear in (self.qkv, self.out, self.up, self.down):
                linear.bias.zero_()
            self.out.weight.zero_()  # a new layer changes nothing until it has learned
            self.down.weight.zero_()

    def forward(self, x, bias):
        pairs, length, hidden = x.shape
        query, key, value = self.qkv(self.norm1(x)).chunk(3, dim=2)
        query, key, value = (t.reshape(pairs, length, self.heads, self.width).transpose(1, 2) for t in (query, key, value))
        if torch.onnx.is_in_onnx_export():
            weights = (query @ key.transpose(2, 3) * self.width**-0.5 + bias).softmax(dim=3)
            mixed = weights @ value
        else:
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        x = x + self.out(mixed.transpose(1, 2).reshape(pairs, length, hidden))
        return x + self.down(self.up(self.norm2(x)).relu())


class CrossEncoder(nn.Module):
    """Scores pairs from the encoder's summary and from learned BM25-like statistics of the same pair."""

    def __init__(self, shape, idf=None, embeddings=None):
        super().__init__()
        self.shape = shape
        self.words = nn.Embedding(shape.vocab_size, shape.hidden)
        self.positions = nn.Parameter(0.05 * sinusoids(shape.positions, shape.hidden))
        self.segments = nn.Parameter(torch.randn(2, shape.hidden) * 0.1)
        self.matches = Matches(shape.vocab_size, shape.soft_width)
        self.token_features = nn.Linear(TOKEN_FEATURES, shape.hidden)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.hidden)
        self.hidden = nn.Linear(2 * shape.hidden + PAIR_FEATURES, shape.hidden)
        self.deep = nn.Linear(shape.hidden, 1, bias=False)
        self.shallow = nn.Linear(PAIR_FEATURES, 1)
        # Calibration, fitted after training: logits are multiplied and shifted so that their sigmoid is a probability.
        self.register_buffer("scale", torch.ones(1))
        self.register_buffer("shift", torch.zeros(1))
        self._start(idf, embeddings)

    @torch.no_grad()
    def _start(self, idf, embeddings):
        if embeddings is None:
            nn.init.normal_(self.words.weight, std=0.3)
        else:
            self.words.weight.copy_(torch.from_numpy(embeddings) * 3)
        self.matches.start(idf, embeddings)
        self.deep.weight.mul_(0.2)
        start_as_bm25(self.shallow)

    def forward(self, input_ids, attention_mask, token_type_ids):
        raw = self.raw_logits(input_ids, attention_mask, token_type_ids)
        return raw * self.scale + self.shift

    def raw_logits(self, input_ids, attention_mask, token_type_ids):
        mask = attention_mask.float()
        words = self.words(input_ids)
        token_features, pair_features, share = self.matches(input_ids, mask, token_type_ids)
        position = self.positions[: input_ids.shape[1]] if not torch.onnx.is_in_onnx_export() else self._positions(input_ids)
        kind = token_type_ids.float()[:, :, None]
        x = words + position + self.segments[0] + kind * (self.segments[1] - self.segments[0])
        x = x + self.token_features(token_features)
        bias = ((mask - 1) * 1e4)[:, None, None, :]
        for layer in self.layers:
            x = layer(x, bias)
        x = self.norm(x)
        asked = (share[:, None, :] @ x)[:, 0]
        summary = torch.cat([x[:, 0], asked, pair_features], dim=1)
        return self.deep(self.hidden(summary).relu()) + self.shallow(pair_features)

    def _positions(self, input_ids):
        return self.positions[torch.arange(input_ids.shape[1], device=input_ids.device)]
