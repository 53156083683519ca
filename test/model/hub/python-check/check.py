"""What huggingface_hub makes of a cache that crossrank wrote, and a cache it writes itself. Called by record.ts; prints JSON."""

import json
import os
import sys
from pathlib import Path

import huggingface_hub
from huggingface_hub import scan_cache_dir, snapshot_download, try_to_load_from_cache
from huggingface_hub.file_download import _CACHED_NO_EXIST


def listing(directory):
    lines = []
    for root, _, names in os.walk(directory):
        for name in names:
            path = Path(root, name)
            relative = path.relative_to(directory).as_posix()
            lines.append(f"{relative} -> {os.readlink(path)}" if path.is_symlink() else relative)
    return sorted(lines)


def read(repo, cache, names):
    """What Python finds of crossrank's cache."""
    found = {}
    for name in names:
        path = try_to_load_from_cache(repo, name, cache_dir=cache)
        found[name] = "known not to exist" if path is _CACHED_NO_EXIST else path and str(Path(path).relative_to(cache))
    info = scan_cache_dir(cache)
    return {
        "huggingface_hub": huggingface_hub.__version__,
        "try_to_load_from_cache": found,
        "snapshot_download offline": str(Path(snapshot_download(repo, cache_dir=cache, local_files_only=True)).relative_to(cache)),
        "scan_cache_dir": {
            "warnings": [str(warning) for warning in info.warnings],
            "size_on_disk": info.size_on_disk,
            "repos": [
                {
                    "repo_id": each.repo_id,
                    "repo_type": each.repo_type,
                    "nb_files": each.nb_files,
                    "revisions": {
                        revision.commit_hash: {
                            "refs": sorted(revision.refs),
                            "size_on_disk": revision.size_on_disk,
                            "files": sorted(Path(file.file_path).relative_to(revision.snapshot_path).as_posix() for file in revision.files),
                        }
                        for revision in each.revisions
                    },
                }
                for each in info.repos
            ],
        },
        "layout": listing(cache),
    }


def write(repo, cache):
    """Lets Python download everything."""
    snapshot = Path(snapshot_download(repo, cache_dir=cache))
    tree = snapshot.parents[1] / "trees" / f"{snapshot.name}.json"
    return {"layout": [line for line in listing(cache) if not line.startswith(".locks/")], "tree": json.loads(tree.read_text())}


command, repo, cache, *names = sys.argv[1:]
print(json.dumps(read(repo, cache, names) if command == "read" else write(repo, cache)))
