"""Measures an exported directory on the development sets beside BM25 and random order. Prints a table, writes JSON."""

import argparse
import importlib.util
import json
import os
import time

from devsets import SETS
from scorer import Scorer


def metric_definitions(data_dir):
    """The metric definitions that come with the development sets."""
    spec = importlib.util.spec_from_file_location("metrics", os.path.join(data_dir, "dev", "metrics.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def evaluate(data_dir, model_dir, model="model.onnx", limit=None, names=SETS):
    """`{set: {"model" | "bm25" | "random": figures, "pairsPerSecond": ...}}`; one thread."""
    metrics, scorer = metric_definitions(data_dir), Scorer(model_dir, model=model)
    report = {}
    for name in names:
        queries = metrics.load(os.path.join(data_dir, "dev", name + ".jsonl.gz"))
        bm25 = metrics.BM25(metrics.corpus(queries))
        queries = queries[:limit]
        pairs = [(q["query"], c["text"]) for q in queries for c in q["candidates"]]
        begun = time.time()
        logits = iter(scorer(pairs).tolist())
        seconds = time.time() - begun
        report[name] = {
            "model": metrics.evaluate(queries, lambda _, texts: [next(logits) for _ in texts]),
            "bm25": metrics.evaluate(queries, bm25),
            "random": metrics.random_expectation(queries),
            "pairsPerSecond": round(len(pairs) / seconds, 1),
        }
    return report


def table(report):
    """The report as a Markdown table."""
    lines = ["| set | order | queries | MRR@10 | nDCG@10 | hit@1 |", "|---|---|---|---|---|---|"]
    for name, entry in report.items():
        for order in ("model", "bm25", "random"):
            figures = entry[order]
            numbers = " | ".join(f"{figures[key]:.4f}" for key in ("mrr@10", "ndcg@10", "hit@1"))
            lines.append(f"| {name} | {order} | {figures['queries']} | {numbers} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="directory with dev/")
    parser.add_argument("--model-dir", required=True)
    parser.add_argument("--model", default="model.onnx", help="file name inside the directory")
    parser.add_argument("--limit", type=int, help="queries of each set; all by default")
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--json", help="file to write the figures to")
    options = parser.parse_args()
    report = evaluate(options.data, options.model_dir, options.model, options.limit, options.sets)
    print(table(report))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)


if __name__ == "__main__":
    main()
