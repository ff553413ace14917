"""What ``consensus --fuzz`` does: random variations of a scenario, every invariant checked, what was drawn printed."""

import json
import shlex
import textwrap
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from dvdn_sim.cli.output import Display, say
from dvdn_sim.network.fuzz.draw import BASE, Change, written
from dvdn_sim.network.fuzz.search import Coverage, Tried, search
from dvdn_sim.scenario import Scenario, load_scenario, parse_scenario


def fuzz(scenario: Path | None, changes: Sequence[str], count: int, *, as_json: bool, quiet: bool) -> bool:
    """Check a scenario and random variations of it; print what was drawn and found.

    Args:
        scenario: The file; None for one that is built in.
        changes: As ``--set`` takes them.
        count: Variations, beside the scenario itself.
        as_json: Whether to print one object.
        quiet: Whether to show no progress.

    Returns:
        Whether every invariant held.

    Raises:
        ScenarioError: The scenario itself is refused.
    """

    def load(drawn: Sequence[str]) -> Scenario:
        every = [*changes, *drawn]
        return (
            parse_scenario(BASE, every, source="the built-in scenario")
            if scenario is None
            else load_scenario(scenario, every)
        )

    coverage, failed, console = Coverage(), None, Console(highlight=False)
    with Display(quiet=quiet, of="variations") as display:
        for tried in search(load, count, coverage):
            display.show(coverage.variations - 1, max(count, 1), {"messages": str(coverage.messages)})
            if not as_json:
                _print_tried(coverage.variations - 1, tried.changes, console)
            if tried.failure is not None:
                failed = tried
    again = None if failed is None else _command(scenario, changes, failed.shrunk)
    if as_json:
        typer.echo(json.dumps(_as_json(coverage, failed, again), allow_nan=False))
    else:
        _print_coverage(coverage, console)
    if failed is not None and failed.failure is not None:
        say(f"Error: {failed.failure.invariant}: {failed.failure.found}", style="red")
        say(f"To reproduce: {again}")
    return failed is None


def _command(scenario: Path | None, changes: Sequence[str], drawn: Sequence[Change]) -> str:
    """Return the command that checks the same again."""
    overrides = [word for change in (*changes, *map(written, drawn)) for word in ("--set", change)]
    named = [] if scenario is None else [str(scenario)]
    return shlex.join(["dvdn-sim", "consensus", *named, *overrides, "--fuzz", "0"])


def _as_json(coverage: Coverage, failed: Tried | None, again: str | None) -> dict[str, object]:
    failure = None if failed is None else failed.failure
    return {
        "variations": coverage.variations,
        "messages": coverage.messages,
        "refused": coverage.refused,
        "met": {family: dict(sorted(counts.items())) for family, counts in coverage.met.items()},
        "failure": None
        if failed is None or failure is None
        else {
            "invariant": failure.invariant,
            "found": failure.found,
            "drawn": [written(change) for change in failed.changes],
            "shrunk": [written(change) for change in failed.shrunk],
            "reproduce": again,
        },
    }


def _print_tried(number: int, changes: Sequence[Change], console: Console) -> None:
    said = "  ".join(map(written, changes)) or "the scenario as it is"
    lines = textwrap.wrap(said, max(console.width - 6, 20), break_on_hyphens=False)
    for index, line in enumerate(lines):
        console.print(Text.assemble((f"{number:>4}  " if index == 0 else "      ", "dim"), line), soft_wrap=True)


def _print_coverage(coverage: Coverage, console: Console) -> None:
    checked = "1 scenario" if coverage.variations == 1 else f"{coverage.variations} scenarios"
    console.print(f"{checked} checked, {coverage.messages} messages; {coverage.refused} draws refused and drawn again")
    for family, counts in coverage.met.items():
        said = ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
        for index, line in enumerate(textwrap.wrap(said, max(console.width - 16, 20))):
            console.print(Text(f"  {family if index == 0 else '':<13} {line}"))
