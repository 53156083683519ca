"""Loads the written fixtures again and re-runs a sample: `python verify.py [--only FAMILY ...] [--sample N]`.

With `--tokenizers-only` it needs transformers alone, so another version can be compared with the recorded one.
"""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import argparse
import gzip
import json
import random
import sys
import warnings
from pathlib import Path

import transformers
from transformers import AutoTokenizer

import pair_template
import texts

FIXTURES = Path(__file__).parent / "fixtures"
SCORE_TOLERANCE = 2e-5


def encode(tokenizer, template: dict | None, a: str, b: str, limit: int) -> list[int]:
    if template is not None:
        return pair_template.encode(tokenizer, template, a, b, limit)[0]
    return tokenizer([[a, b]], truncation="longest_first", max_length=limit).input_ids[0]


def check_encodings(fixture: dict, tokenizer, template: dict | None, sample: int) -> list[str]:
    """Gives one line for each re-run encoding that differs."""
    table = [texts.expand(entry) for entry in fixture["texts"]]
    cases = [case for case in fixture["encode"] if "ids" in case]
    faults = []
    for case in random.Random(5).sample(cases, min(sample, len(cases))):
        a, b = table[case["a"]], table[case["b"]]
        ids = encode(tokenizer, template, a, b, case["maxLength"])
        if ids != case["ids"]:
            faults.append(f"{case['maxLength']} {a[:40]!r} {b[:40]!r}: {case['ids'][:24]} recorded, {ids[:24]} now")
    return faults


def check_scores(fixture: dict, model) -> list[str]:
    import torch

    table = [texts.expand(entry) for entry in fixture["texts"]]
    record = fixture["scores"][0]
    model.max_seq_length = record["maxLength"]
    worst = 0.0
    for (a, b), logits in list(zip(record["pairs"], record["logits"]))[:20]:
        scores = model.predict([[table[a], table[b]]], activation_fn=torch.nn.Identity())[0]
        worst = max(worst, *(abs(x - y) for x, y in zip(logits, scores.reshape(-1).tolist())))
    return [f"a logit is off by {worst:.1e}"] if worst > SCORE_TOLERANCE else []


def verify(name: str, sample: int, tokenizers_only: bool) -> bool:
    with gzip.open(FIXTURES / f"{name}.json.gz", "rt", encoding="utf-8") as file:
        fixture = json.load(file)
    folder = FIXTURES / "models" / name
    path = folder / "pair_template.json"
    template = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    faults: list[str] = []
    if tokenizers_only and name == "lowercase-sbert":
        print(f"{name}: left out, sentence-transformers changes its normaliser")
        return True
    if tokenizers_only:
        faults += check_encodings(fixture, AutoTokenizer.from_pretrained(folder), template, sample)
    else:
        import record

        model = record.load(folder)
        faults += check_encodings(fixture, model.tokenizer, template, sample)
        faults += check_scores(fixture, model) if template is None else []
    print(f"{name}: {len(faults)} differences")
    for line in faults[:5]:
        print(f"  {line}")
    return not faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="FAMILY")
    parser.add_argument("--sample", type=int, default=100, help="encodings to re-run of each family")
    parser.add_argument("--tokenizers-only", action="store_true")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    print(f"transformers {transformers.__version__}")
    names = options.only or sorted(path.name.removesuffix(".json.gz") for path in FIXTURES.glob("*.json.gz"))
    results = [verify(name, options.sample, options.tokenizers_only) for name in names]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
