"""Owns long training beside other work: two processes of one thread that may be stopped or killed at any moment.

Process 0 is the one of the pid file. Stopped by a signal it stops process 1 with it at the next exchange of
gradients, however long that lasts; killed, it loses what was learned since the last checkpoint.
"""

import glob
import os
import time
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as processes

SAVE_SECONDS = 300
LOG_SECONDS = 120
PATIENCE = timedelta(days=30)  # how long one process waits for the other
BETAS = (0.9, 0.98)


def inverse_root(step, warmup, plateau):
    """Share of the full rate that suits a run without a known end: warm-up, plateau, then the inverse square root."""
    return min(1.0, (step + 1) / warmup, (plateau / max(step, plateau)) ** 0.5)


def linear_end(step, steps, decay):
    """Share of the rate over the last `decay` steps of a run, down to 3%."""
    return min(1.0, max(0.03, (steps - step) / decay))


def checkpoint(work, name):
    return os.path.join(work, name + ".pt")


def steps_done(work, name):
    """Step of a run's last checkpoint, 0 without one."""
    path = checkpoint(work, name)
    return torch.load(path, weights_only=True, mmap=True)["step"] if os.path.exists(path) else 0


def averaged(work, name):
    """The averaged weights of a run's last checkpoint, and its step."""
    state = torch.load(checkpoint(work, name), weights_only=True, mmap=True)
    return state["average"], state["step"]


class LongRun:
    """One process of a run over a task: `model`, `parameter_groups`, `share`, `loss`, `report`, `state`, `restore`."""

    def __init__(self, rank, task, options):
        self.rank, self.task, self.work = rank, task, options.work
        self.name, self.steps, self.evaluate_every = options.name, options.steps, options.evaluate_every
        self.keep, self.seed, self.step = options.average, options.seed, 0
        groups = [{**group, "lr": group["rate"]} for group in task.parameter_groups()]
        self.rates = [group["rate"] for group in groups]
        self.optimizer = torch.optim.AdamW(groups, betas=BETAS, fused=True)
        self.average = {name: value.detach().clone() for name, value in task.model.state_dict().items()}
        self.path = checkpoint(self.work, self.name)
        if os.path.exists(self.path):
            self._load()

    def _load(self):
        state = torch.load(self.path, weights_only=True)
        self.task.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.step = state["average"], state["step"]
        if self.rank < len(state["tasks"]):
            self.task.restore(state["tasks"][self.rank])

    def save(self):
        """Written by process 0, with what the tasks of all processes remember."""
        tasks = [None] * dist.get_world_size()
        dist.all_gather_object(tasks, self.task.state())
        if self.rank:
            return
        state = {"model": self.task.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        torch.save({**state, "average": self.average, "step": self.step, "tasks": tasks}, self.path + ".tmp")
        os.replace(self.path + ".tmp", self.path)

    def advance(self, save_now):
        """One step; gives back the figures of the task and whether process 0 wants a checkpoint."""
        rng = np.random.default_rng((self.seed, self.step, self.rank))
        self.optimizer.zero_grad(set_to_none=True)
        loss, figures = self.task.loss(self.step, rng)
        loss.backward()
        wanted = average_gradients(self.task.model, save_now)
        share = self.task.share(self.step)
        for group, rate in zip(self.optimizer.param_groups, self.rates):
            group["lr"] = rate * share
        self.optimizer.step()
        self.step += 1
        if self.rank == 0:
            self._follow()
        return figures, wanted

    @torch.no_grad()
    def _follow(self):
        keep = min(self.keep, self.step / (self.step + 10))
        for name, value in self.task.model.state_dict().items():
            self.average[name].lerp_(value, 1 - keep) if value.is_floating_point() else self.average[name].copy_(value)

    def run(self):
        log, saved = Log(self.steps), time.time()
        while self.step < self.steps:
            figures, save_now = self.advance(self.rank == 0 and time.time() - saved > SAVE_SECONDS)
            if self.rank == 0:
                log.add(self.step, figures)
            if save_now or self.step == self.steps:
                self.save()
                saved = time.time()
            if self.step % self.evaluate_every == 0:
                self._report()

    def _report(self):
        for value in self.average.values():
            dist.broadcast(value, src=0)  # only process 0 keeps the average
        self.task.report(self.average, self.rank, self.step)


class Log:
    """A line every few minutes: the task's figures, tokens a second, and the share of one core this process got."""

    def __init__(self, steps):
        self.steps, self.sums, self.count = steps, {}, 0
        self.begun, self.worked = time.time(), time.process_time()

    def add(self, step, figures):
        self.count += 1
        for name, value in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        passed = time.time() - self.begun
        if passed < LOG_SECONDS and step < self.steps:
            return
        means = " ".join(f"{name} {value / self.count:.3f}" for name, value in self.sums.items() if name != "tokens")
        tokens = self.sums["tokens"] * dist.get_world_size()
        share = (time.process_time() - self.worked) / passed
        print(f"{time.strftime('%H:%M:%S')} step {step}/{self.steps} {means}, {tokens / passed:.0f} tokens/s, {share:.0%} of a core", flush=True)
        self.__init__(self.steps)


def average_gradients(model, flag):
    """Means of the gradients over the processes, clipped to norm 1; gives back whether any process raised the flag."""
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([*(g.reshape(-1) for g in grads), torch.tensor([float(flag)])])
    dist.all_reduce(flat)
    raised, flat = flat[-1] > 0, flat[:-1]
    flat /= dist.get_world_size()
    flat *= (1.0 / (flat.norm() + 1e-6)).clamp(max=1.0)
    begin = 0
    for grad in grads:
        grad.copy_(flat[begin : begin + grad.numel()].view_as(grad))
        begin += grad.numel()
    return bool(raised)


def _process(rank, make_task, options, meeting):
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    store = dist.FileStore(meeting, options.processes)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=options.processes, timeout=PATIENCE)
    LongRun(rank, make_task(options), options).run()
    dist.barrier()
    dist.destroy_process_group()


def run_until_done(make_task, options):
    """Runs or continues the run `options.name` to its last step; this process is number 0."""
    if steps_done(options.work, options.name) >= options.steps:
        return
    print(f"run {options.name}, from step {steps_done(options.work, options.name)}", flush=True)
    for left in glob.glob(os.path.join(options.work, "meeting-*")):  # of a run that was killed
        os.remove(left)
    meeting = os.path.join(options.work, f"meeting-{os.getpid()}-{options.name}")
    others = [
        processes.get_context("spawn").Process(target=_process, args=(rank, make_task, options, meeting), daemon=True)
        for rank in range(1, options.processes)
    ]
    for other in others:
        other.start()
    _process(0, make_task, options, meeting)
    for other in others:
        other.join()
    if os.path.exists(meeting):
        os.remove(meeting)
