"""sentence-transformers behind JSON lines: ranks the numbered requests of a file, one a line of standard input.

First line out: ``{"ready": true, "versions": {...}}``. Then ``{"request": 3}`` in, ``{"seconds": 1.2, "ranking": [[id, score], ...]}`` out.
The time is that of ``rank`` alone, so that the pipe between the processes counts for nobody.
"""

import argparse
import json
import sys
import time
from importlib.metadata import version
from typing import Any, TextIO

from sentence_transformers import CrossEncoder


def parse_options() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="directory in Hugging Face layout")
    parser.add_argument("--requests", required=True, help='JSON file: [{"query": ..., "documents": [...]}]')
    parser.add_argument("--backend", choices=("torch", "onnx"), required=True)
    return parser.parse_args()


def load(model: str, backend: str) -> CrossEncoder:
    """Opens the model with the library's defaults: fp32, batches of 32, a thread for every core.

    The provider is named because the package of onnxruntime offers Azure's first, which this model cannot use.
    """
    model_kwargs = {"provider": "CPUExecutionProvider"} if backend == "onnx" else None
    return CrossEncoder(model, backend=backend, device="cpu", local_files_only=True, model_kwargs=model_kwargs)


def facts(backend: str) -> dict[str, Any]:
    """What the results should say about this process."""
    engine = {"torch": ("torch",), "onnx": ("onnxruntime", "optimum-onnx", "torch")}[backend]
    names = ("sentence-transformers", "transformers", "tokenizers", *engine)
    return {"ready": True, "versions": {name: version(name) for name in names}}


def rank(model: CrossEncoder, request: dict[str, Any]) -> dict[str, Any]:
    """Ranks one request with the default batch size."""
    started = time.perf_counter()
    ranked = model.rank(request["query"], request["documents"])
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "ranking": [[entry["corpus_id"], float(entry["score"])] for entry in ranked]}


def answer(out: TextIO, line: dict[str, Any]) -> None:
    """Writes one line and hands it over at once."""
    out.write(json.dumps(line) + "\n")
    out.flush()


def main() -> None:
    """Loads, reports, then answers until standard input ends."""
    out, sys.stdout = sys.stdout, sys.stderr  # what a library prints must not end up among the answers
    options = parse_options()
    with open(options.requests, encoding="utf-8") as file:
        requests = json.load(file)
    model = load(options.model, options.backend)
    answer(out, facts(options.backend))
    for line in sys.stdin:
        answer(out, rank(model, requests[json.loads(line)["request"]]))


if __name__ == "__main__":
    main()
