"""Owns the training loop: two single-thread processes that average gradients, resumable, with a weight average."""

import os
import time

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as processes
from torch.nn import functional as F

from batches import NEGATIVES, GroupSampler, by_length, collate
from corpus import Corpus
from devsets import load_sets, score_sets
from model import CrossEncoder, Shape

RUN_TOKENS = 3000  # padded tokens of one forward pass
TABLE_RATE, RATE = 3e-4, 1.5e-3
WARMUP = 100  # steps
AVERAGE = 0.998  # of the weight average, per step
POINTWISE = 0.2  # share of the loss that looks at each pair alone, so that scores compare across queries
SAVE_EVERY = 100


def learning_rate(step, steps, decay_steps):
    """Share of the full rate: warm-up, plateau, linear decay to 3%."""
    return min(1.0, (step + 1) / WARMUP, max(0.03, (steps - step) / decay_steps))


def score_pairs(model, pairs, budget=RUN_TOKENS):
    """Raw logits `[pairs]` of `(query ids, document ids)` pairs, run in order of length."""
    order, parts = [], []
    for run in by_length(pairs, budget):
        inputs = [torch.from_numpy(a) for a in collate([pairs[i] for i in run])]
        parts.append(model.raw_logits(*inputs)[:, 0])
        order += run
    back = torch.empty(len(order), dtype=torch.long)
    back[torch.tensor(order)] = torch.arange(len(order))
    return torch.cat(parts)[back]


def listwise_loss(logits):
    """Softmax cross-entropy of the relevant document, plus a little balanced binary cross-entropy."""
    listwise = -logits.log_softmax(1)[:, 0].mean()
    target = torch.zeros_like(logits)
    target[:, 0] = 1
    weight = torch.ones_like(logits)
    weight[:, 0] = logits.shape[1] - 1
    return listwise + POINTWISE * F.binary_cross_entropy_with_logits(logits, target, weight)


def _average_gradients(model):
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in grads])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    norm = flat.norm()
    flat *= (1.0 / (norm + 1e-6)).clamp(max=1.0)
    begin = 0
    for grad in grads:
        grad.copy_(flat[begin : begin + grad.numel()].view_as(grad))
        begin += grad.numel()


def _optimizer(model):
    tables = [p for n, p in model.named_parameters() if n.endswith("weight") and p.shape[0] > 5000]
    known = {id(p) for p in tables}
    rest = [p for p in model.parameters() if id(p) not in known]
    groups = [{"params": tables, "rate": TABLE_RATE, "weight_decay": 0.0}, {"params": rest, "rate": RATE, "weight_decay": 0.01}]
    return torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.98), fused=True)


class Trainer:
    """One process of the run; process 0 also keeps the average, saves and reports."""

    def __init__(self, rank, options):
        self.rank, self.options = rank, options
        corpus = Corpus(options.work)
        self.vocab_size = options.vocab_size
        idf = np.load(os.path.join(options.work, "idf.npy"))
        negatives = np.load(os.path.join(options.work, "negatives.npy"), mmap_mode="r")
        self.sampler = GroupSampler(corpus, negatives, idf[: self.vocab_size], options.sentence_ends)
        torch.manual_seed(options.seed)
        shape = Shape(self.vocab_size) if options.layers is None else Shape(self.vocab_size, layers=options.layers)
        self.model = CrossEncoder(shape, idf, np.load(os.path.join(options.work, "embeddings.npy")))
        self.optimizer, self.step = _optimizer(self.model), 0
        self.path = checkpoint(options)
        start = options.start and os.path.join(options.work, options.start + ".pt")
        if start and not os.path.exists(self.path):
            self.model.load_state_dict(torch.load(start, weights_only=True)["average"], strict=False)
        self.average = CrossEncoder(shape).requires_grad_(False)
        self.average.load_state_dict(self.model.state_dict())
        if os.path.exists(self.path):
            self._load()

    def _load(self):
        state = torch.load(self.path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        rates = [group["rate"] for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(state["optimizer"])
        for group, rate in zip(self.optimizer.param_groups, rates):
            group["rate"] = rate
        self.step = state["step"]

    def save(self):
        state = {"model": self.model.state_dict(), "average": self.average.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step}
        torch.save(state, self.path + ".tmp")
        os.replace(self.path + ".tmp", self.path)

    def advance(self):
        """One step; gives back the loss, the share of queries with the relevant document on top, and the pair and token counts."""
        rng = np.random.default_rng((self.options.seed, self.step, self.rank))
        groups = [self.sampler.draw(rng) for _ in range(self.options.groups)]
        pairs = [(query, document) for query, documents in groups for document in documents]
        logits = score_pairs(self.model, pairs).view(len(groups), 1 + NEGATIVES)
        loss = listwise_loss(logits)
        self.optimizer.zero_grad(set_to_none=False)
        loss.backward()
        _average_gradients(self.model)
        share = learning_rate(self.step, self.options.steps, self.options.decay_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * share
        self.optimizer.step()
        self.step += 1
        if self.rank == 0:
            self._follow()
        top = (logits.argmax(1) == 0).float().mean().item()
        return loss.item(), top, len(pairs), sum(len(q) + len(d) + 3 for q, d in pairs)

    @torch.no_grad()
    def _follow(self):
        keep = min(AVERAGE, self.step / (self.step + 10))
        for mean, value in zip(self.average.parameters(), self.model.parameters()):
            mean.lerp_(value, 1 - keep)

    def run(self):
        sets = load_sets(self.options.data, self.options.tokenizer, limit=80)
        sets = {name: queries[self.rank :: self.options.processes] for name, queries in sets.items()}
        begun, first = time.time(), self.step
        totals = np.zeros(5)
        while self.step < self.options.steps:
            totals += [*self.advance(), 1]
            if self.step % self.options.evaluate_every == 0:
                self.report(sets)
            if self.rank:
                continue
            if self.step % 50 == 0:
                rate = (self.step - first) / (time.time() - begun)
                print(
                    f"{time.strftime('%H:%M:%S')} step {self.step}/{self.options.steps} loss {totals[0] / totals[4]:.3f} top {totals[1] / totals[4]:.3f} "
                    f"{2 * rate * totals[2] / totals[4]:.0f} pairs/s {2 * rate * totals[3] / totals[4]:.0f} tokens/s "
                    f"{(self.options.steps - self.step) / rate / 60:.0f} min left",
                    flush=True,
                )
                totals[:] = 0
            if self.step % SAVE_EVERY == 0 or self.step == self.options.steps:
                self.save()

    @torch.no_grad()
    def report(self, sets):
        state = [self.average.state_dict()]
        dist.broadcast_object_list(state, src=0)  # only process 0 keeps the average
        self.average.load_state_dict(state[0])
        figures = score_sets(sets, lambda pairs: score_pairs(self.average, pairs).numpy())
        means = torch.tensor([figure["mrr@10"] for figure in figures.values()])
        dist.all_reduce(means)
        if self.rank == 0:
            means = means / self.options.processes
            print("  MRR@10 of the averaged weights, 80 queries a set: " + ", ".join(f"{name} {mean:.4f}" for name, mean in zip(figures, means)), flush=True)


def checkpoint(options):
    return os.path.join(options.work, options.name + ".pt")


def steps_done(options):
    """Step of the run's last checkpoint, 0 without one."""
    path = checkpoint(options)
    return torch.load(path, weights_only=True)["step"] if os.path.exists(path) else 0


def _process(rank, options):
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(options.port))
    dist.init_process_group("gloo", rank=rank, world_size=options.processes)
    Trainer(rank, options).run()
    dist.barrier()
    dist.destroy_process_group()


def fit(options):
    processes.spawn(_process, (options,), nprocs=options.processes)
