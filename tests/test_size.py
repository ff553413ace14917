"""The program stays small: lines of code per package, names that stand for one thing, files that one action runs.

``python tests/test_size.py`` prints the table of `size.toml` as it would be today.
"""

import ast
import importlib
import io
import re
import sys
import tokenize
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import dvdn_sim
from dvdn_sim.scenario import load_scenario
from dvdn_sim.training import Loop

ROOT = Path(__file__).parents[1]
SOURCE = [*sorted(ROOT.glob("netmodels/**/*.py")), *sorted(ROOT.glob("dvdn_sim/**/*.py"))]
LOSSY = ROOT / "scenarios" / "lossy_lbf.yaml"
FRONTS = [path for path in SOURCE if path.name == "__init__.py"]
SIZE = tomllib.loads((ROOT / "tests" / "size.toml").read_text(encoding="utf-8"))
IGNORED = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(text: str) -> int:
    """Return how many lines are neither blank nor of comments or docstrings."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in IGNORED:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, node.end_lineno + 1))
    return len(lines)


def package_of(path: Path) -> str:
    """Return ``netmodels``, ``dvdn_sim`` for its own files, ``dvdn_sim/learners``, or ``tests``."""
    parts = path.relative_to(ROOT).parts
    return "/".join(parts[:2]) if parts[0] == "dvdn_sim" and len(parts) > 2 else parts[0]


def code_by_package() -> dict[str, int]:
    counts = Counter()
    for path in [*SOURCE, *sorted(ROOT.glob("tests/**/*.py"))]:
        counts[package_of(path)] += code_lines(path.read_text(encoding="utf-8"))
    return dict(counts)


def test_lines_of_code_are_counted_without_blanks_comments_and_docstrings():
    assert (
        code_lines(
            '"""Doc."""\n\n# why\nx = """a\nb"""\n\n\ndef f():\n    """Doc\n    more."""\n    return x  # here\n'
        )
        == 4
    )


def test_no_package_grows_unless_somebody_says_so():
    """A package that needs more lines raises its number in tests/size.toml, and the commit says what for.

    One that has become a tenth smaller lowers it, so that the room is not taken up again unseen.
    """
    counts, limits = code_by_package(), SIZE["code_lines"]
    assert counts.keys() == limits.keys()
    assert {package: count for package, count in counts.items() if count > limits[package]} == {}
    assert {package: count for package, count in counts.items() if count < 0.9 * limits[package]} == {}


def test_no_name_stands_for_two_things():
    """No class and no file of dvdn_sim has the name of another; environments are apart, and each has its own state."""
    classes, files = defaultdict(list), defaultdict(list)
    for path in SOURCE:
        if package_of(path) in {"netmodels", "dvdn_sim/envs"}:
            continue
        if path.name != "__init__.py":
            files[path.name].append(package_of(path))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                classes[node.name].append(str(path.relative_to(ROOT)))
    for found in (classes, files):
        assert {name: places for name, places in found.items() if len(places) > 1} == {}


@cache
def names_in(folder: Path) -> set[str]:
    """Return the names of modules, all that is defined, and all words in quotes, in a package."""
    names = {name for path in SOURCE if path.is_relative_to(folder) for name in (path.stem, path.parent.name)}
    for path in (path for path in SOURCE if path.is_relative_to(folder)):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)
    return names


@pytest.mark.parametrize("front", FRONTS, ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_every_name_that_a_front_mentions_exists(front):
    """What it exports can be imported; what its docstring names in backticks is a module or a name of the package."""
    module = importlib.import_module(".".join(front.parent.relative_to(ROOT).parts))
    exported = getattr(module, "__all__", [])
    assert [name for name in exported if not hasattr(module, name)] == []
    assert len(set(exported)) == len(exported)
    inside = names_in(front.parent) | {"netmodels", "dvdn_sim"}
    words = re.findall(r"(?<!`)`(\w+(?:\.\w+)*)`(?!`)", module.__doc__ or "")
    assert [word for word in words if word.split(".")[-1] not in (names_in(ROOT) if "." in word else inside)] == []


def files_run_by(action: Callable[[], object]) -> list[str]:
    """Return the files of the project in which an action calls a function."""
    found: set[str] = set()

    def note(frame, event, _):
        if event == "call":
            found.add(frame.f_code.co_filename)

    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
    return sorted(str(path.relative_to(ROOT)) for path in map(Path, found) if path in SOURCE)


def test_loading_a_scenario_runs_few_files():
    files = files_run_by(lambda: load_scenario(LOSSY))
    assert 0 < len(files) <= SIZE["files_run"]["load_scenario"], files


def test_an_update_with_its_exchange_runs_few_files(tmp_path, monkeypatch):
    learn, files, updates = Loop._learn, [], []

    def traced(*arguments):
        files[:] = files_run_by(lambda: updates.append(learn(*arguments)))
        return updates[-1]

    monkeypatch.setattr(Loop, "_learn", traced)
    scenario = load_scenario(LOSSY, ["seeds=[0]", "training.steps=400", "evaluation.episodes=1"])
    dvdn_sim.run(scenario, device="cpu", out=tmp_path / "run")
    assert len(updates) > 1
    assert 0 < len(files) <= SIZE["files_run"]["update"], files


if __name__ == "__main__":
    sys.stdout.writelines(f'"{package}" = {count}\n' for package, count in code_by_package().items())
