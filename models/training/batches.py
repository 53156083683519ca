"""Owns the sampling of training groups: one query, its document and several negatives, cropped to a token budget."""

from dataclasses import dataclass

import numpy as np

from corpus import CLS, PAD, SEP

NEGATIVES = 4
RANDOM_SHARE = 0.25  # groups in which the last negative comes from the whole corpus
KIND_SHARES = (0.5, 0.28, 0.22)  # qa, heading, cloze
CHINESE_SHARE = 0.48
# Inside a kind, how often a source is drawn against its size. Sources not named count 1.
SOURCE_WEIGHTS = {
    "google-research-datasets/boolean-questions": 6,
    "emorynlp/selqa": 5,
    "Yoav-Shafir": 3,
    "ymcui/cmrc2018": 4,
    "DRCKnowledgeTeam/DRCD": 4,
    "globalwordnet/": 0.3,
    "factbook/": 0.3,
    "LawRefBook/": 0.4,
    "tldr-pages/": 0.5,
}
LENGTH_LIMITS = (128, 224, 400)  # document tokens
LENGTH_SHARES = (0.62, 0.26, 0.12)  # of the groups
LONG_SHARES = (0.35, 0.3, 0.35)  # of the Chinese questions, whose paragraphs are long
SENTENCE_SHARE = {(0, 1): 0.4, (2, 1): 0.4, (0, 0): 0.1, (2, 0): 0.2}  # (kind, zh): groups cut to one sentence
HELD_OUT = 2000  # passages no group is drawn from, for calibration
DUPLICATE = 0.7  # token overlap above which a negative counts as a copy of the document


@dataclass(frozen=True)
class Recipe:
    """What differs between the models in how groups are drawn."""

    negatives: int = NEGATIVES
    limits: tuple = LENGTH_LIMITS
    shares: tuple = LENGTH_SHARES
    long_shares: tuple = LONG_SHARES


def sampling_weights(corpus):
    """Probability of each pair: kinds, languages and sources brought to the shares above."""
    sources = np.array(
        [next((w for name, w in SOURCE_WEIGHTS.items() if source.startswith(name)), 1.0) for source in corpus.sources]
    )
    weights = sources[corpus.source]
    for kind, share in enumerate(KIND_SHARES):
        for zh, language_share in enumerate((1 - CHINESE_SHARE, CHINESE_SHARE)):
            chosen = (corpus.kind == kind) & (corpus.zh == zh)
            weights[chosen] *= share * language_share / weights[chosen].sum()
    return weights


def held_out_passages(corpus, seed=3):
    """Passage numbers kept out of training, fixed by the seed."""
    return np.random.default_rng(seed).permutation(len(corpus.passages))[:HELD_OUT]


class GroupSampler:
    """Draws groups `(query ids, [document ids, ...])`; the first document is the relevant one."""

    def __init__(self, corpus, negatives, idf, sentence_ends, recipe=Recipe()):
        self.recipe = recipe
        self.corpus, self.negatives, self.idf = corpus, negatives, idf
        self.ends = np.isin(np.arange(len(idf)), sentence_ends)
        weights = sampling_weights(corpus)
        weights[np.isin(corpus.passage, held_out_passages(corpus))] = 0
        self.cumulative = np.cumsum(weights) / weights.sum()
        self.by_language = [np.unique(corpus.passage[corpus.zh == zh]) for zh in (0, 1)]

    def draw(self, rng):
        return self.group(self.pair(rng), rng)

    def pair(self, rng):
        """Number of a pair, drawn by the shares above."""
        return int(np.searchsorted(self.cumulative, rng.random()))

    def group(self, pair, rng, passages=None):
        """The group of a pair, over the given passages or over newly drawn ones."""
        kind, zh = int(self.corpus.kind[pair]), int(self.corpus.zh[pair])
        query = self.corpus.queries[pair]
        if len(query) > 4 and self.ends[query[-1]] and rng.random() < 0.3:
            query = query[:-1]
        passages = self.passages(pair, rng) if passages is None else passages
        documents = [self.corpus.passages[p] for p in passages]
        weight = np.zeros(len(self.idf), np.float32)
        weight[query] = self.idf[query]
        if rng.random() < SENTENCE_SHARE.get((kind, zh), 0):
            documents = self._sentences(documents, weight, kind == 2, rng)
        limit = rng.choice(self.recipe.limits, p=self.recipe.long_shares if (kind, zh) == (0, 1) else self.recipe.shares)
        return query, [crop(document, weight, limit, rng) for document in documents]

    def passages(self, pair, rng):
        """Passage numbers of a group, the relevant one first, then hard negatives and now and then random ones."""
        own, zh = int(self.corpus.passage[pair]), int(self.corpus.zh[pair])
        tokens = set(self.corpus.passages[own].tolist())
        chosen = [own]
        mined = self.negatives[pair]
        mixed = int(rng.random() < RANDOM_SHARE)
        while len(chosen) < 1 + self.recipe.negatives - mixed:
            column = mined[int(rng.random() < 0.5)]
            candidate = int(column[int(len(column) * rng.random() ** 1.5)])
            if candidate < 0 or candidate in chosen or _overlap(tokens, self.corpus.passages[candidate]) > DUPLICATE:
                candidate = self._random(zh, rng)
            chosen.append(candidate)
        return chosen + [self._random(zh if rng.random() < 0.9 else 1 - zh, rng) for _ in range(mixed)]

    def _random(self, zh, rng):
        return int(self.by_language[zh][rng.integers(len(self.by_language[zh]))])

    def _sentences(self, documents, weight, siblings, rng):
        """Each document cut to its sentence nearest the query; some negatives become siblings of the right sentence."""
        cut = [self._nearest_sentence(document, weight) for document in documents]
        if siblings:
            others = [s for s in self._split(documents[0]) if len(s) > 5 and not np.array_equal(s, cut[0])]
            rng.shuffle(others)
            cut[2 : 2 + len(others[:2])] = others[:2]
        return cut

    def _split(self, document):
        return np.split(document, np.flatnonzero(self.ends[document]) + 1)

    def _nearest_sentence(self, document, weight):
        sentences = [s for s in self._split(document) if len(s) > 5] or [document]
        return max(sentences, key=lambda s: weight[np.unique(s)].sum())


def _overlap(tokens, other):
    other = set(other.tolist())
    return len(tokens & other) / max(1, min(len(tokens), len(other)))


def crop(document, weight, limit, rng):
    """At most `limit` tokens of the document, around the densest matches with the query."""
    if len(document) <= limit:
        return document
    sums = np.concatenate([[0], np.cumsum(weight[document])])
    density = sums[limit:] - sums[:-limit] + rng.random(len(document) - limit + 1) * 0.1
    density[0] += 1.0  # the start of a passage names its topic
    begin = int(np.argmax(density))
    return document[begin : begin + limit]


def collate(pairs):
    """Pads `(query ids, document ids)` pairs to int64 `input_ids`, `attention_mask`, `token_type_ids`."""
    width = max(len(query) + len(document) for query, document in pairs) + 3
    ids = np.full((len(pairs), width), PAD, np.int64)
    mask, types = np.zeros_like(ids), np.zeros_like(ids)
    for row, (query, document) in enumerate(pairs):
        split, end = len(query) + 2, len(query) + len(document) + 3
        ids[row, 0], ids[row, split - 1], ids[row, end - 1] = CLS, SEP, SEP
        ids[row, 1 : split - 1], ids[row, split : end - 1] = query, document
        mask[row, :end] = 1
        types[row, split:end] = 1
    return ids, mask, types


def by_length(pairs, budget):
    """Pair numbers in runs of similar length, at most `budget` padded tokens a run."""
    order = sorted(range(len(pairs)), key=lambda i: -(len(pairs[i][0]) + len(pairs[i][1])))
    begin = 0
    while begin < len(order):
        longest = len(pairs[order[begin]][0]) + len(pairs[order[begin]][1]) + 3
        count = max(1, budget // longest)
        yield order[begin : begin + count]
        begin += count
