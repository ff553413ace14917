"""Print the lowest release of every direct dependency that pyproject.toml allows, as constraints for pip.

python .ci/lowest.py > lowest.txt && PIP_CONSTRAINT=lowest.txt .ci/run
"""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
for requirement in [
    *project["dependencies"],
    *(each for extra in project["optional-dependencies"].values() for each in extra),
]:
    if found := re.match(r"([\w.-]+)>=([\w.]+)", requirement):  # one that is pinned by == is its own lowest
        sys.stdout.write(f"{found[1]}=={found[2]}\n")
