"""Owns the memory of a run's own mistakes: queries whose relevant document was beaten come back with what beat it."""

from collections import deque

CAPACITY = 20_000  # groups
LEAST = 200  # remembered groups before any comes back
MARGIN = 0.5  # a negative this close to the relevant document, in logits, beat it
SHARE = 0.2  # of the groups drawn


class Mistakes:
    """First in, first out. A group that comes back is not remembered again: what the data has wrong stays rare."""

    def __init__(self):
        self.groups = deque(maxlen=CAPACITY)

    def take(self, rng):
        """`(pair, negatives)` of an earlier mistake, or None when a fresh group is to be drawn."""
        if len(self.groups) < LEAST or rng.random() >= SHARE:
            return None
        return self.groups.popleft()

    def learn(self, pair, negatives, logits):
        """Remembers the negatives that beat the relevant document; `logits` of the group, the relevant one first."""
        beaten = [number for number, logit in zip(negatives, logits[1:]) if logit > logits[0] - MARGIN]
        if beaten:
            self.groups.append((pair, beaten))

    def state(self):
        return [[pair, list(negatives)] for pair, negatives in self.groups]

    def restore(self, state):
        self.groups = deque(((pair, negatives) for pair, negatives in state), maxlen=CAPACITY)
