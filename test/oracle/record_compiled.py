"""Makes tiny models as safetensors and records the logits of random token ids: python record_compiled.py [--only FAMILY ...].

Needs requirements-compiled.txt. The compiler's tests build graphs from these directories and compare.
"""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import argparse
import json
import math
import random
import shutil
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import torch
from safetensors.torch import save_file

from compiled_families import FAMILIES, Compiled

TARGET = Path(__file__).parent / "fixtures" / "compiled"
LENGTHS = [1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 16, 17, 20, 24, 27, 31, 32, 33, 40, 60]
LOGIT_SPREAD = 2.5  # standard deviation of the logits
LAST_PADDED = 3  # so many texts end with the padding token, as a causal model's tokenizer may do


class Modular(torch.nn.Module):
    """A transformer without head and the modules of sentence-transformers behind it."""

    def __init__(self, transformer: torch.nn.Module, modules: list[tuple[str, torch.nn.Module]]):
        super().__init__()
        self.transformer = transformer
        self.behind = torch.nn.ModuleDict({f"{place}_{name}": module for place, (name, module) in enumerate(modules, 1)})

    def forward(self, **feeds) -> SimpleNamespace:
        features = {"token_embeddings": self.transformer(**feeds).last_hidden_state, "attention_mask": feeds["attention_mask"]}
        for module in self.behind.values():
            features = module(features)
        return SimpleNamespace(logits=features["scores"])


def random_weights(family: Compiled, seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    if family.reference is None:
        model = family.auto.from_config(family.config, attn_implementation="eager")
    else:
        model = family.reference(family.config)
    model = (model if family.modules is None else Modular(model, family.modules())).float().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                norm = name.endswith("weight")
                parameter.normal_(1 if norm else 0, 0.1)
            elif "embed" in name and "project" not in name and "mapping" not in name and "proj" not in name:
                parameter.normal_(0, 0.3 if "position" in name or "type" in name else 1)
            else:
                parameter.normal_(0, 1.4 / math.sqrt(parameter.shape[-1]))
            parameter.copy_(parameter.to(family.dtype).float())
    return model


def random_texts(family: Compiled) -> list[dict]:
    generator = random.Random(family.seed)
    texts = []
    for index, length in enumerate(LENGTHS):
        ids = [generator.randrange(family.config.vocab_size) for _ in range(length)]
        pad = getattr(family.config, "pad_token_id", None)
        if pad is not None and index >= len(LENGTHS) - LAST_PADDED:
            ids[-1] = pad
        text = {"ids": ids}
        if family.types:
            first = generator.randrange(length + 1)
            text["types"] = [0] * first + [1] * (length - first)
        texts.append(text)
    return texts


def logits_of(family: Compiled, model: torch.nn.Module, text: dict) -> torch.Tensor:
    feeds = {"input_ids": torch.tensor([text["ids"]])}
    feeds["attention_mask"] = torch.ones_like(feeds["input_ids"])
    if family.types:
        feeds["token_type_ids"] = torch.tensor([text["types"]])
    with torch.no_grad():
        logits = model(**feeds).logits[0]
    if family.true_false is None:
        return logits
    chosen = logits[-1, list(family.true_false)]
    return chosen if len(chosen) == 1 else chosen[:1] - chosen[1:]


def last_scale(family: Compiled, model: torch.nn.Module) -> list[torch.nn.Parameter]:
    """Gives what the logits are proportional to; nothing for Gemma's causal models, whose caps spread them enough."""
    if family.true_false is None:
        return list([m for m in model.modules() if isinstance(m, torch.nn.Linear)][-1].parameters())
    return [] if family.config.model_type.startswith("gemma") else [model.model.norm.weight]


def spread_model(family: Compiled, texts: list[dict]) -> torch.nn.Module:
    """Gives a model whose logits spread: the head is scaled in steps of two, which changes no bit of its weights."""
    model = random_weights(family, family.seed)
    spread = torch.stack([logits_of(family, model, text) for text in texts]).std(dim=0).min()
    with torch.no_grad():
        for parameter in last_scale(family, model):
            parameter *= 2.0 ** round(math.log2(LOGIT_SPREAD / float(spread)))
    return model


def save(family: Compiled, model: torch.nn.Module, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if isinstance(model, Modular):
        save_modules(model, folder)
        model = model.transformer
    bytes_in_all = sum(p.numel() for p in model.parameters()) * torch.tensor([], dtype=family.dtype).element_size()
    if family.reference is not None:
        folder.mkdir(parents=True)
        settings = {**family.config.to_diff_dict(), "model_type": family.config.model_type}
        (folder / "config.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
        stored = {name: tensor.to(family.dtype) for name, tensor in model.state_dict().items()}
        return save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    model.config.torch_dtype = family.dtype
    stored = {name: tensor.to(family.dtype) for name, tensor in model.state_dict().items()}
    limit = "5GB" if family.files == 1 else bytes_in_all // family.files + 4096
    model.save_pretrained(folder, state_dict=stored, max_shard_size=limit)
    (folder / "generation_config.json").unlink(missing_ok=True)


def save_modules(model: Modular, folder: Path) -> None:
    """Writes modules.json and the modules' folders, as CrossEncoder.save does."""
    entries = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}]
    for place, (name, module) in enumerate(model.behind.items(), 1):
        (folder / name).mkdir(parents=True)
        module.save(str(folder / name))
        kind = type(module)
        entries.append({"idx": place, "name": str(place), "path": name, "type": f"{kind.__module__}.{kind.__name__}"})
    (folder / "modules.json").write_text(json.dumps(entries, indent=2) + "\n")


def record(family: Compiled) -> None:
    texts = random_texts(family)
    model = spread_model(family, texts)
    folder = TARGET / family.name
    save(family, model, folder)
    cases = [{**text, "logits": [float(value) for value in logits_of(family, model, text)]} for text in texts]
    versions = {name: version(name) for name in ("torch", "transformers", "sentence-transformers", "safetensors")}
    extra = {} if family.true_false is None else {"trueFalse": family.true_false}
    (folder / "cases.json").write_text(json.dumps({"versions": versions, **extra, "cases": cases}, separators=(",", ":")) + "\n")
    kept = [row["logits"] for row in cases]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{family.name}: {size / 1024:.0f} KB, logits {min(min(r) for r in kept):.2f} .. {max(max(r) for r in kept):.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*")
    chosen = parser.parse_args().only
    for each in FAMILIES:
        if chosen is None or each.name in chosen:
            record(each)
