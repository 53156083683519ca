"""The service crossrank grew from (peilongchencc/Cross_Encoder), as far as a benchmark needs it.

Written from the description of its behaviour, not from its source: FastAPI, CORS for everyone, ``POST /rank_documents/`` with a
query and documents, ``CrossEncoder.rank`` called inside the async handler (so a request holds the event loop until it is ranked),
every document answered with its text and its score at five decimals.

Plain form:    ORIGINAL_MODEL=DIR uvicorn original_service:app
4-worker form: ORIGINAL_MODEL=DIR uvicorn original_service:app --workers 4
The original's own multi-process variant passes ``num_workers=4`` to ``rank``; sentence-transformers 5 ignores that argument, which
makes that variant the plain one. Four uvicorn workers are what its name promises.
"""

import os
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel
from sentence_transformers import CrossEncoder

model = CrossEncoder(os.environ["ORIGINAL_MODEL"], device="cpu", local_files_only=True)
app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])


class RankRequest(BaseModel):
    """The body of a request."""

    query: str
    documents: list[str]


@app.post("/rank_documents/")
async def rank_documents(request: RankRequest) -> dict[str, list[dict[str, Any]]]:
    """Ranks all documents; blocking on purpose, as the original does."""
    ranked = model.rank(request.query, request.documents, return_documents=True)
    entries = [{**entry, "score": round(float(entry["score"]), 5)} for entry in ranked]
    return {"ranked_documents": entries}
