"""The command ``dvdn-sim``: words in, words out; all the work is done elsewhere.

Answers go to stdout; progress, mistakes and errors to stderr. Exit codes: 0 done, 2 bad input, 3 interrupted, 1 for
anything else. Every command imports what it needs when it runs: ``--help`` loads neither torch nor simpy nor polars.
"""

import importlib.metadata
import platform
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dvdn_sim.cli.exchange_command import consensus, predict
from dvdn_sim.cli.output import (
    BAD_INPUT,
    Changes,
    Terminal,
    prepare_output,
    print_mistakes,
    print_warnings,
    say,
    ventured,
)
from dvdn_sim.cli.run_command import evaluate, run
from dvdn_sim.cli.show_command import report, show
from dvdn_sim.cli.sweep_command import sweep
from dvdn_sim.errors import ScenarioError

app = typer.Typer(
    name="dvdn-sim",
    help="What does a real network do to distributed multi-agent learning?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Example: dvdn-sim run scenarios/lossy_lbf.yaml",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line."""
    prepare_output()
    app()


Family = StrEnum("Family", "envs algorithms links topologies policies presets faults")


def check(
    scenarios: Annotated[list[Path], typer.Argument(help="YAML files; - is standard input.", show_default=False)],
    changes: Changes = None,
) -> None:
    """Say what scenarios would run, or list every mistake in them; runs nothing."""
    from dvdn_sim.scenario import (
        forgotten,
        has_gpu,
        headline,
        load_scenario,
        refuse_oversized_replay,
        warnings_of,
    )

    failed = False
    for path in scenarios:
        try:
            scenario = load_scenario(path, changes or [])
            if not has_gpu():  # on which the replay buffer would be
                refuse_oversized_replay(scenario, source=str(path))
            say(f"{path}: ok: {headline(scenario)}")
            found = [*forgotten(path, changes or [], scenario), *warnings_of(scenario)]
            print_warnings([f"{path}: {warning}" for warning in found])
        except ScenarioError as error:
            failed = True
            print_mistakes(error)
    if failed:
        raise typer.Exit(BAD_INPUT)


def list_(family: Annotated[Family, typer.Argument(help="What to list.", show_default=False)]) -> None:
    """List what a scenario can choose, with the keys of each choice and their defaults."""
    from dvdn_sim.scenario import listing

    console = Terminal()
    for heading, rows in listing(family.value).items():
        table = Table.grid(padding=(0, 2), collapse_padding=True)
        for name, meaning, keys in rows:
            description = Text.assemble(meaning.replace("``", ""), "\n" if keys else "", (keys, "dim"))
            table.add_row(Text(name, style="bold"), description)
        console.print(Text(heading))
        console.print(Padding(table, (0, 0, 0, 2), expand=False))


def schema() -> None:
    """Print the JSON schema of scenarios, with which editors complete and check them."""
    from dvdn_sim.scenario import json_schema

    say(json_schema(), indent=2)


def version() -> None:
    """Print the versions that matter for a bug report."""
    parts = [f"{name} {importlib.metadata.version(name)}" for name in ("dvdn-sim", "torch", "numpy", "simpy")]
    say(", ".join([*parts, f"Python {platform.python_version()}"]))


COMMANDS: Mapping[str, tuple[Callable[..., None], str]] = {
    "run": (run, "scenarios/lossy_lbf.yaml --set network.link.loss=20% --seeds 0-4"),
    "evaluate": (evaluate, "runs/lossy_lbf --set evaluation.epsilon=0 --episodes 1000"),
    "sweep": (sweep, "scenarios/ablations/rounds_x_loss.yaml --quick"),
    "report": (report, "sweeps/rounds_x_loss --figures"),
    "show": (show, "runs/lossy_lbf"),
    "predict": (predict, "scenarios/lossy_lbf.yaml --set algorithm.consensus.rounds=3"),
    "consensus": (consensus, "scenarios/lossy_lbf.yaml --trials 1000 --out exchange"),
    "check": (check, "scenarios/*.yaml"),
    "list": (list_, "algorithms"),
    "schema": (schema, "> scenario.schema.json"),
    "version": (version, ""),
}
"""Every command and how it is used, in the order of ``--help``."""

for _name, (_command, _example) in COMMANDS.items():
    app.command(_name, epilog=f"Example: dvdn-sim {_name} {_example}")(ventured(_command))
