#!/usr/bin/env python3
"""The demo over HTTP with Python's standard library only: python3 examples/client.py [URL]"""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT_SECONDS = 30


def rank(url, query, documents, **options):
    """Returns [{"corpus_id", "score", "text"?}, ...], best first. Options are those of CrossEncoder.rank: top_k, return_documents, ..."""
    body = json.dumps({"query": query, "documents": documents, **options}).encode()
    request = urllib.request.Request(f"{url}/rank", data=body, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return json.load(response)["results"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{error.code}: {error.read().decode()}") from error


def main():
    url = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("RERANK_URL", "http://127.0.0.1:8800")
    demo = json.loads((Path(__file__).parent / "data" / "mockingbird.json").read_text(encoding="utf-8"))
    sys.stdout.reconfigure(encoding="utf-8")  # a Windows console may have another default
    print(f"查询：{demo['query']}")
    for result in rank(url, demo["query"], demo["documents"], return_documents=True):
        print(f"{result['score']:.5f}  [{result['corpus_id']}] {result['text']}")


if __name__ == "__main__":
    main()
