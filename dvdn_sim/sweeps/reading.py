"""From a sweep file to a `Sweep`, or to the list of all that is wrong with the file."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import cast

from dvdn_sim.errors import Mistake
from dvdn_sim.scenario.document import MAX_BYTES, Document, Path, Place, Value, read_document
from dvdn_sim.scenario.files import read_file, reason_of
from dvdn_sim.scenario.include import resolve_includes
from dvdn_sim.scenario.overrides import HOW
from dvdn_sim.sweeps.entries import DOTTED, AxisEntry, QuickEntry, SweepEntry, read_entries
from dvdn_sim.sweeps.rules import broken_rules, in_vain, labels_of
from dvdn_sim.sweeps.sweep import Axis, Base, Point, Setting, Sweep, label_of


def load_sweep(
    path: str | FilePath, changes: Sequence[str] = (), *, seeds: tuple[int, ...] | None = None, quick: bool = False
) -> tuple[Sweep | None, list[Mistake]]:
    """Read a sweep file.

    Args:
        path: a YAML file; what it names or includes is relative to its folder.
        changes: to all cells, in the form of ``--set``; they come after the file's own.
        seeds: in place of the file's.
        quick: whether the smaller sweep is meant that the file describes under ``quick``.

    Returns:
        The sweep, unless the file is so wrong that there is none; and every mistake in the file itself. What is wrong
        with the cells is found by `dvdn_sim.sweeps.grid.cells_of`.
    """
    file = FilePath(path)
    document = _document(file)
    entry, mistakes = read_entries(document) if document.readable else (None, [])
    mistakes += document.mistakes
    if entry is None:
        return None, mistakes
    sweep = _sweep(entry, document, file)
    mistakes += [document.blame(*wrong) for wrong in broken_rules(entry, sweep)]
    if quick:
        if entry.quick is None:
            mistakes.append(Mistake("quick", None, "is missing", "say there what is smaller, or do without it"))
        else:
            sweep = _quickly(entry.quick, sweep, document)
    more = [_change(text, mistakes) for text in changes]
    settings = (*sweep.settings, *(setting for setting in more if setting is not None))
    sweep = replace(sweep, settings=settings, seeds=seeds or sweep.seeds)
    return sweep, [*mistakes, *in_vain(sweep)]


def _document(file: FilePath) -> Document:
    try:
        document = read_document(read_file(file, MAX_BYTES + 1))
    except (OSError, ValueError) as error:
        return Document(mistakes=[Mistake("", None, f"cannot be read: {reason_of(error)}", "name a YAML file")])
    resolve_includes(document, file)
    return document


def _sweep(entry: SweepEntry, document: Document, file: FilePath) -> Sweep:
    base = None
    if isinstance(entry.base, str):
        named_in = document.place(("base",)).file or file
        base = FilePath(named_in).parent / entry.base
    compare = None
    if entry.compare is not None:
        ((axis, value),) = cast("dict[str, Value]", entry.compare).items()
        compare = (axis, label_of(value))
    return Sweep(
        name=entry.name,
        question=entry.question,
        base=Base(base, document),
        settings=_settings(entry.set, ("set",), document),
        axes=tuple(_axis(each, ("axes", index), document) for index, each in enumerate(entry.axes)),
        seeds=cast("tuple[int, ...] | None", entry.seeds),
        compare=compare,
        source=str(file),
    )


def _settings(block: object, path: Path, document: Document) -> tuple[Setting, ...]:
    given = cast("dict[str, Value]", block)
    return tuple(Setting(name, value, document.place((*path, name))) for name, value in given.items())


def _axis(entry: AxisEntry, path: Path, document: Document) -> Axis:
    name = entry.name or _last_word(entry.path or "")
    values, path = entry.values, (*path, "values")
    if isinstance(values, list):
        named = [((*path, index), label_of(value), value) for index, value in enumerate(values)]
    else:
        named = [((*path, label), label, value) for label, value in cast("dict[str, Value]", values).items()]
    points = []
    for here, label, value in named:
        place = document.place(here)
        if entry.path is not None:
            settings: tuple[Setting, ...] = (Setting(entry.path, value, place),)
        else:
            settings = _settings(value, here, document) if isinstance(value, dict) else ()
        points.append(Point(label, settings, place))
    return Axis(name, tuple(points))


def _last_word(path: str) -> str:
    """Return what an axis is called: the block that is chosen, where the path ends in how it is."""
    *_, block, last = ["", *path.split(".")]
    return block if block and last in ("kind", "preset") else last


def _quickly(quick: QuickEntry, sweep: Sweep, document: Document) -> Sweep:
    """Return the smaller sweep, under a name of its own."""
    fewer = labels_of(quick)
    return replace(
        sweep,
        name=f"{sweep.name}_quick",
        settings=(*sweep.settings, *_settings(quick.set, ("quick", "set"), document)),
        axes=tuple(axis.only(fewer[axis.name]) if axis.name in fewer else axis for axis in sweep.axes),
        seeds=cast("tuple[int, ...] | None", quick.seeds) or sweep.seeds,
    )


def _change(text: str, mistakes: list[Mistake]) -> Setting | None:
    """Return a ``--set`` as a setting; None, and a mistake, if it is none."""
    path, equals, written = (part.strip() for part in text.partition("="))
    if not equals or not DOTTED.fullmatch(path):
        mistakes.append(Mistake("", None, "is not of the form `path=value`", HOW, text))
        return None
    if path == "seeds":
        mistakes.append(Mistake("", None, "seeds are no setting of a cell", "write `--seeds 0-4`", text))
        return None
    value = read_document(written).written_in(override=text)
    resolve_includes(value)
    mistakes += value.mistakes
    return Setting(path, value.root, Place(override=text))
