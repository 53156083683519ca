#!/bin/sh
# The demo with curl: examples/demo.sh [URL]
set -eu
url=${1:-${RERANK_URL:-http://127.0.0.1:8800}}
exec curl --silent --show-error --fail-with-body "$url/rank" \
  --header 'Content-Type: application/json' \
  --data-binary "@$(dirname "$0")/data/mockingbird.json"
