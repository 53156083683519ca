"""Records what transformers gives for long documents: truncation on either side, documents cut alone, and overlapping windows.

    .venv/bin/python record_long.py

Needs transformers and tokenizers only. Writes fixtures/long/documents.json.gz.
"""

from __future__ import annotations

import gzip
import json
from importlib.metadata import version
from pathlib import Path

from transformers import AutoTokenizer

import texts

FIXTURES = Path(__file__).parent / "fixtures"
# WordPiece, byte-level BPE, Unigram.
FAMILIES = ["bert", "roberta", "xlmr"]
SIDES = ["right", "left"]
QUERIES = ["what?", "how many people live in Berlin, and since when?", "柏林有多少人口？", " ".join(texts.ENGLISH[:6])]
DOCUMENTS = [
    "",
    texts.ENGLISH[1],
    " ".join(texts.ENGLISH),
    "  " + " ".join(texts.JAPANESE + texts.KOREAN + texts.EMOJI) + " \n",
    " ".join(texts.ENGLISH + texts.OTHER),
]
LIMITS = [16, 33, 129]
STRIDES = [0, 5]
DOCUMENT_TOKENS = [1, 8, 40]


def truncations(tokenizer) -> list[dict]:
    """`longest_first` with the side set when it is called."""
    cases = []
    for side in SIDES:
        tokenizer.truncation_side = side
        for q, query in enumerate(QUERIES):
            for d, document in enumerate(DOCUMENTS):
                for limit in LIMITS:
                    # As a list of one pair: an empty document would else make no pair.
                    ids = tokenizer([[query, document]], truncation="longest_first", max_length=limit).input_ids[0]
                    cases.append({"query": q, "document": d, "side": side, "maxLength": limit, "ids": ids})
    return cases


def cut_documents(tokenizer) -> list[dict]:
    """The document alone cut to a number of tokens, the query whole."""
    cases = []
    for side in SIDES:
        tokenizer.truncation_side = side
        for q, query in enumerate(QUERIES):
            base = len(tokenizer([[query, ""]]).input_ids[0])
            for d, document in enumerate(DOCUMENTS):
                for count in DOCUMENT_TOKENS:
                    ids = tokenizer([[query, document]], truncation="only_second", max_length=base + count).input_ids[0]
                    cases.append({"query": q, "document": d, "side": side, "maxTokensPerDocument": count, "ids": ids})
    return cases


def all_rows(tokenizer, query: str, document: str, limit: int, stride: int) -> list[list[int]]:
    return tokenizer(
        [[query, document]],
        truncation="only_second",
        max_length=limit,
        stride=stride,
        return_overflowing_tokens=True,
    ).input_ids


def windows(tokenizer) -> list[dict]:
    """All windows of a document beside a query that takes no more than half of the room."""
    cases = []
    special = tokenizer.num_special_tokens_to_add(pair=True)
    for side in SIDES:
        tokenizer.truncation_side = side
        for q, query in enumerate(QUERIES):
            length = len(tokenizer(query, add_special_tokens=False).input_ids)
            for d, document in enumerate(DOCUMENTS):
                for limit in LIMITS:
                    room = limit - special - length
                    if 2 * length > limit - special:
                        continue
                    for stride in [*STRIDES, room // 4, room // 2]:
                        if stride > room // 2:
                            continue
                        rows = all_rows(tokenizer, query, document, limit, stride)
                        case = {"query": q, "document": d, "side": side, "maxLength": limit, "overlap": stride, "rows": rows}
                        if case not in cases:
                            cases.append(case)
    return cases


def main() -> None:
    families = {}
    for family in FAMILIES:
        tokenizer = AutoTokenizer.from_pretrained(FIXTURES / "models" / family)
        families[family] = {
            "truncations": truncations(tokenizer),
            "cutDocuments": cut_documents(tokenizer),
            "windows": windows(tokenizer),
        }
        print(family, {name: len(cases) for name, cases in families[family].items()})
    recorded = {
        "versions": {name: version(name) for name in ["transformers", "tokenizers"]},
        "queries": QUERIES,
        "documents": DOCUMENTS,
        "families": families,
    }
    folder = FIXTURES / "long"
    folder.mkdir(exist_ok=True)
    data = json.dumps(recorded, ensure_ascii=False, separators=(",", ":")).encode()
    (folder / "documents.json.gz").write_bytes(gzip.compress(data, 9, mtime=0))


if __name__ == "__main__":
    main()
