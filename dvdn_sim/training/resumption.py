"""Whether a run may be gone on with: it must be the same one."""

from collections.abc import Mapping

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records import SCENARIO_FILE, Run
from dvdn_sim.scenario.compare import differences
from dvdn_sim.training.checkpoint import Warn


def check_same(earlier: Run, text: str, asked: Mapping[str, object]) -> None:
    """Refuse to go on with a run of another scenario, or in another way.

    Args:
        earlier: What the folder holds.
        text: The resolved scenario now.
        asked: What else has to be as it was, by its name in the manifest; None for whatever the scenario says.

    Raises:
        RunFolderError: Something changed; the message tells what.
    """
    try:
        changed = differences(earlier.scenario, text)
    except ValueError as error:
        raise RunFolderError(f"{earlier.path / SCENARIO_FILE} is damaged: {error}") from error
    changed += [
        f"{name}: {earlier.manifest[name]} before, {value} now"
        for name, value in asked.items()
        if value is not None and earlier.manifest.get(name, value) != value
    ]
    if changed:
        lines = "".join(f"\n  {line}" for line in changed)
        raise RunFolderError(f"{earlier.path} holds another run; the same scenario, or another folder, expected{lines}")


def warn_of_versions(earlier: Run, identity: Mapping[str, object], warn: Warn) -> None:
    """Tell what might make the bits differ from those of an uninterrupted run."""
    before, now = earlier.manifest.get("versions", {}), identity["versions"]
    if isinstance(before, dict) and isinstance(now, dict) and before:
        changed = [
            f"{name} {before.get(name)} before, {now[name]} now" for name in now if before.get(name) != now[name]
        ]
        if changed:
            warn(f"the rest of this run may differ from an uninterrupted one to the last bit: {', '.join(changed)}")
