"""Records the offsets of single texts: python record_offsets.py. Needs transformers and tokenizers alone, and no model.

Writes fixtures/offsets/<family>.json.gz for one family of every kind of tokenizer. Offsets count characters, as the Python
library gives them; the test turns its own, which count bytes, into characters.
"""

from __future__ import annotations

import gzip
import io
import json
import random
from importlib.metadata import version
from pathlib import Path

from transformers import AutoTokenizer

import texts

HERE = Path(__file__).parent
FAMILIES = ["albert", "bert", "bert-cased-zh", "deberta-v2", "modernbert", "mpnet", "pair-template", "roberta", "xlmr", "xlmr-legacy"]
RANDOM_TEXTS = 150
# What normalisers make longer, shorter or reorder, and what stands at the edges of tokens.
ALPHABET = list("aAzZ09 .,'-_#\t\n\u00a0\u3000\u200b\u00ad\u0000") + [
    "  ", "é", "É", "ß", "İ", "ﬁ", "㎏", "ﷺ", "½", "…", "Å", "\u212b", "e\u0301", "\u0301", "\u0323", "\u0308", "\u0334",
    "中", "国", "あ", "か\u3099", "ｶﾞ", "각", "\u1100\u1161\u11a8", "\u11a8", "กำ", "น้ำ", "ع", "َ", "्", "क", "😀", "👩‍👩‍👧", "🇩🇪", "𝒳",
    "𠀀", "<mask>", " <mask> ", "[MASK]", " [MASK]", "[SEP]", "</s>", "<s>", "<|im_end|>", "Ġ", "▁", "##", "``", "''", "\u2581a", "\ufffd",
]


def cases() -> list[str]:
    rng = random.Random(5)
    made = ["".join(rng.choice(ALPHABET) for _ in range(rng.randint(1, 14))) for _ in range(RANDOM_TEXTS)]
    lines = [text[:400] for text in texts.ODD + texts.OWN_LINES] + made
    return [text for text in dict.fromkeys(lines) if text != ""]


def record(family: str, lines: list[str]) -> dict:
    tokenizer = AutoTokenizer.from_pretrained(HERE / "fixtures" / "models" / family)._tokenizer
    tokenizer.no_padding()
    tokenizer.no_truncation()
    encodings = []
    for text in lines:
        plain = tokenizer.encode(text, add_special_tokens=False)
        special = tokenizer.encode(text, add_special_tokens=True)
        frame = [[i, special.ids[i], special.tokens[i]] for i, mask in enumerate(special.special_tokens_mask) if mask]
        inner = [i for i, mask in enumerate(special.special_tokens_mask) if not mask]
        assert [special.ids[i] for i in inner] == plain.ids and [special.offsets[i] for i in inner] == plain.offsets
        assert all(special.offsets[i] == (0, 0) for i, *_ in frame)
        encodings.append({"ids": plain.ids, "offsets": [place for pair in plain.offsets for place in pair], "frame": frame})
    return {"versions": {name: version(name) for name in ("tokenizers", "transformers")}, "encodings": encodings}


def write(value: object, name: str) -> None:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="") as file:
        file.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8"))
    (HERE / "fixtures" / "offsets" / f"{name}.json.gz").write_bytes(buffer.getvalue())


if __name__ == "__main__":
    (HERE / "fixtures" / "offsets").mkdir(exist_ok=True)
    lines = cases()
    write(lines, "texts")
    for family in FAMILIES:
        write(record(family, lines), family)
        print(family)
