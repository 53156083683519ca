"""Owns the cross-encoder: a small BERT-like encoder that is shown the lexical matches of the pair.

Inputs are `input_ids`, `attention_mask` and `token_type_ids`, int64 `[pairs, seqLen]`; the output is `logits`
`[pairs, 1]`. Type 0 is the query, type 1 the document. Every statistic is masked, so padding changes nothing.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from lexical import BIGRAM_BASE, BIGRAM_BUCKETS, FIRST_TOKEN

SATURATION = 1.0  # BM25 k1 before training
WINDOW, STRIDE = 32, 16  # tokens; a stride of half the window lets max-pooling pad without leaving gaps
KERNELS = (0.3, 0.5, 0.7, 0.9)  # centres of the soft-match histogram, cosine
KERNEL_SHARPNESS = 50.0
TOKEN_FEATURES = 8
PAIR_FEATURES = 22
LEAD = 16  # tokens; where a document names its topic


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
        self.word_weight = nn.Embedding(shape.vocab_size, 1)
        self.bigram_weight = nn.Embedding(BIGRAM_BUCKETS, 1)
        self.k1 = nn.Parameter(torch.full((2,), math.log(SATURATION)))
        self.soft = nn.Embedding(shape.vocab_size, shape.soft_width)
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
            self.soft.weight.copy_(torch.from_numpy(embeddings[:, : self.shape.soft_width]))
        if idf is not None:
            weights = torch.from_numpy(idf)[:, None] / 10
            self.word_weight.weight.copy_(weights[: self.shape.vocab_size])
            self.bigram_weight.weight.copy_(weights[self.shape.vocab_size :])
        self.deep.weight.mul_(0.2)
        self.shallow.weight.zero_()
        self.shallow.weight[0, :4] = torch.tensor([6.0, 2.0, 6.0, 2.0])  # saturated and plain coverage
        self.shallow.bias.fill_(-4)

    def forward(self, input_ids, attention_mask, token_type_ids):
        raw = self.raw_logits(input_ids, attention_mask, token_type_ids)
        return raw * self.scale + self.shift

    def raw_logits(self, input_ids, attention_mask, token_type_ids):
        mask = attention_mask.float()
        words = self.words(input_ids)
        token_features, pair_features, share = self._lexical(input_ids, mask, token_type_ids)
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

    def _lexical(self, input_ids, mask, token_type_ids):
        """Token features `[pairs, seqLen, 8]`, pair features `[pairs, 22]`, rarity share of each query token."""
        document = token_type_ids.float() * mask
        content = (input_ids >= FIRST_TOKEN).float()
        query, document = (mask - document) * content, document * content
        next_query, next_document = query * F.pad(query[:, 1:], (0, 1)), document * F.pad(document[:, 1:], (0, 1))
        ids = input_ids.int()
        keys = ids * BIGRAM_BASE + F.pad(ids[:, 1:], (0, 1))
        weight = self.word_weight(input_ids)[:, :, 0]
        pair_weight = self.bigram_weight(torch.remainder(keys, BIGRAM_BUCKETS).long())[:, :, 0]

        same = match(ids, query, document)
        same_pair = match(keys, next_query, next_document)
        found, found_pair = same.sum(2), same_pair.sum(2)  # of query positions, how often in the document
        asked, asked_pair = same.sum(1), same_pair.sum(1)  # of document positions, how often in the query

        soft = self.soft(input_ids)
        soft = soft * (soft.square().sum(2, keepdim=True) + 1e-6).rsqrt()
        cosine = soft @ soft.transpose(1, 2)
        nearest = (cosine + ((document - 1) * 4)[:, None, :]).amax(2).clamp(min=-1)
        nearest_query = (cosine + ((query - 1) * 4)[:, :, None]).amax(1).clamp(min=-1)

        length = document.sum(1, keepdim=True)
        norm = 0.3 + 0.7 * (length / 100 + 1e-6).sqrt()  # gentler than BM25, which knows the mean length of its corpus
        query_weight, query_pair_weight = (query * weight).relu(), (next_query * pair_weight).relu()
        total, total_pair = query_weight.sum(1, keepdim=True) + 0.05, query_pair_weight.sum(1, keepdim=True) + 0.05
        share, share_pair = query_weight / total, query_pair_weight / total_pair
        k1 = self.k1.exp()
        saturated, saturated_pair = found / (found + k1[0] * norm), found_pair / (found_pair + k1[1] * norm)
        has, has_pair = found.clamp(max=1), found_pair.clamp(max=1)
        near = share * nearest
        lead = document * (document.cumsum(1) <= LEAD).float()
        in_lead = (same @ lead[:, :, None])[:, :, 0].clamp(max=1)
        offered = document * weight.relu()
        answered, answered_pair = asked.clamp(max=1), asked_pair.clamp(max=1)
        lead_weight, lead_pair_weight = lead * offered, lead * next_document * pair_weight.relu()
        kernels = [(share * (-KERNEL_SHARPNESS * (nearest - mu).square()).exp()).sum(1, keepdim=True) for mu in KERNELS]
        pair_features = torch.cat(
            [
                (share * saturated).sum(1, keepdim=True),
                (share * has).sum(1, keepdim=True),
                (share_pair * saturated_pair).sum(1, keepdim=True),
                (share_pair * has_pair).sum(1, keepdim=True),
                (query_weight * saturated).sum(1, keepdim=True) / 3,
                (query_pair_weight * saturated_pair).sum(1, keepdim=True) / 3,
                near.sum(1, keepdim=True),
                *kernels,
                densest(same, share),
                densest(same_pair, share_pair),
                (query_weight * (1 - has)).amax(1, keepdim=True),
                (query_weight * has).amax(1, keepdim=True),
                (length + 1).log() / 5,
                (query.sum(1, keepdim=True) + 1).log() / 3,
                total / 5,
                (share * in_lead).sum(1, keepdim=True),
                ratio(lead_weight * answered, lead_weight),
                ratio(lead_pair_weight * answered_pair, lead_pair_weight),
                ratio(offered * answered, offered),
            ],
            dim=1,
        )
        matched, matched_pair = (found + asked).clamp(max=1), (found_pair + asked_pair).clamp(max=1)
        token_features = torch.stack(
            [
                matched,
                matched_pair,
                F.pad(matched_pair[:, :-1], (1, 0)),
                weight * (query + document),
                weight * matched,
                pair_weight * matched_pair,
                (found + asked + 1).log() * 0.5,
                nearest * query + nearest_query * document,
            ],
            dim=2,
        )
        return token_features, pair_features, share


def match(keys, query, document):
    """1 where query position i and document position j hold the same key, float `[pairs, seqLen, seqLen]`."""
    asked = torch.where(query > 0, keys, -1)
    offered = torch.where(document > 0, keys, -2)
    return (asked[:, :, None] == offered[:, None, :]).float()


def ratio(part, whole):
    """Sum of the part over the sum of the whole, `[pairs, 1]`, near 0 where both are empty."""
    return part.sum(1, keepdim=True) / (whole.sum(1, keepdim=True) + 0.05)


def densest(same, share):
    """Largest share of the query's weight found inside one window of the document, `[pairs, 1]`."""
    seen = F.max_pool2d(same[:, None], (1, WINDOW), (1, STRIDE), (0, WINDOW // 2))[:, 0]
    return (share[:, None, :] @ seen)[:, 0].amax(1, keepdim=True)
