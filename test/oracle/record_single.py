"""Records logits of texts that stand alone: python record_single.py. Needs tokenizers, numpy and onnxruntime alone.

The reference is the tokenizer's own encoding of one text and the model's ONNX file; sentence-transformers scores pairs only.
"""

from __future__ import annotations

import gzip
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

import texts
from record_offsets import write

HERE = Path(__file__).parent
FAMILIES = ["bert", "distilbert", "mpnet", "roberta", "deberta-v2", "xlmr"]
TEXTS = [*texts.ENGLISH[:6], *texts.CHINESE[:3], texts.JAPANESE[0], "é", "<s>", "[SEP]", "end with space ", texts.words(700, 5)]


def record(family: str) -> dict:
    with gzip.open(HERE / "fixtures" / f"{family}.json.gz", "rt", encoding="utf-8") as file:
        facts = json.load(file)["facts"]
    folder = HERE / "fixtures" / "models" / family
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(facts["usableMaxLength"])
    session = onnxruntime.InferenceSession(str(folder / facts["onnxPath"]), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    lengths, logits = [], []
    for text in TEXTS:
        encoding = tokenizer.encode(text)
        lists = {"input_ids": encoding.ids, "attention_mask": encoding.attention_mask, "token_type_ids": encoding.type_ids}
        feeds = {name: np.array([lists[name]], dtype=np.int64) for name in names}
        row = session.run(None, feeds)[0].reshape(-1)
        assert row.shape == (1,)
        lengths.append(len(encoding.ids))
        logits.append(float(row[0]))
    return {"lengths": lengths, "logits": logits}


if __name__ == "__main__":
    (HERE / "fixtures" / "single").mkdir(exist_ok=True)
    versions = {name: version(name) for name in ("tokenizers", "onnxruntime")}
    write({"versions": versions, "texts": TEXTS, "families": {family: record(family) for family in FAMILIES}}, "../single/texts")
