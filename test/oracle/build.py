"""Builds the models and fixtures of the oracle: `python build.py --corpus DIR [--only FAMILY ...]`."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import argparse
import shutil
import tempfile
import time
import warnings
from pathlib import Path

import torch

import export
import record
import texts
import tokenizers_train
from families import FAMILIES, Family, write_files

FIXTURES = Path(__file__).parent / "fixtures"


def training_lines(corpus: Path) -> dict[str, list[str]]:
    return {
        "mixed": texts.corpus_lines(corpus, english=1500, chinese=300, seed=7),
        "chinese": texts.corpus_lines(corpus, english=400, chinese=900, seed=7),
    }


def build_model(family: Family, lines: list[str], folder: Path) -> None:
    """Writes a complete model directory."""
    table = texts.Table()
    pairs = [(table.text(a), table.text(b)) for a, b in texts.score_pairs(table)[:48]]
    tokenizer = family.tokenizer(lines)
    model = export.random_model(family, tokenizer, pairs)
    difference = export.export(family, model, tokenizer, folder, pairs)
    print(f"  torch and ONNX Runtime differ by at most {difference:.1e}", flush=True)
    if difference > export.EXPORT_TOLERANCE:
        raise RuntimeError(f"{family.name}: the export is off by {difference}")
    tokenizers_train.save(tokenizer, folder, family.rewrite, family.tokenizer_config, family.drop)
    write_files(family, folder)


def record_fixture(family: Family, folder: Path) -> None:
    started = time.time()
    fixture, disagreements = record.record(family, folder)
    path = FIXTURES / f"{family.name}.json.gz"
    record.write(fixture, path)
    logits = [value for row in fixture["scores"][0]["logits"] for value in row]
    print(
        f"  {len(fixture['encode'])} encodings, {path.stat().st_size // 1024} KB,"
        f" logits {min(logits):.2f}..{max(logits):.2f}, {time.time() - started:.0f} s",
        flush=True,
    )
    for line in disagreements[:5]:
        print(f"  NOTE {line}", flush=True)
    if len(disagreements) > 5:
        print(f"  NOTE {len(disagreements)} disagreements in all", flush=True)


def build(family: Family, lines: list[str] | None) -> None:
    """Writes the fixture of a family, and with lines its model; the old model stays until the new one is recorded."""
    folder = FIXTURES / "models" / family.name
    if lines is None:
        record_fixture(family, folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / family.name
        fresh.mkdir()
        build_model(family, lines, fresh)
        record_fixture(family, fresh)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(fresh, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, help="folder of en-*.jsonl.gz and zh-*.jsonl.gz; without it the models stay")
    parser.add_argument("--only", nargs="+", metavar="FAMILY", help="families to build, all without it")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    names = [family.name for family in FAMILIES]
    unknown = set(options.only or []) - set(names)
    if unknown:
        parser.error(f"unknown families {sorted(unknown)}; there are {names}")
    chosen = [family for family in FAMILIES if not options.only or family.name in options.only]
    lines = training_lines(options.corpus) if options.corpus else None
    for index, family in enumerate(chosen, 1):
        print(f"[{index}/{len(chosen)}] {family.name}", flush=True)
        build(family, lines[family.lines] if lines else None)


if __name__ == "__main__":
    main()
