"""The commands ``run`` and ``evaluate``: train a scenario, and let its teams act again."""

from pathlib import Path
from typing import Annotated

import typer

from dvdn_sim.cli.output import (
    AsJson,
    Changes,
    Device,
    Display,
    Quiet,
    flag,
    option,
    print_message,
    print_warnings,
    refuse_used_folder,
    say,
    seeds_option,
)
from dvdn_sim.importing import uncollected


def run(
    scenario: Annotated[
        Path,
        typer.Argument(help="A YAML file, such as scenarios/lossy_lbf.yaml; - is standard input.", show_default=False),
    ],
    *,
    changes: Changes = None,
    seeds: Annotated[str | None, option("LIST", "Seeds in place of the scenario's: 0-4 or 0,3.")] = None,
    steps: Annotated[int | None, option("N", "Environment steps per seed.", minimum=1, maximum=10**12)] = None,
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.auto,
    out: Annotated[Path | None, option("DIR", "Folder for the records.", otherwise="a new one in runs/")] = None,
    resume: Annotated[
        bool, flag("--resume", "Go on with the run in --out, or with the latest in runs/, from its last checkpoint.")
    ] = False,
    checkpoint_every: Annotated[
        float, typer.Option(min=0.0, metavar="SECONDS", help="Time from one checkpoint to the next.")
    ] = 60.0,
    trace: Annotated[bool, flag("--trace", "Write the outcome of every message to trace/ in the folder.")] = False,
    check_determinism: Annotated[
        bool,
        flag(
            "--check-determinism",
            "Run some 20 updates, or --steps, in two processes, and name the first record that differs.",
        ),
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train a scenario, one team per seed, and write its records to a folder."""
    overrides = list(changes or [])
    overrides += [] if seeds is None else [f"seeds={seeds_option(seeds)}"]
    if check_determinism:
        of_folder = {"--out": out, "--resume": resume, "--trace": trace, "--checkpoint-every": checkpoint_every != 60.0}
        for name in (name for name, given in of_folder.items() if given):
            raise typer.BadParameter(f"cannot be combined with {name}", param_hint="--check-determinism")
        from dvdn_sim.cli.determinism import check_determinism as run_twice

        raise typer.Exit(run_twice(scenario, overrides, steps, device=device.value, as_json=as_json, quiet=quiet))
    overrides += [] if steps is None else [f"training.steps={steps}"]
    if not resume:
        refuse_used_folder(out)
    with uncollected():
        from dvdn_sim.scenario import forgotten, load_scenario, warnings_of

        loaded = load_scenario(scenario, overrides)
        warnings = [*forgotten(scenario, overrides, loaded), *warnings_of(loaded)]
        print_warnings(warnings)
        from dvdn_sim.compiled import compilation_told
        from dvdn_sim.training import run as train  # torch, and only when there is something to train

    with Display(quiet=quiet) as display, compilation_told(display.say):
        summary = train(
            loaded,
            device=device.value,
            out=out,
            resume=resume,
            trace=trace,
            checkpoint_every_s=checkpoint_every,
            progress=display.show,
            warn=display.warn,
        )
    found = {**summary.as_json(), "warnings": warnings}
    say(found if as_json else summary.text())


def evaluate(
    run_dir: Annotated[Path, typer.Argument(help="The folder of a run that came to its end.", show_default=False)],
    *,
    changes: Changes = None,
    episodes: Annotated[
        int | None, option("N", "Episodes of each team.", otherwise="as many as one evaluation had", minimum=1)
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to act.")] = Device.auto,
    as_json: AsJson = False,
) -> None:
    """Let the trained teams of a run act again, under its scenario or a changed one."""
    with uncollected():
        from dvdn_sim.compiled import compilation_told
        from dvdn_sim.training import evaluate as act_again

    with compilation_told(print_message):
        found = act_again(run_dir, changes or [], episodes=episodes, device=device.value)
    say(found.as_json() if as_json else found.text())
