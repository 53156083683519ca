"""What transformers 5 makes of recorded models: python record_newer.py, with requirements-newer.txt, after record_compiled.py.

Loads every directory of fixtures/compiled that transformers has code for and holds its logits against the recorded ones, writes the
configurations of some as version 5 writes them (config-newer.json), and records what a decoder that sees both ways gives.
"""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import json
import shutil
from importlib.metadata import version
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

TARGET = Path(__file__).parent / "fixtures" / "compiled"
OUTSIDE = ("New", "Jina", "LlamaBidirectional", "NeoBERT")
REWRITTEN = ["bert", "modernbert", "deberta-v3", "llama-biases-llama3", "llama-no-padding-linear", "qwen3-yarn", "gemma2", "qwen2-sliding"]
GTE = {
    "model_type": "gte",
    "architectures": ["GteForSequenceClassification"],
    "rope_scaling": None,
    "rope_parameters": {"rope_type": "default", "rope_theta": 20000.0},
}
TOLERANCE = 1e-5


def load(folder: Path, **settings):
    config = json.loads((folder / "config.json").read_text())
    auto = AutoModelForCausalLM if config["architectures"][0].endswith("ForCausalLM") else AutoModelForSequenceClassification
    return auto.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", **settings).eval()


def logits_of(model, case: dict, tokens: list[int] | None) -> torch.Tensor:
    feeds = {"input_ids": torch.tensor([case["ids"]])}
    feeds["attention_mask"] = torch.ones_like(feeds["input_ids"])
    if "types" in case:
        feeds["token_type_ids"] = torch.tensor([case["types"]])
    with torch.no_grad():
        logits = model(**feeds).logits[0]
    if tokens is None:
        return logits
    chosen = logits[-1, tokens]
    return chosen if len(chosen) == 1 else chosen[:1] - chosen[1:]


def compare(folder: Path) -> None:
    recorded = json.loads((folder / "cases.json").read_text())
    model = load(folder)
    worst = 0.0
    for case in recorded["cases"]:
        wanted = torch.tensor(case["logits"])
        difference = (logits_of(model, case, recorded.get("trueFalse")) - wanted).abs() / wanted.abs().clamp(min=1)
        worst = max(worst, float(difference.max()))
    print(f"{folder.name}: {worst:.1e}")
    assert worst <= TOLERANCE
    if folder.name in REWRITTEN:
        (folder / "config-newer.json").write_text(model.config.to_json_string(use_diff=True))


def record_again(source: str, name: str, changes: dict) -> None:
    """Records the weights of one family once more, under settings that only version 5 knows."""
    folder = TARGET / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(TARGET / source, folder)
    config = {**json.loads((folder / "config.json").read_text()), **changes}
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    recorded = json.loads((folder / "cases.json").read_text())
    model = load(folder)
    for case in recorded["cases"]:
        case["logits"] = logits_of(model, case, None).tolist()
    versions = {name: version(name) for name in ("torch", "transformers")}
    (folder / "cases.json").write_text(json.dumps({**recorded, "versions": versions}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    for each in sorted(TARGET.iterdir()):
        name = json.loads((each / "config.json").read_text())["architectures"][0]
        is_own = not name.startswith(OUTSIDE) and not (each / "modules.json").exists()
        if is_own and not each.name.endswith(("-flash", "-bidirectional")) and each.name != "gte":
            compare(each)
    record_again("qwen3", "qwen3-bidirectional", {"is_causal": False})
    record_again("gte-new", "gte", GTE)
