"""Tests of long runs: schedules, going on after a stop, one run a work directory, priority."""

import os
import subprocess
import sys
import tempfile
import unittest
from argparse import Namespace

import numpy as np
import torch

from background import OnlyOne
from long_run import inverse_root, linear_end, run_until_done, steps_done


class ScheduleTest(unittest.TestCase):
    def test_rates_rise_stay_and_fall(self):
        shares = [inverse_root(step, 10, 100) for step in (0, 9, 100, 400)]
        self.assertEqual(shares, [0.1, 1.0, 1.0, 0.5])
        self.assertEqual([linear_end(step, 100, 10) for step in (0, 90, 95, 100)], [1.0, 1.0, 0.5, 0.03])


class CountingTask:
    """The least task: a line fitted to noise that depends on the step alone."""

    def __init__(self, options):
        torch.manual_seed(0)
        self.options, self.model, self.calls = options, torch.nn.Linear(3, 1), 0

    def parameter_groups(self):
        return [{"params": list(self.model.parameters()), "rate": 0.01, "weight_decay": 0.0}]

    def share(self, step):
        return 1.0

    def loss(self, step, rng):
        self.calls += 1
        x = torch.from_numpy(rng.normal(size=(8, 3)).astype(np.float32))
        loss = (self.model(x)[:, 0] - x.sum(1)).square().mean()
        return loss, {"loss": loss.item(), "tokens": 24}

    def report(self, average, rank, step):
        pass

    def state(self):
        return {"calls": self.calls}

    def restore(self, state):
        self.calls = state["calls"]


def options(work, steps, processes=2):
    return Namespace(work=work, name="count", steps=steps, processes=processes, evaluate_every=1000, average=0.9, seed=1)


class LongRunTest(unittest.TestCase):
    def last(self, work):
        return torch.load(os.path.join(work, "count.pt"), weights_only=True)

    def test_a_run_in_two_parts_ends_where_one_run_ends(self):
        with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as parts:
            run_in_child(whole, 6)
            run_in_child(parts, 4)
            self.assertEqual(steps_done(parts, "count"), 4)
            run_in_child(parts, 6)
            one, two = self.last(whole), self.last(parts)
            for part in ("model", "average"):
                for name, value in one[part].items():
                    torch.testing.assert_close(value, two[part][name], rtol=0, atol=0)
            self.assertEqual(two["tasks"], [{"calls": 6}, {"calls": 6}])
            self.assertEqual([name for name in os.listdir(parts) if name != "count.pt"], [])


def run_in_child(work, steps):
    """Training joins a process group, once a process: each run gets one of its own."""
    code = f"import test_long_run as t; t.run_until_done(t.CountingTask, t.options({work!r}, {steps}))"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=300)


class PriorityTest(unittest.TestCase):
    GROUP = "/proc/self/autogroup"

    def shares(self, own_session):
        code = f"import background as b; b.yield_to_others(); import os; print(os.nice(0)); print(open('{self.GROUP}').read())"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, start_new_session=own_session, check=True)
        return run.stdout

    @unittest.skipUnless(os.path.exists(GROUP), "needs scheduling groups by session")
    def test_only_a_session_of_its_own_is_turned_down(self):
        with open(self.GROUP) as file:
            before = file.read().split()[-1]
        self.assertTrue(self.shares(own_session=True).split()[-1] == "19")
        self.assertEqual(self.shares(own_session=False).split()[-1], before)
        self.assertEqual(self.shares(own_session=False).split()[0], "19")


class OnlyOneTest(unittest.TestCase):
    def test_a_second_run_is_refused_until_the_first_gives_way(self):
        with tempfile.TemporaryDirectory() as work:
            first = OnlyOne(work)
            with open(os.path.join(work, "run.pid")) as file:
                self.assertEqual(int(file.read()), os.getpid())
            with self.assertRaises(SystemExit):
                OnlyOne(work)
            first.release()
            OnlyOne(work).release()


if __name__ == "__main__":
    unittest.main()
