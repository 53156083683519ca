"""Owns the ranking stages of crossrank-small: the lexical part alone, then everything, listwise with hard negatives."""

import os

import numpy as np
import torch
from torch import nn

from batches import GroupSampler, Recipe, by_length, collate
from corpus import Corpus
from devsets import load_sets, ranked, summary, truncated
from fit import listwise_loss
from long_run import averaged, inverse_root, linear_end
from matches import PAIR_FEATURES, Matches, start_as_bm25
from mistakes import Mistakes
from small_model import SmallCrossEncoder, SmallShape
from small_start import start_encoder

RECIPE = Recipe(negatives=5, limits=(64, 104, 136), shares=(0.4, 0.4, 0.2), long_shares=(0.2, 0.4, 0.4))
RUN_TOKENS = 2500  # padded tokens of one forward pass
DEPTH_SHARES = (0.5, 0.2, 0.3)  # of the steps that end at each exit, shallowest first; the shallow ones are cheap
PASSED = 0.5  # weight in the loss of an exit that is passed on the way
RATES = {"encoder.words": 2e-4, "encoder": 1e-4, "matches": 1e-4, "": 5e-4}  # the first name that fits counts
LEXICAL_RATES = {"matches.k1": 1.5e-3, "matches": 3e-4, "": 1.5e-3}
WARMUP, PLATEAU = 200, 4000  # steps
REPORT_QUERIES, REPORT_TOKENS = 40, 256


class LexicalModel(nn.Module):
    """The part of the model that is trained first, under the names it has there."""

    def __init__(self, shape):
        super().__init__()
        self.matches, self.shallow = Matches(shape.vocab_size, shape.soft_width), nn.Linear(PAIR_FEATURES, 1)
        start_as_bm25(self.shallow)

    def exit_logits(self, ids, mask, types, depth=None):
        return [self.shallow(self.matches(ids, mask.float(), types)[1])]


def score_exits(model, pairs, depth=None, budget=RUN_TOKENS):
    """Raw logits `[exits, pairs]` of `(query ids, document ids)` pairs, run in order of length."""
    order, parts = [], []
    for run in by_length(pairs, budget):
        inputs = [torch.from_numpy(a) for a in collate([pairs[i] for i in run])]
        parts.append(torch.cat(model.exit_logits(*inputs, depth=depth), dim=1).T)
        order += run
    back = torch.empty(len(order), dtype=torch.long)
    back[torch.tensor(order)] = torch.arange(len(order))
    return torch.cat(parts, dim=1)[:, back]


def exits_loss(logits, passed=PASSED):
    """Listwise loss of the deepest exit and, at a smaller weight, of those passed; logits `[exits, groups, documents]`."""
    weights = [passed] * (len(logits) - 1) + [1.0]
    return sum(w * listwise_loss(one) for w, one in zip(weights, logits)) / sum(weights)


def groups_by_rate(model, rates):
    """Parameter groups of the optimiser; tables are not decayed."""
    chosen = {}
    for name, parameter in model.named_parameters():
        rate = next(rate for prefix, rate in rates.items() if name.startswith(prefix))
        decay = 0.01 if parameter.dim() == 2 and parameter.shape[0] < 5000 else 0.0
        chosen.setdefault((rate, decay), []).append(parameter)
    return [{"params": some, "rate": rate, "weight_decay": decay} for (rate, decay), some in chosen.items()]


class RankingTask:
    """Draws groups, scores them and remembers mistakes; what both stages share."""

    def __init__(self, options):
        self.options = options
        corpus = Corpus(options.work)
        self.idf = np.load(os.path.join(options.work, "idf.npy"))
        negatives = np.load(os.path.join(options.work, "negatives.npy"), mmap_mode="r")
        self.sampler = GroupSampler(corpus, negatives, self.idf[: options.vocab_size], options.sentence_ends, RECIPE)
        self.mistakes = Mistakes()
        torch.manual_seed(options.seed)

    def depth(self, step):
        return None

    def _draw(self, rng):
        """`(pair, passages, whether it comes back)` of the next group."""
        back = self.mistakes.take(rng)
        pair = back[0] if back else self.sampler.pair(rng)
        passages = self.sampler.passages(pair, rng)
        if back:
            passages = (passages[:1] + back[1] + [p for p in passages[1:] if p not in back[1]])[: len(passages)]
        return pair, passages, bool(back)

    def loss(self, step, rng):
        drawn = [self._draw(rng) for _ in range(self.options.groups)]
        groups = [self.sampler.group(pair, rng, passages) for pair, passages, _ in drawn]
        pairs = [(query, document) for query, documents in groups for document in documents]
        logits = score_exits(self.model, pairs, self.depth(step)).unflatten(1, (len(groups), -1))
        loss, last = exits_loss(logits), logits[-1].detach()
        for (pair, passages, back), row in zip(drawn, last.tolist()):
            if not back:
                self.mistakes.learn(pair, passages[1:], row)
        top = (last.argmax(1) == 0).float().mean().item()
        tokens = sum(len(q) + len(d) + 3 for q, d in pairs)
        return loss, {"loss": loss.item(), "top": top, "tokens": tokens, "remembered": len(self.mistakes.groups)}

    def report(self, average, rank, step):
        pass

    def state(self):
        return {"mistakes": self.mistakes.state()}

    def restore(self, state):
        self.mistakes.restore(state["mistakes"])


class LexicalTask(RankingTask):
    """The lexical statistics alone, at many times the speed."""

    def __init__(self, options):
        super().__init__(options)
        self.model = LexicalModel(SmallShape(options.vocab_size))
        self.model.matches.start(self.idf, np.load(os.path.join(options.work, "embeddings.npy")))

    def parameter_groups(self):
        return groups_by_rate(self.model, LEXICAL_RATES)

    def share(self, step):
        return min(1.0, (step + 1) / 50) * linear_end(step, self.options.steps, self.options.decay_steps)


class FitTask(RankingTask):
    """Everything together; one depth a step, the same in both processes."""

    def __init__(self, options):
        super().__init__(options)
        self.model = started(options)
        self.model.reduced = options.reduced

    def parameter_groups(self):
        return groups_by_rate(self.model, RATES)

    def share(self, step):
        return inverse_root(step, WARMUP, PLATEAU) * linear_end(step, self.options.steps, self.options.decay_steps)

    def depth(self, step):
        return int(np.random.default_rng((self.options.seed, step)).choice(self.model.shape.exits, p=DEPTH_SHARES))

    @torch.no_grad()
    def report(self, average, rank, step):
        """MRR@10 of every exit of the averaged weights on a few queries of each set; each process scores a part."""
        import torch.distributed as dist

        own = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(average)
        sets = load_sets(self.options.data, self.options.tokenizer, limit=REPORT_QUERIES)
        figures = exit_figures(self.model, {n: q[rank :: self.options.processes] for n, q in sets.items()}, REPORT_TOKENS)
        self.model.load_state_dict(own)
        means = torch.tensor([[exit["mrr@10"] for exit in one] for one in figures.values()])
        dist.all_reduce(means)
        means /= self.options.processes
        if rank == 0:
            for name, row in zip(figures, means.tolist()):
                shown = ", ".join(f"{d} layers {m:.3f}" for d, m in zip(self.model.shape.exits, row))
                print(f"  step {step} MRR@10 {name}, {REPORT_QUERIES} queries: {shown}", flush=True)


def started(options):
    """The model before `fit`: MiniLM, then what the earlier stages have learned, where they were run."""
    model = SmallCrossEncoder(SmallShape(options.vocab_size))
    start_encoder(model.encoder, options.work, options.start_weights)
    model.matches.start(np.load(os.path.join(options.work, "idf.npy")), np.load(os.path.join(options.work, "embeddings.npy")))
    for stage in ("lexical", "mlm"):
        if os.path.exists(os.path.join(options.work, stage + ".pt")):
            weights, _ = averaged(options.work, stage)
            known = model.state_dict()
            model.load_state_dict({name: value for name, value in weights.items() if name in known}, strict=False)
    return model


@torch.no_grad()
def exit_figures(model, sets, limit):
    """`{set: [metrics of each exit]}`; pairs cut to `limit` tokens."""
    figures = {}
    for name, queries in sets.items():
        pairs = [truncated(query, document, limit) for query, documents, _ in queries for document in documents]
        figures[name] = []
        for row in score_exits(model, pairs).tolist():
            logits = iter(row)
            figures[name].append(summary([ranked([next(logits) for _ in documents], rel) for _, documents, rel in queries]))
    return figures
