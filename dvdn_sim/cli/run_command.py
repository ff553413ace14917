"""The commands ``run`` and ``evaluate``: train a scenario, and let its teams act again."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from dvdn_sim.cli.output import (
    Changes,
    Device,
    Display,
    as_overrides,
    command,
    explained,
    numbers,
    refuse_used_folder,
    warned,
)


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
    from dvdn_sim.scenario import load_scenario, warnings_of

    loaded = load_scenario(scenario, overrides)
    warnings = warned(warnings_of(loaded))
    from dvdn_sim.training.run import run as train

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
        from dvdn_sim.cli.determinism import check_determinism

        code = check_determinism(scenario, changes, steps, device=device, again=again, as_json=as_json, quiet=quiet)
    raise typer.Exit(code)


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
        from dvdn_sim.training.evaluate import evaluate as act_again

        found = act_again(run_dir, changes or [], episodes=episodes, device=device.value)
        typer.echo(json.dumps(found.as_json(), allow_nan=False) if as_json else found.text())
