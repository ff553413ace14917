"""What ``show`` says of a run folder."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from dvdn_sim.cli_failure import command, explained

Found = Mapping[str, Any]


def show(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)],
    *,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object.")] = False,
) -> None:
    """Say what a run folder holds and how far the run came, and verify its digest."""
    with explained(command("show", run_dir, [])):
        from dvdn_sim.records.contents import contents  # noqa: PLC0415 (half a second that --help does without)

        found = contents(run_dir)
        typer.echo(json.dumps(found, allow_nan=False) if as_json else "\n".join(lines(found)))
    if found["verified"] is False:
        raise typer.Exit(1)


def lines(found: Found) -> Iterator[str]:
    """Yield what `dvdn_sim.records.contents` found, for people."""
    seeds = ", ".join(map(str, found["seeds"]))
    what = "" if found["algorithm"] is None else f" {found['algorithm']} on {found['env']}, seeds {seeds};"
    yield f"{found['name'] or found['run_dir']}:{what} {found['state']}"
    yield f"  steps      {_steps(found)}"
    if any(found["evaluations"]):
        random = "" if found["random_return"] is None else f", {found['random_return']:.2f} random"
        yield f"  return     {_per_seed(found['return'])} at the latest evaluation{random}"
    if found["network"] is not None:
        yield f"  messages   {_messages(found['network'])}"
    yield from (
        f"  sign       seed {each['seed']}: {each['message']}; likely: {each['cause']}" for each in found["signs"]
    )
    if found["versions"]:
        yield f"  versions   {', '.join(f'{name} {version}' for name, version in found['versions'].items())}"
    yield f"  disk       {_disk(found['disk'])}"
    if found["audit"] is not None:
        yield f"  audit      {found['audit']}"
    yield f"  digest     {_digest(found)}"


def _steps(found: Found) -> str:
    steps, updates = (_spaced(round(sum(found[name]) / max(len(found[name]), 1))) for name in ("env_steps", "updates"))
    wanted = "" if found["steps"] is None else f" of {_spaced(found['steps'])}"
    device = "" if found["device"] is None else f" on {found['device']}"
    time = "" if found["wall_s"] is None else f", {found['wall_s']:.0f} s{device}"
    return f"{steps}{wanted} each, {updates} updates{time}"


def _per_seed(returns: Sequence[float | None]) -> str:
    return ", ".join("none" if each is None else f"{each:.2f}" for each in returns)


def _messages(network: Found) -> str:
    held = "" if network["delivered_fraction"] is None else f", {network['delivered_fraction']:.1%} held in time"
    late = network["late"] + network["expired"]
    return (
        f"{_spaced(network['sent'])} sent in {_spaced(network['exchanges'])} exchanges{held}, {_spaced(late)} late,"
        f" {_spaced(network['lost'])} lost, {network['bytes'] / 1e6:.1f} MB on the wire"
    )


def _disk(disk: Found) -> str:
    """Say how much there is of everything that there is."""
    nouns = dict.fromkeys(disk, "part") | {"policies": "team", "checkpoint": "checkpoint"}
    said = [
        f"{name} {_size(files['bytes'])} ({files['count']} {nouns[name]}{'' if files['count'] == 1 else 's'})"
        for name, files in disk.items()
        if files["count"]
    ]
    return ", ".join(said) or "no records yet"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.1f} kB"


def _digest(found: Found) -> str:
    if found["verified"] is None:
        return _unfinished(found)
    said, actual = found["digest"], found["digest_of_records"][:16]
    if found["verified"]:
        return f"{actual} verified"
    written = "the manifest has none" if said is None else f"{said[:16]} does not match the records"
    return f"{written}: theirs is {actual}; some were changed, added or removed"


def _unfinished(found: Found) -> str:
    if found["state"].startswith("running"):
        return "none yet: not finished"
    if found["resume"] is None:
        return "not finished: resume it from Python, with its environment: dvdn_sim.run(…, resume=True)"
    return f"not finished: resume with {found['resume']}"


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")
