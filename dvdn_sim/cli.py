"""The command ``dvdn-sim``: words in, words out; all the work is done elsewhere.

Answers go to stdout; progress, mistakes and errors to stderr. Exit codes: 0 done, 2 bad input, 3 interrupted, 1 for
anything else. torch is imported by ``run`` alone, and only when it has something to run; simpy by ``run``, ``predict``
and ``consensus``.
"""

import importlib.metadata
import json
import platform
import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dvdn_sim.cli_display import Display, warn
from dvdn_sim.cli_failure import BAD_INPUT, command, explained, print_mistakes
from dvdn_sim.cli_options import Device, as_overrides, refuse_used_folder
from dvdn_sim.cli_report import report
from dvdn_sim.cli_show import show
from dvdn_sim.cli_sweep import sweep
from dvdn_sim.errors import ScenarioError

if TYPE_CHECKING:
    from dvdn_sim.network.prediction import Prediction
    from dvdn_sim.network.trials import Measurement, Setting

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


class Family(StrEnum):
    """What ``list`` lists."""

    envs = "envs"
    algorithms = "algorithms"
    links = "links"
    topologies = "topologies"
    policies = "policies"
    presets = "presets"
    faults = "faults"


def main() -> None:
    """Run the command line."""
    app()


Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change one value; may be repeated.", show_default=False),
]


@app.command(epilog="Example: dvdn-sim run scenarios/lossy_lbf.yaml --set network.link.loss=20% --seeds 0-4")
def run(
    scenario: Annotated[
        Path, typer.Argument(help="A YAML file, such as scenarios/lossy_lbf.yaml.", show_default=False)
    ],
    *,
    changes: Changes = None,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Seeds in place of the scenario's: 0-4 or 0,3.", show_default=False),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Environment steps per seed.", show_default=False)
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.auto,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for the records.", show_default="a new one in runs/"),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            metavar="",
            help="Go on with the run in --out, or with the latest in runs/, from its last checkpoint.",
        ),
    ] = False,
    checkpoint_every: Annotated[
        float, typer.Option(min=0.0, metavar="SECONDS", help="Time from one checkpoint to the next.")
    ] = 60.0,
    trace: Annotated[
        bool, typer.Option("--trace", metavar="", help="Write every message's life to trace/ in the folder.")
    ] = False,
    check_determinism: Annotated[
        bool,
        typer.Option(
            "--check-determinism",
            metavar="",
            help="Run some 20 updates, or --steps, in two processes, and name the first record that differs.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print the summary as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", metavar="", help="Show no progress.")] = False,
) -> None:
    """Train a scenario, one team per seed, and write its records to a folder."""
    if check_determinism:
        writing = {"--out": out, "--resume": resume, "--trace": trace, "--checkpoint-every": checkpoint_every != 60.0}
        if useless := [name for name, given in writing.items() if given]:
            raise typer.BadParameter(f"{useless[0]} has no meaning beside it", param_hint="--check-determinism")
        _check_determinism(
            scenario, [*(changes or []), *as_overrides(seeds, None)], steps, device.value, as_json=as_json, quiet=quiet
        )
        return
    overrides = [*(changes or []), *as_overrides(seeds, steps)]
    if not resume:
        refuse_used_folder(out)
    options = [] if device is Device.auto else ["--device", device.value]
    options += [] if out is None else ["--out", str(out)]
    options += [name for name, wanted in (("--resume", resume), ("--trace", trace)) if wanted]
    folder = {"device": device.value, "out": out, "resume": resume, "trace": trace}
    with explained(command("run", scenario, overrides, *options)):
        _run(scenario, overrides, as_json=as_json, quiet=quiet, checkpoint_every_s=checkpoint_every, **folder)


def _run(scenario: Path, overrides: list[str], *, as_json: bool, quiet: bool, **options: Any) -> None:
    """Load a scenario, train it with these options of `dvdn_sim.run`, and print the summary."""
    from dvdn_sim.scenario import load_scenario, warnings_of  # noqa: PLC0415 (half a second that --help does without)

    loaded = load_scenario(scenario, overrides)
    warnings = _warned(warnings_of(loaded))
    from dvdn_sim.training.run import run as train  # noqa: PLC0415 (torch)

    with Display(quiet=quiet) as display:
        summary = train(loaded, progress=display.show, warn=display.warn, **options)
    said = {**summary.as_json(), "warnings": warnings}
    typer.echo(json.dumps(said, allow_nan=False) if as_json else summary.text())


def _check_determinism(
    scenario: Path, changes: list[str], steps: int | None, device: str, *, as_json: bool, quiet: bool
) -> None:
    """Run a scenario twice; exit 1 if the records differ."""
    options = [*numbers(steps=steps), *([] if device == Device.auto else ["--device", device]), "--check-determinism"]
    again = command("run", scenario, changes, *options)
    with explained(again):
        from dvdn_sim.cli_determinism import check_determinism  # noqa: PLC0415 (half a second that --help does without)

        code = check_determinism(scenario, changes, steps, device=device, again=again, as_json=as_json, quiet=quiet)
    raise typer.Exit(code)


def _warned(warnings: list[str]) -> list[str]:
    """Print warnings, and return them."""
    for warning in warnings:
        warn(warning)
    return warnings


@app.command(epilog="Example: dvdn-sim evaluate runs/lossy_lbf --set evaluation.epsilon=0 --episodes 1000")
def evaluate(
    run_dir: Annotated[Path, typer.Argument(help="The folder of a run that came to its end.", show_default=False)],
    *,
    changes: Changes = None,
    episodes: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Episodes of each team.", show_default="as many as one evaluation had"),
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to act.")] = Device.auto,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object.")] = False,
) -> None:
    """Let the trained teams of a run act again, under its scenario or a changed one."""
    options = [*numbers(episodes=episodes), *([] if device is Device.auto else ["--device", device.value])]
    with explained(command("evaluate", run_dir, changes or [], *options)):
        from dvdn_sim.training.evaluate import evaluate as act_again  # noqa: PLC0415 (torch)

        found = act_again(run_dir, changes or [], episodes=episodes, device=device.value)
        typer.echo(json.dumps(found.as_json(), allow_nan=False) if as_json else found.text())


app.command(epilog="Example: dvdn-sim sweep scenarios/ablations/rounds_x_loss.yaml --quick")(sweep)
app.command(epilog="Example: dvdn-sim report sweeps/rounds_x_loss --figures")(report)
app.command(epilog="Example: dvdn-sim show runs/lossy_lbf")(show)

Agents = Annotated[
    int | None, typer.Option(min=2, metavar="N", help="Agents in place of the scenario's.", show_default=False)
]
Links = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Links of a random connected topology.", show_default=False),
]


@app.command(epilog="Example: dvdn-sim predict scenarios/lossy_lbf.yaml --set algorithm.consensus.rounds=3")
def predict(
    scenario: Annotated[Path, typer.Argument(help="A YAML file.", show_default=False)],
    *,
    changes: Changes = None,
    agents: Agents = None,
    links: Links = None,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object.")] = False,
) -> None:
    """Say what a scenario's exchanges will be like, before anything is trained."""
    with explained(command("predict", scenario, changes or [], *numbers(agents=agents, links=links))):
        from dvdn_sim import cli_exchange as said  # noqa: PLC0415 (half a second that --help does without)
        from dvdn_sim.network.prediction import predict_every  # noqa: PLC0415
        from dvdn_sim.network.trials import Setting  # noqa: PLC0415
        from dvdn_sim.scenario import load_scenario, warnings_of  # noqa: PLC0415

        loaded = load_scenario(scenario, changes or [])
        settings = Setting.every(loaded, agents=agents, links=links)
        warnings = _warned(warnings_of(loaded, n_agents=agents))
        found = list(zip(settings, predict_every(settings), strict=True))
        if as_json:
            typer.echo(json.dumps(said.prediction_json(loaded, found, warnings), allow_nan=False))
        else:
            said.print_predictions(loaded, found, Console(highlight=False))


@app.command(epilog="Example: dvdn-sim consensus scenarios/lossy_lbf.yaml --trials 1000 --out exchange")
def consensus(
    scenario: Annotated[
        Path | None, typer.Argument(help="A YAML file; with --fuzz it may be left out.", show_default=False)
    ] = None,
    *,
    changes: Changes = None,
    trials: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Exchanges.", show_default="some seconds' worth")
    ] = None,
    agents: Agents = None,
    links: Links = None,
    values: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="What agents hold at first: 3,0,-1.5.", show_default="random values"),
    ] = None,
    fuzz: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Check every invariant, on the scenario and on N random variations drawn from its first seed.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for consensus.svg and consensus.json.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", metavar="", help="Show no progress.")] = False,
) -> None:
    """Exchange values, without learning: what was measured beside what was predicted."""
    refuse_used_folder(out)
    options = numbers(trials=trials, agents=agents, links=links, values=values, out=out)
    if fuzz is not None:
        if options:
            raise typer.BadParameter(f"{options[0]} has no meaning beside it; leave it out", param_hint="--fuzz")
        _fuzz(scenario, changes or [], fuzz, as_json=as_json, quiet=quiet)
    elif scenario is None:
        raise typer.BadParameter("name a YAML file, such as scenarios/lossy_lbf.yaml", param_hint="SCENARIO")
    else:
        with explained(command("consensus", scenario, changes or [], *options)):
            from dvdn_sim.cli_exchange import setting_of  # noqa: PLC0415 (half a second that --help does without)
            from dvdn_sim.records.folder import create_run_dir  # noqa: PLC0415
            from dvdn_sim.scenario import load_scenario, warnings_of  # noqa: PLC0415

            loaded = load_scenario(scenario, changes or [])
            setting = setting_of(loaded, agents=agents, links=links, values=values)
            warnings = _warned(warnings_of(loaded, n_agents=agents))
            if out is not None:
                create_run_dir(out, loaded.name)  # a folder that cannot be made is told before the work, not after
            _tell(setting, *_measured(setting, trials, quiet=quiet), out, warnings, as_json=as_json)


def _measured(setting: "Setting", trials: int | None, *, quiet: bool) -> "tuple[Measurement, Prediction]":
    """Exchange, and work out what was to be expected."""
    from dvdn_sim.network.prediction import predict as work_out  # noqa: PLC0415
    from dvdn_sim.network.trials import measure  # noqa: PLC0415

    predicted = work_out(setting)
    with Display(quiet=quiet, of="trials") as display:
        return measure(setting, trials, lambda done, total: display.show(done, total, {})), predicted


def _tell(
    setting: "Setting",
    measured: "Measurement",
    predicted: "Prediction",
    out: Path | None,
    warnings: list[str],
    *,
    as_json: bool,
) -> None:
    """Write and print what was measured."""
    from dvdn_sim import cli_exchange as said  # noqa: PLC0415

    found = said.measurement_json(setting, measured, predicted, warnings)
    if out is not None:
        said.write_measurement(out, setting, measured, predicted, warnings)
    if as_json:
        typer.echo(json.dumps(found, allow_nan=False))
    else:
        said.print_measurement(setting, measured, predicted, Console(highlight=False))


def _fuzz(scenario: Path | None, changes: list[str], count: int, *, as_json: bool, quiet: bool) -> None:
    """Check a scenario and variations of it; exit 1 if an invariant does not hold."""
    named = [] if scenario is None else [str(scenario)]
    overrides = [word for change in changes for word in ("--set", change)]
    with explained(shlex.join(["dvdn-sim", "consensus", *named, *overrides, "--fuzz", str(count)])):
        from dvdn_sim.cli_fuzz import fuzz  # noqa: PLC0415

        all_held = fuzz(scenario, changes, count, as_json=as_json, quiet=quiet)
    if not all_held:
        raise typer.Exit(1)


def numbers(**given: object) -> list[str]:
    """Return the options that were given, as words."""
    return [word for name, value in given.items() if value is not None for word in (f"--{name}", str(value))]


@app.command(epilog="Example: dvdn-sim check scenarios/*.yaml")
def check(
    scenarios: Annotated[list[Path], typer.Argument(help="YAML files.", show_default=False)],
    changes: Changes = None,
) -> None:
    """Say what scenarios would run and how much memory they take, or list every mistake in them; runs nothing."""
    from dvdn_sim.scenario import headline, load_scenario, warnings_of  # noqa: PLC0415
    from dvdn_sim.scenario.machine import has_gpu  # noqa: PLC0415
    from dvdn_sim.scenario.memory import refuse_if_too_large  # noqa: PLC0415

    failed = False
    for path in scenarios:
        try:
            scenario = load_scenario(path, changes or [])
            memory = refuse_if_too_large(scenario, place="host" if has_gpu() else "machine", source=str(path))
            typer.echo(f"{path}: ok: {headline(scenario)}")
            typer.echo(f"{path}: memory about {memory.text()}")
            _warned([f"{path}: {warning}" for warning in warnings_of(scenario)])
        except ScenarioError as error:
            failed = True
            print_mistakes(error)
    if failed:
        raise typer.Exit(BAD_INPUT)


@app.command("list", epilog="Example: dvdn-sim list algorithms")
def list_(family: Annotated[Family, typer.Argument(help="What to list.", show_default=False)]) -> None:
    """List what a scenario can choose, with the keys of each choice and their defaults."""
    from dvdn_sim.scenario.listing import listing  # noqa: PLC0415

    console = Console(highlight=False)
    for heading, rows in listing(family.value).items():
        table = Table.grid(padding=(0, 2), collapse_padding=True)
        for name, meaning, keys in rows:
            said = Text.assemble(meaning.replace("``", ""), "\n" if keys else "", (keys, "dim"))
            table.add_row(Text(name, style="bold"), said)
        console.print(Text(heading))
        console.print(Padding(table, (0, 0, 0, 2), expand=False))


@app.command(epilog="Example: dvdn-sim schema > scenario.schema.json")
def schema() -> None:
    """Print the JSON schema of scenarios, with which editors complete and check them."""
    from dvdn_sim.scenario import json_schema  # noqa: PLC0415

    typer.echo(json.dumps(json_schema(), indent=2))


@app.command(epilog="Example: dvdn-sim version")
def version() -> None:
    """Print the versions that matter for a bug report."""
    parts = [f"{name} {_version(name)}" for name in ("dvdn-sim", "torch", "numpy", "simpy")]
    typer.echo(", ".join([*parts, f"Python {platform.python_version()}"]))


def _version(distribution: str) -> str:
    """Return the version of an installed distribution, which need not be imported for it."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    main()
