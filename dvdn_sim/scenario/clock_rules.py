"""Rules about simulated time: a run must fit the clock, and nothing may change so often that it never gets on."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from math import hypot

from dvdn_sim.scenario.document import Path
from dvdn_sim.scenario.network import Network
from dvdn_sim.scenario.network_rules import fitting_links
from dvdn_sim.scenario.partial import Partial
from dvdn_sim.scenario.scenario import Scenario
from dvdn_sim.scenario.wires import wires
from netmodels.faults import Flap
from netmodels.links import DelayTrace, Empirical, LossTrace
from netmodels.recordings import MAX_RECORDED
from netmodels.topology import EdgeMarkov, RandomWaypoint
from netmodels.units import MAX_S, milliseconds

Broken = tuple[Path, str, str]
MOST_CHANGES = 10**8
"""Of one link, or turns of one agent, in a run: more take minutes."""
YEAR_S = 365.25 * 86_400.0


def _the_clock_lasts(scenario: Scenario) -> Iterator[Broken]:
    """At most an update, with all its rounds, after every step."""
    network = scenario.network
    if network is None:
        return
    rounds = sum(wire.rounds for wire in wires(scenario))
    round_s, waits_for = _longest_round(scenario, network)
    step_s: dict[Path, float] = {waits_for: rounds * round_s}
    step_s["network", "control_period"] = float(network.control_period)
    step_s["network", "compute"] = float(network.compute.mean) if rounds else 0.0
    run_s = scenario.training.steps * sum(step_s.values())
    if run_s > MAX_S:
        longest = max(step_s, key=lambda path: step_s[path])
        message = f"{scenario.training.steps} steps, each with its update, can last {run_s / YEAR_S:.3g} years"
        yield longest, f"{message}, and the simulated clock ends after 31", "a shorter time, or fewer `training.steps`"


def _longest_round(scenario: Scenario, network: Network) -> tuple[float, Path]:
    """Return how many seconds a round can last, and what says so."""
    if isinstance(network.deadline, float):
        return network.deadline, ("network", "deadline")
    delays = {(*path, "delay"): link.delay for path, link in fitting_links(scenario).items()}
    waits = [(min(delay.quantile(0.999), MAX_S), path) for path, delay in delays.items()]
    return max(waits, key=lambda each: each[0], default=(0.0, ("network", "deadline")))


def _nothing_changes_for_ever(scenario: Scenario) -> Iterator[Broken]:
    network = scenario.network
    if network is None:
        return
    acting_s = scenario.training.steps * float(network.control_period)
    for path, part in _parts(("network",), network):
        turn_s = _turn_s(part)
        if turn_s is not None and acting_s > MOST_CHANGES * turn_s:
            message = (
                f"one turn takes {milliseconds(turn_s)} on average, of which {acting_s / turn_s:.1g} pass in the run"
            )
            yield path, message, f"turns of at least {milliseconds(acting_s / MOST_CHANGES)}"


def _turn_s(part: object) -> float | None:
    """Seconds from one change to the same one again, on average."""
    if isinstance(part, Flap | EdgeMarkov):
        return float(part.up) + float(part.down)
    if isinstance(part, RandomWaypoint):
        # Two uniform places in a square are 0.52 of a side apart on average.
        width, height = part.area
        slow, fast = part.speed
        return 0.37 * hypot(width, height) * 2.0 / (slow + fast) + float(part.pause)
    return None


def _recordings_can_be_kept(scenario: Scenario) -> Iterator[Broken]:
    """A run keeps its scenario with all recordings written out, in a file that can be read again."""
    recorded = [
        (path, len(part.values))
        for path, part in _parts(("network",), scenario.network)
        if isinstance(part, DelayTrace | Empirical | LossTrace)
    ]
    total = sum(count for _, count in recorded)
    if total > MAX_RECORDED:
        path, _ = max(recorded, key=lambda each: each[1])
        yield path, f"with it there are {total} recorded values", f"at most {MAX_RECORDED} in all"


def _parts(path: Path, part: object) -> Iterator[tuple[Path, object]]:
    """Yield all that a network consists of, each with its path."""
    if isinstance(part, Partial):
        return
    yield path, part
    inner: Iterator[tuple[str | int, object]] = iter(())
    if is_dataclass(part):
        inner = ((field.name.rstrip("_"), getattr(part, field.name)) for field in fields(part))
    elif isinstance(part, Mapping):
        inner = iter(part.items())
    elif isinstance(part, tuple) and not (part and isinstance(part[0], int | float)):
        inner = iter(enumerate(part))
    for step, each in inner:
        yield from _parts((*path, step), each)


CLOCK_RULES: tuple[Callable[[Scenario], Iterator[Broken]], ...] = (
    _the_clock_lasts,
    _nothing_changes_for_ever,
    _recordings_can_be_kept,
)
