"""From a YAML file to a scenario, or to the list of all that is wrong with it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path as FilePath
from typing import Annotated, cast

from pydantic import TypeAdapter, ValidationError

from dvdn_sim.errors import Mistake, ScenarioError
from dvdn_sim.scenario.blocks import reader
from dvdn_sim.scenario.document import MAX_BYTES, Document, read_document
from dvdn_sim.scenario.explain import explain
from dvdn_sim.scenario.files import read_file, reason_of
from dvdn_sim.scenario.include import resolve_includes
from dvdn_sim.scenario.overrides import override
from dvdn_sim.scenario.partial import known_parts
from dvdn_sim.scenario.rules import broken_rules
from dvdn_sim.scenario.scalars import legible
from dvdn_sim.scenario.scenario import Scenario
from dvdn_sim.scenario.walk import ROOT

MOST_TOLD = 100
"""Mistakes of a text; who makes more will mend some and look again."""
MOST_EXPLAINED = 2000
"""Of which those are chosen."""


def load_scenario(path: str | FilePath, overrides: Sequence[str] = ()) -> Scenario:
    """Read a scenario.

    Args:
        path: a YAML file; what it includes is relative to its folder.
        overrides: changes in the form of ``--set``: ``network.link.loss=20%``, applied in order.

    Returns:
        The scenario, complete: what the file leaves out has its default.

    Raises:
        ScenarioError: with every mistake there is, each with its place and a remedy; of very many, the first.
    """
    source = legible(str(path), most=1000)
    try:
        text = read_file(FilePath(path), MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        wrong = Mistake("", None, f"cannot be read: {reason_of(error)}", "name a YAML file")
        raise ScenarioError.of(source, (wrong,)) from error
    return _scenario(text, overrides, source, FilePath(path))


def parse_scenario(text: str | bytes, overrides: Sequence[str] = (), source: str = "scenario") -> Scenario:
    """Read a scenario from its text.

    Args:
        text: YAML; what it includes is relative to the current directory.
        overrides: as in `load_scenario`.
        source: what to call the text in errors.

    Returns:
        The scenario.

    Raises:
        ScenarioError: with every mistake there is.

    >>> parse_scenario("5 ms")
    Traceback (most recent call last):
    dvdn_sim.errors.ScenarioError: scenario: 1 mistake
      line 1: is not a scenario; write `key: value` lines; scenarios/lossy_lbf.yaml is an example
    """
    return _scenario(text, overrides, source)


def _scenario(text: str | bytes, overrides: Sequence[str], source: str, file: FilePath | None = None) -> Scenario:
    document = read_document(text)
    resolve_includes(document, file)
    for change in overrides:
        override(document, change)
    scenario, mistakes = _checked(document) if document.readable else (None, [])
    mistakes += document.mistakes
    if scenario is None or mistakes:
        raise ScenarioError.of(source, _told(sorted(mistakes, key=_order)))
    return scenario


def _told(mistakes: list[Mistake]) -> tuple[Mistake, ...]:
    """Return what of the mistakes anybody will read."""
    if len(mistakes) <= MOST_TOLD:
        return tuple(mistakes)
    first, more = mistakes[MOST_TOLD], len(mistakes) - MOST_TOLD
    rest = replace(first, path="", message=f"there are {more:_} more mistakes from here on", remedy="mend those first")
    return (*mistakes[:MOST_TOLD], rest)


def _checked(document: Document) -> tuple[Scenario | None, list[Mistake]]:
    """Return the scenario if every block of it is well formed, and what is wrong with it if it is not."""
    if not isinstance(document.root, dict):
        remedy = "write `key: value` lines; scenarios/lossy_lbf.yaml is an example"
        return None, [document.blame((), "is not a scenario", remedy)]
    try:
        scenario = cast("Scenario", _reader().validate_python(document.root))
    except ValidationError as error:
        mistakes = explain(error.errors(include_url=False)[:MOST_EXPLAINED], document)
        return None, mistakes + _broken(known_parts(ROOT, document.root), document)
    return scenario, _broken(scenario, document)


def _broken(scenario: object, document: Document) -> list[Mistake]:
    """Return what breaks rules; nothing where files to include were not read, for they may say what rules ask for."""
    return [] if document.incomplete else [document.blame(*wrong) for wrong in broken_rules(scenario)]


@cache
def _reader() -> TypeAdapter[object]:
    return reader(Annotated[Scenario, ROOT])


def _order(mistake: Mistake) -> tuple[bool, str, int, str]:
    """Return the key that sorts mistakes as the file goes, then those of included files, then those of overrides."""
    return mistake.override != "", mistake.file, mistake.line or 0, mistake.path
