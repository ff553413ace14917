"""Every public function and method says what it does and shows it in a runnable example."""

import ast
from pathlib import Path

import pytest

import netmodels

ROOT = Path(netmodels.__file__).parent
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py") if path.name != "__init__.py")


def is_protocol(node):
    return any(getattr(base, "id", "") == "Protocol" for base in node.bases)


def is_property(node):
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


def public_functions(tree):
    """Functions of a module and methods of its classes, with the class whose docstring may hold their example."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node, None
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not is_protocol(node):
            yield from (
                (child, node)
                for child in node.body
                if isinstance(child, ast.FunctionDef) and not child.name.startswith("_") and not is_property(child)
            )


@pytest.mark.parametrize("module", MODULES)
def test_examples(module):
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    for function, owner in public_functions(tree):
        text = ast.get_docstring(function) or ""
        shown = (ast.get_docstring(owner) or "") if owner is not None else ""
        assert ">>>" in text or f"{function.name}(" in shown, f"{module}: {function.name} has no example"
        named = [arg.arg for arg in (*function.args.args, *function.args.kwonlyargs) if arg.arg not in ("self", "cls")]
        documented = "Args:" in text or "see `" in text or (owner is not None and function.name in INHERITED)
        assert not named or documented, f"{module}: {function.name} does not document its arguments"
        assert len(text.split("\n", maxsplit=1)[0]) <= 120


# Methods that a protocol documents once for all kinds.
INHERITED = {"quantile", "cdf", "sampler", "stationary", "transmit", "describe", "cuts", "agents", "graph", "positions"}


@pytest.mark.parametrize("module", MODULES)
def test_sizes(module):
    assert len((ROOT / module).read_text(encoding="utf-8").splitlines()) < 400
