"""The page on statistics shows what happens, and has the numbers that the code has."""

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"


def test_examples_print_what_they_show():
    results = doctest.testfile(str(PAGE), module_relative=False)
    assert results.attempted > 0
    assert results.failed == 0
