"""Folders of runs and sweeps with something else in them, and checksums that fit it all the same."""

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dvdn_sim.records import FILES, write_sealed


def edit(path: Path, **values: Any) -> None:
    """Change values of a manifest or another file with a checksum, None to remove one, and put its checksums right."""
    said = (json.loads(path.read_text()) if path.exists() else {}) | values
    said.pop("sha256", None)
    files = {
        name: hashlib.sha256(found.read_bytes()).hexdigest() if (found := path.parent / name).is_file() else before
        for name, before in said.get(FILES, {}).items()
    }
    write_sealed(path, {name: value for name, value in (said | {FILES: files}).items() if value is not None})


def sealed(**values: Any) -> bytes:
    """The bytes of a file with its own checksum."""
    with TemporaryDirectory() as folder:
        write_sealed(path := Path(folder, "manifest.json"), values)
        return path.read_bytes()


def reseal(run_dir: Path) -> None:
    """Put the checksums in a manifest right after its files were changed."""
    edit(run_dir / "manifest.json")
