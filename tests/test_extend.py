"""What docs/extend.md says is what happens: every section is followed, block by block, in a copy of the checkout.

A block in `python` is a new file, one in `diff` changes a file that there is, and both name it in their first line. One
in `console` holds commands and what they print, in which `...` stands for anything.
"""

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")
COPIED = ("dvdn_sim", "netmodels", "scenarios", "tests", "pyproject.toml")
Block = tuple[str, str]


def blocks_of(text: str) -> list[Block]:
    """(language, content) of every fenced block."""
    return re.findall(r"^```([^\n]*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def section_of(text: str) -> tuple[str, list[Block]]:
    return text.partition("\n")[0], blocks_of(text)


SECTIONS = dict(section_of(text) for text in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:])


@pytest.fixture
def checkout(tmp_path):
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, tmp_path / name)
    return tmp_path


def changed(text: str, hunks: str) -> str:
    """The text after a diff whose hunks, between lines `@@`, say what they stand on instead of where."""
    for hunk in re.split(r"^@@\n", hunks, flags=re.MULTILINE):
        lines = [(line[0], line[1:]) for line in hunk.splitlines(keepends=True)]
        assert {mark for mark, _ in lines} <= {" ", "+", "-"}, hunk
        old, new = ("".join(line for mark, line in lines if mark in kept) for kept in (" -", " +"))
        assert old != new, f"changes nothing:\n{hunk}"
        place = re.compile("^" + re.escape(old), flags=re.MULTILINE)
        assert len(place.findall(text)) == 1, f"stands on what is there {len(place.findall(text))} times:\n{hunk}"
        text = place.sub(lambda _, new=new: new, text)
    return text


def write(language: str, content: str, checkout: Path) -> None:
    name, _, rest = content.removeprefix("# ").partition("\n")
    file = checkout / name
    if language == "diff":
        file.write_text(changed(file.read_text(encoding="utf-8"), rest), encoding="utf-8")
        return
    assert not file.exists(), f"{name} is there already"
    file.write_text(content, encoding="utf-8")


def try_commands(content: str, checkout: Path) -> None:
    """Run every `$ command` and compare what it prints; mistakes go to stderr, with exit status 2."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "FORCE_COLOR"))}
    path = os.pathsep.join([sysconfig.get_path("scripts"), inherited["PATH"]])
    environment = inherited | {"PATH": path, "PYTHONPATH": str(checkout), "COLUMNS": "110"}
    for piece in content.split("$ ")[1:]:
        line, _, shown = piece.partition("\n")
        program, *words = shlex.split(line)
        found = sys.executable if program == "python" else shutil.which(program, path=path)
        assert found is not None, program
        done = subprocess.run(  # noqa: S603 (the page's commands)
            [found, *words], cwd=checkout, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        refused = " mistake" in shown
        assert done.returncode == (2 if refused else 0), f"{line}\n{done.stdout}\n{done.stderr}"
        printed = done.stderr if refused else done.stdout
        assert alike(shown, printed), f"{line}\nprinted:\n{printed}\nshown:\n{shown}"


def alike(shown: str, printed: str) -> bool:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(shown, printed, flags)


@pytest.mark.slow
@pytest.mark.parametrize("title", SECTIONS)
def test_a_section_can_be_followed(title, checkout):
    for language, content in SECTIONS[title]:
        if language == "console":
            try_commands(content, checkout)
        else:
            write(language, content, checkout)


def test_all_sections_can_be_followed_one_after_the_other(checkout):
    for blocks in SECTIONS.values():
        for language, content in blocks:
            if language != "console":
                write(language, content, checkout)


def test_nothing_on_the_page_is_left_out():
    assert [block for blocks in SECTIONS.values() for block in blocks] == blocks_of(PAGE)
    assert PAGE.count("```") == 2 * len(blocks_of(PAGE))
    assert {language for language, _ in blocks_of(PAGE)} == {"python", "diff", "console"}
    for title, blocks in SECTIONS.items():
        assert "console" in dict(blocks), title


def test_links_lead_somewhere():
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in SECTIONS}
    links = re.findall(r"\]\(([^)]+)\)", PAGE)
    assert len(links) > 10
    for link in links:
        there = link[1:] in anchors if link.startswith("#") else (ROOT / "docs" / link).exists()
        assert there, link


def test_a_change_that_is_out_of_date_is_noticed():
    assert changed("a\nb\n", " a\n+c\n b\n") == "a\nc\nb\n"
    assert changed("x\na\nb\nd\n", "-a\n+c\n@@\n b\n-d\n") == "x\nc\nb\n"
    for text in ("a\nx\nb\n", "xa\nb\n", "a\nbx\n", "a\nb\na\nb\n"):
        with pytest.raises(AssertionError, match="stands on"):
            changed(text, " a\n+c\n b\n")
