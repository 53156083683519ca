"""Owns crossrank-small: MiniLM's encoder over query and document, with the lexical matches shown to it and to the head.

Inputs are `input_ids`, `attention_mask` and `token_type_ids`, int64 `[pairs, seqLen]`; the output is `logits`
`[pairs, 1]`. One set of weights serves several depths: after each layer named in `exits` a head of its own scores the
pair, so that the depth that ships is chosen by measuring one run. Padding changes nothing.
"""

from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn import functional as F

from matches import PAIR_FEATURES, TOKEN_FEATURES, Matches, start_as_bm25

MASKED = -1e4  # added to attention weights of padding
MEANINGS = 2  # features of the head that compare states: cosine of the two means, best match of each query token
CLOSE, LATE = 2.0, 4.0  # their weights before training


@dataclass
class SmallShape:
    vocab_size: int
    hidden: int = 384
    exits: tuple = (3, 4, 6)
    heads: int = 12
    inner: int = 1536
    positions: int = 512
    head: int = 256
    soft_width: int = 48
    cooccurrence: int = 128  # width of the vectors that new words start from

    @property
    def layers(self):
        return max(self.exits)


class SmallLayer(nn.Module):
    """One layer of BERT, normalised after each half."""

    def __init__(self, shape):
        super().__init__()
        self.heads, self.width = shape.heads, shape.hidden // shape.heads
        self.qkv, self.out = nn.Linear(shape.hidden, 3 * shape.hidden), nn.Linear(shape.hidden, shape.hidden)
        self.up, self.down = nn.Linear(shape.hidden, shape.inner), nn.Linear(shape.inner, shape.hidden)
        self.norm1, self.norm2 = nn.LayerNorm(shape.hidden, eps=1e-12), nn.LayerNorm(shape.hidden, eps=1e-12)

    def forward(self, x, bias):
        pairs, length, hidden = x.shape
        query, key, value = self.qkv(x).chunk(3, dim=2)
        query, key, value = (t.reshape(pairs, length, self.heads, self.width).transpose(1, 2) for t in (query, key, value))
        # Plain products: at these lengths their backward pass takes half the time of the fused attention's on a CPU.
        weights = (query @ key.transpose(2, 3) * self.width**-0.5 + bias.to(query.dtype)).softmax(dim=3)
        x = self.norm1(x + self.out((weights @ value).transpose(1, 2).reshape(pairs, length, hidden)))
        return self.norm2(x + self.down(F.gelu(self.up(x))))


class Encoder(nn.Module):
    """MiniLM's body; gives back the states after each exit it passes."""

    def __init__(self, shape):
        super().__init__()
        self.exits = shape.exits
        self.words = nn.Embedding(shape.vocab_size, shape.hidden)
        self.positions = nn.Parameter(torch.zeros(shape.positions, shape.hidden))
        self.segments = nn.Parameter(torch.zeros(2, shape.hidden))
        self.norm = nn.LayerNorm(shape.hidden, eps=1e-12)
        self.layers = nn.ModuleList(SmallLayer(shape) for _ in range(shape.layers))

    def forward(self, input_ids, mask, token_type_ids, shown=0.0, depth=None):
        """`shown` is added to what each token starts with; `depth` leaves out the layers above."""
        place = self.positions[torch.arange(input_ids.shape[1], device=input_ids.device)]
        kind = token_type_ids.float()[:, :, None]
        side = self.segments[0] + kind * (self.segments[1] - self.segments[0])
        x = self.norm(self.words(input_ids) + place + side + shown)
        bias = ((1 - mask) * MASKED)[:, None, None, :]
        states = []
        for number, layer in enumerate(self.layers[:depth], 1):
            x = layer(x, bias)
            if number in self.exits:
                states.append(x)
        return states


class Head(nn.Module):
    """Scores one exit from its states: `[CLS]`, both sides' means, how alike they are, and the lexical statistics."""

    def __init__(self, shape):
        super().__init__()
        self.norm = nn.LayerNorm(4 * shape.hidden)
        self.hidden = nn.Linear(4 * shape.hidden + MEANINGS + PAIR_FEATURES, shape.head)
        self.deep = nn.Linear(shape.head, 1, bias=False)
        self.meaning = nn.Linear(MEANINGS, 1, bias=False)
        with torch.no_grad():
            self.deep.weight.mul_(0.1)
            self.meaning.weight.copy_(torch.tensor([[CLOSE, LATE]]))

    def forward(self, x, query, document, share, pair_features):
        asked, offered = mean_state(x, query), mean_state(x, document)
        closeness = (F.normalize(asked, dim=1) * F.normalize(offered, dim=1)).sum(1, keepdim=True)
        meanings = torch.cat([closeness, best_matches(x, document, share)], dim=1)
        states = self.norm(torch.cat([x[:, 0], asked, offered, asked * offered], dim=1))
        summary = torch.cat([states, meanings, pair_features], dim=1)
        return self.deep(F.gelu(self.hidden(summary))) + self.meaning(meanings)


class SmallCrossEncoder(nn.Module):
    """Lexical statistics plus what the encoder makes of the pair; calibrated by `scale` and `shift`."""

    def __init__(self, shape):
        super().__init__()
        self.shape, self.reduced = shape, False  # reduced: the encoder computes in bfloat16
        self.encoder = Encoder(shape)
        self.matches = Matches(shape.vocab_size, shape.soft_width)
        self.token_features = nn.Linear(TOKEN_FEATURES, shape.hidden)
        self.heads = nn.ModuleList(Head(shape) for _ in shape.exits)
        self.shallow = nn.Linear(PAIR_FEATURES, 1)
        self.register_buffer("scale", torch.ones(1))
        self.register_buffer("shift", torch.zeros(1))
        nn.init.zeros_(self.token_features.weight)  # the encoder starts from what it knows
        nn.init.zeros_(self.token_features.bias)
        start_as_bm25(self.shallow)

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.raw_logits(input_ids, attention_mask, token_type_ids) * self.scale + self.shift

    def raw_logits(self, input_ids, attention_mask, token_type_ids):
        return self.exit_logits(input_ids, attention_mask, token_type_ids)[-1]

    def lexical_logits(self, input_ids, attention_mask, token_type_ids):
        """What the lexical statistics alone say, `[pairs, 1]`."""
        return self.shallow(self.matches(input_ids, attention_mask.float(), token_type_ids)[1])

    def exit_logits(self, input_ids, attention_mask, token_type_ids, depth=None):
        """Raw logits `[pairs, 1]` of every exit up to `depth` layers, shallowest first."""
        mask = attention_mask.float()
        token_features, pair_features, share = self.matches(input_ids, mask, token_type_ids)
        document = token_type_ids.float() * mask
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.reduced):
            states = self.encoder(input_ids, mask, token_type_ids, self.token_features(token_features), depth)
        lexical = self.shallow(pair_features)
        sides = (mask - document, document)
        return [lexical + head(x.float(), *sides, share, pair_features) for head, x in zip(self.heads, states)]


def at_depth(model, depth):
    """A model that ends at one exit, with the weights of the given one."""
    shape = replace(model.shape, exits=(depth,))
    short = SmallCrossEncoder(shape)
    place = f"heads.{model.shape.exits.index(depth)}."
    weights, wanted = model.state_dict(), short.state_dict()
    short.load_state_dict({name: weights[name.replace("heads.0.", place)] for name in wanted})
    return short.eval()


def mean_state(x, mask):
    """Mean state of the tokens of one side, `[pairs, hidden]`."""
    return (mask[:, None, :] @ x)[:, 0] / (mask.sum(1, keepdim=True) + 1e-6)


def best_matches(x, document, share):
    """Rarity-weighted mean over query tokens of the best cosine with a document token, `[pairs, 1]`."""
    direction = x * (x.square().sum(2, keepdim=True) + 1e-6).rsqrt()
    cosine = direction @ direction.transpose(1, 2) + ((document - 1) * 4)[:, None, :]
    return (share * cosine.amax(2).clamp(min=-1)).sum(1, keepdim=True)
