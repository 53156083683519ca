"""Compares a running server with sentence-transformers: `python check_server.py URL MODEL_DIR`."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import argparse
import json
import sys
import urllib.request
import warnings
from pathlib import Path

import record
import texts

TOLERANCE = 1e-5


def post(url: str, body: dict) -> dict:
    data = json.dumps(body).encode("utf-8")
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def compare(expected: list[dict], got: list[dict]) -> list[str]:
    """Gives one line a fault: a missing document, a score off, or an order that the scores do not excuse."""
    scores = {row["corpus_id"]: float(row["score"]) for row in expected}
    faults = []
    if sorted(scores) != sorted(row["corpus_id"] for row in got):
        return [f"documents {sorted(scores)} expected, {sorted(row['corpus_id'] for row in got)} given"]
    for row in got:
        if abs(row["score"] - scores[row["corpus_id"]]) > TOLERANCE:
            faults.append(f"document {row['corpus_id']}: {scores[row['corpus_id']]} expected, {row['score']} given")
    for place, (right, left) in enumerate(zip(expected, got)):
        gap = abs(scores[right["corpus_id"]] - scores[left["corpus_id"]])
        if right["corpus_id"] != left["corpus_id"] and gap > TOLERANCE:
            faults.append(f"place {place}: document {right['corpus_id']} expected, {left['corpus_id']} given")
    return faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="address of the server, without a path")
    parser.add_argument("model", type=Path, help="directory of the model that the server runs")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    model = record.load(options.model)
    documents = [*texts.rank_documents(), *texts.OWN_LINES, *texts.ODD]
    faults = []
    for query in [texts.QUERY, texts.CHINESE[0], texts.JAPANESE[0], ""]:
        expected = model.rank(query, documents)
        got = post(options.url.rstrip("/") + "/rank", {"query": query, "documents": documents})["results"]
        faults += [f"{query[:20]!r}: {line}" for line in compare(expected, got)]
    print("\n".join(faults) or f"the same scores and order for {len(documents)} documents and 4 queries")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
