"""The page and the README take the same as given, in the same order."""

import re
from pathlib import Path

from dvdn_sim.reporting.assumptions import ASSUMPTIONS

README = Path(__file__).parents[2] / "README.md"


def test_both_lists_begin_alike_line_by_line():
    section = README.read_text(encoding="utf-8").split("## What it takes as given", 1)[1].split("\n## ", 1)[0]
    listed = re.findall(r"^(\d+)\. \*\*(.+?)\.\*\*", section, re.MULTILINE)
    assert [int(number) for number, _ in listed] == list(range(1, len(ASSUMPTIONS) + 1))
    for (_, heading), said in zip(listed, ASSUMPTIONS, strict=True):
        assert said.startswith(re.split(r"[:.]", heading)[0]), (heading, said)
