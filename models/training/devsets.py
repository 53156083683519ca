"""Owns the development sets: loading them as token pairs and the ranking metrics."""

import gzip
import json
import math
import os

import numpy as np
from tokenizers import Tokenizer

SETS = ("boolq_val", "cmrc2018_dev", "xquad_zh_sent", "cranfield")
MAX_TOKENS = 512
CUT = 10


def truncated(query, document, limit=MAX_TOKENS):
    """Shortens the longer of the two until both fit with their three special tokens (longest first)."""
    over = len(query) + len(document) + 3 - limit
    if over > 0:
        document = document[: max(len(document) - over, limit // 2)]
        query = query[: limit - 3 - len(document)]
    return query, document


def read_set(data_dir, name):
    with gzip.open(os.path.join(data_dir, "dev", name + ".jsonl.gz"), "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def load_sets(data_dir, tokenizer_path, limit=None, names=SETS):
    """`{set: [(query ids, [document ids], [relevance]), ...]}`, the first `limit` queries of each set."""
    tokenizer = Tokenizer.from_file(tokenizer_path)
    tokenizer.no_truncation()

    def ids(texts):
        return [np.array(e.ids) for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    sets = {}
    for name in names:
        queries = read_set(data_dir, name)[:limit]
        sets[name] = [
            (query, ids([c["text"] for c in row["candidates"]]), [c["rel"] for c in row["candidates"]])
            for row, query in zip(queries, ids([row["query"] for row in queries]))
        ]
    return sets


def mrr(relevance, cut=CUT):
    """Reciprocal rank of the first relevant document among the first `cut`, else 0."""
    return next((1 / (i + 1) for i, rel in enumerate(relevance[:cut]) if rel > 0), 0.0)


def ndcg(relevance, cut=CUT):
    """Gain 2^rel - 1, discount log2(rank + 1), over the ideal order of the same list."""
    gain = lambda rels: sum((2**rel - 1) / math.log2(i + 2) for i, rel in enumerate(rels[:cut]))
    ideal = gain(sorted(relevance, reverse=True))
    return gain(relevance) / ideal if ideal else 0.0


def ranked(scores, relevance):
    """Relevance in order of falling score; equal scores keep their order."""
    return [relevance[i] for i in np.argsort(-np.asarray(scores), kind="stable")]


def summary(orders):
    """Means over queries of both metrics and of the share with a relevant document on top."""
    return {
        "queries": len(orders),
        "mrr@10": float(np.mean([mrr(order) for order in orders])),
        "ndcg@10": float(np.mean([ndcg(order) for order in orders])),
        "hit@1": float(np.mean([order[0] > 0 for order in orders])),
    }


def score_sets(sets, score):
    """Metrics of every set under `score([(query ids, document ids), ...]) -> logits`."""
    figures = {}
    for name, queries in sets.items():
        pairs = [truncated(query, document) for query, documents, _ in queries for document in documents]
        logits = iter(score(pairs))
        figures[name] = summary([ranked([next(logits) for _ in documents], relevance) for _, documents, relevance in queries])
    return figures
