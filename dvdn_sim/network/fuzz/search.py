"""Many variations of a scenario, and of one that breaks an invariant, the least that still breaks it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from dvdn_sim.errors import ScenarioError
from dvdn_sim.network.fuzz.draw import Change, variation, written
from dvdn_sim.network.fuzz.evidence import evidence_of
from dvdn_sim.network.fuzz.invariants import INVARIANTS
from dvdn_sim.network.trials import Setting
from dvdn_sim.scenario import Scenario

Load = Callable[[Sequence[str]], Scenario]
"""From changes, as ``--set`` takes them, to the scenario; raises ScenarioError."""

CRASH = "no error"
"""Name of the invariant that an exception breaks."""
MOST_ATTEMPTS = 50
MOST_SHRINKS = 300


@dataclass(frozen=True)
class Failure:
    """What broke which invariant.

    Attributes:
        invariant: Its name.
        found: What was found, in words.
    """

    invariant: str
    found: str


@dataclass(frozen=True)
class Tried:
    """One variation.

    Attributes:
        changes: To the scenario; none for the scenario itself.
        setting: What was exchanged.
        messages: How many were sent.
        failure: What broke, if anything did.
        shrunk: Of a failure, changes that are enough for it.
    """

    changes: tuple[Change, ...]
    setting: Setting
    messages: int
    failure: Failure | None
    shrunk: tuple[Change, ...] = ()


@dataclass
class Coverage:
    """What a search has met.

    Attributes:
        variations: How many.
        messages: Sent in all of them.
        refused: Draws that the scenario's rules refused, and that were drawn again.
        met: How often by what: policies, topologies, transmitters, faults.
    """

    variations: int = 0
    messages: int = 0
    refused: int = 0
    met: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, tried: Tried) -> None:
        """Count a variation."""
        self.variations += 1
        self.messages += tried.messages
        network = tried.setting.network
        found: dict[str, list[str]] = {
            "policies": [tried.setting.policy],
            "topologies": [network.topology.kind],
            "transmitters": [network.share],
            "faults": [fault.kind for fault in network.faults],
        }
        for family, names in found.items():
            self.met.setdefault(family, Counter()).update(names)


def check(setting: Setting) -> tuple[Failure | None, int]:
    """Check every invariant on a scenario's exchanges; the first that breaks, and the number of messages sent."""
    try:
        evidence = evidence_of(setting)
    except Exception as error:
        return Failure(CRASH, f"{type(error).__name__}: {error}"), 0
    for name, invariant in INVARIANTS.items():
        try:
            found = next(invariant(evidence), None)
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
        if found is not None:
            return Failure(name, found), evidence.counts.sent
    return None, evidence.counts.sent


def search(load: Load, count: int, coverage: Coverage) -> Iterator[Tried]:
    """Check a scenario and variations of it, until one fails.

    Args:
        load: Makes the scenario.
        count: Variations, beside the scenario itself.
        coverage: Counts what is met.

    Raises:
        ScenarioError: The scenario itself is refused.
    """
    seed = load(()).seeds[0]
    for index in range(count + 1):
        changes, setting = ((), Setting.of(load(()))) if index == 0 else _drawn(load, seed, index, coverage)
        failure, messages = check(setting)
        tried = Tried(
            tuple(changes), setting, messages, failure, shrunk(load, changes, failure) if failure is not None else ()
        )
        coverage.add(tried)
        yield tried
        if failure is not None:
            return


def _drawn(load: Load, seed: int, index: int, coverage: Coverage) -> tuple[Sequence[Change], Setting]:
    refused: ScenarioError | None = None
    for attempt in range(MOST_ATTEMPTS):
        changes = variation(seed, index, attempt)
        try:
            return changes, Setting.of(load([written(change) for change in changes]))
        except ScenarioError as error:
            coverage.refused += 1
            refused = error
    raise refused or RuntimeError("no attempt was made")


def shrunk(load: Load, changes: Sequence[Change], failure: Failure) -> tuple[Change, ...]:
    """Leave out changes, and parts of them, as long as the same invariant breaks.

    Args:
        load: Makes the scenario.
        changes: With which it breaks.
        failure: What broke.
    """
    left, tries = list(changes), 0
    going = True
    while going and tries < MOST_SHRINKS:
        going = False
        for smaller in list(_smaller(left)):
            tries += 1
            if tries > MOST_SHRINKS:
                break
            if _breaks(load, smaller, failure.invariant):
                left, going = smaller, True
                break
    return tuple(left)


def _smaller(changes: list[Change]) -> Iterator[list[Change]]:
    """Changes with one left out, a list somewhere in one shortened, or a number of agents or rounds lowered."""
    for place, (path, value) in enumerate(changes):
        before, after = changes[:place], changes[place + 1 :]
        yield before + after
        yield from ([*before, (path, shorter), *after] for shorter in _shortened(value))
        if path in {"env.players", "algorithm.consensus.rounds"} and isinstance(value, int):
            yield from ([*before, (path, less), *after] for less in (2, value // 2, value - 1) if 1 <= less < value)


def _shortened(value: object) -> Iterator[object]:
    """The value with an entry of one of its lists left out; no list is emptied."""
    if isinstance(value, list):
        for place, entry in enumerate(value):
            if len(value) > 1:
                yield value[:place] + value[place + 1 :]
            yield from ([*value[:place], less, *value[place + 1 :]] for less in _shortened(entry))
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from ({**value, key: less} for less in _shortened(part))


def _breaks(load: Load, changes: Sequence[Change], invariant: str) -> bool:
    try:
        failure, _ = check(Setting.of(load([written(change) for change in changes])))
    except ScenarioError:
        return False
    return failure is not None and failure.invariant == invariant
