"""Owns the stage in which the encoder first sees Chinese: masked-language modelling over the training passages."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from batches import held_out_passages
from corpus import CLS, MASK, SEP, SPECIALS, Corpus
from long_run import linear_end
from small_model import Encoder, SmallShape
from small_start import start_encoder

CHINESE_SHARE = 0.75
LENGTH = 128  # tokens of a row, with [CLS] and [SEP]
ROWS = 40  # of one step and process
MASKED_SHARE, KEPT, RANDOM = 0.15, 0.1, 0.1  # of the tokens; of the masked ones
BODY_RATE, WORD_RATE = 2e-4, 7e-4
WARMUP, DECAY = 30, 80  # steps


class MaskedModel(nn.Module):
    """The encoder with a head that names the masked pieces; the word table is its output layer as well."""

    def __init__(self, shape):
        super().__init__()
        self.encoder = Encoder(shape)
        self.dense, self.norm = nn.Linear(shape.hidden, shape.hidden), nn.LayerNorm(shape.hidden)
        self.bias = nn.Parameter(torch.zeros(shape.vocab_size))
        nn.init.eye_(self.dense.weight)

    def forward(self, ids, chosen):
        """Logits `[chosen, vocab]` of the chosen places, a bool mask over the ids `[rows, length]`."""
        states = self.encoder(ids, torch.ones(ids.shape), torch.zeros_like(ids))[-1]
        hidden = self.norm(self.dense(states[chosen]))
        return hidden @ self.encoder.words.weight.T + self.bias


def hide(ids, vocab_size, rng):
    """`(ids with some pieces hidden, bool mask of the places to name)`; special tokens are never hidden."""
    chosen = (rng.random(ids.shape) < MASKED_SHARE) & (ids >= len(SPECIALS))
    fate = rng.random(ids.shape)
    hidden = np.where(chosen & (fate >= KEPT), MASK, ids)
    other = rng.integers(len(SPECIALS), vocab_size, ids.shape)
    return np.where(chosen & (fate >= KEPT) & (fate < KEPT + RANDOM), other, hidden), chosen


def fill_row(passages, rng):
    """One row of `LENGTH` tokens out of passages drawn until it is full: `draw(rng) -> ids`."""
    row = [np.array([CLS])]
    length = 1
    while length < LENGTH:
        passage = passages(rng)
        begin = int(rng.integers(max(1, len(passage) - LENGTH)))
        row += [passage[begin:], [SEP]]
        length += len(passage) - begin + 1
    return np.concatenate(row)[:LENGTH].astype(np.int64)


class MaskedTask:
    """What `LongRun` needs for this stage."""

    def __init__(self, options):
        self.options, self.corpus = options, Corpus(options.work)
        torch.manual_seed(options.seed)
        self.model = MaskedModel(SmallShape(options.vocab_size))
        start_encoder(self.model.encoder, options.work, options.start_weights)
        out = held_out_passages(self.corpus)
        self.by_language = [np.setdiff1d(self.corpus.passage[self.corpus.zh == zh], out) for zh in (0, 1)]

    def parameter_groups(self):
        words = self.model.encoder.words.weight
        rest = [p for p in self.model.parameters() if p is not words]
        return [
            {"params": [words], "rate": WORD_RATE, "weight_decay": 0.0},
            {"params": rest, "rate": BODY_RATE, "weight_decay": 0.01},
        ]

    def share(self, step):
        return min(1.0, (step + 1) / WARMUP) * linear_end(step, self.options.steps, DECAY)

    def _draw(self, rng):
        some = self.by_language[int(rng.random() < CHINESE_SHARE)]
        return self.corpus.passages[some[rng.integers(len(some))]]

    def loss(self, _, rng):
        ids = np.stack([fill_row(self._draw, rng) for _ in range(ROWS)])
        hidden, chosen = hide(ids, self.options.vocab_size, rng)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.options.reduced):
            logits = self.model(torch.from_numpy(hidden), torch.from_numpy(chosen))
        loss = F.cross_entropy(logits.float(), torch.from_numpy(ids[chosen]))
        return loss, {"loss": loss.item(), "tokens": ids.size}

    def report(self, average, rank, step):
        pass  # the log's loss says enough

    def state(self):
        return {}

    def restore(self, state):
        pass


