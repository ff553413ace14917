"""Rules that join several values of a scenario. Each yields what breaks it: (dotted path, message, remedy).

Rules within an environment, a network's links, a topology or a fault are with their specs. At the end stands what
depends on the machine: whether the replay buffer, the largest part of nearly every run, fits into its memory.
"""

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from math import hypot, inf, prod
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from dvdn_sim.algorithms import Consensus, Dvdn, DvdnGt, ParameterExchange
from dvdn_sim.consensus import POLICIES
from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario.scenario import (
    AUTO,
    CARRIES,
    MessageSpec,
    Network,
    Scenario,
    block_bytes,
    exchanged,
    message_specs,
    parameter_count,
)
from dvdn_sim.wording import size_text
from netmodels import LinkSpec
from netmodels.faults import Degrade, Flap, Straggler
from netmodels.links import DelayTrace, Empirical, LossTrace
from netmodels.recordings import MAX_WRITTEN
from netmodels.topology import EdgeMarkov, RandomConnected, RandomWaypoint, Range, TopologyKind
from netmodels.units import MAX_S, milliseconds

Broken = Iterator[tuple[str, str, str]]

MAX_PACKETS = 100_000
"""Of one message, every one with a fate of its own."""
MAX_CHANGES = 10**8
"""Of one link, or turns of one agent, in a run: more take minutes."""
YEAR_S = 365.25 * 86_400.0


class _UnknownError(Exception):
    """A rule asked for a block that has mistakes of its own."""


class ValidBlocks(SimpleNamespace):
    """Stands for a scenario, or a block, of which some parts have mistakes; asking for these raises `_UnknownError`."""

    def __getattr__(self, name: str) -> object:
        raise _UnknownError(name)


def broken_rules(scenario: Scenario | Mapping[str, object], *, any_agents: bool = False) -> list[tuple[str, str, str]]:
    """Return what is broken in a scenario, or in those of its blocks that are known.

    What a rule says before it asks for a block that is not known counts. A scenario for any number of agents is not
    held to that of its environment: see `misfits`.
    """
    known = cast("Scenario", ValidBlocks(**scenario)) if isinstance(scenario, Mapping) else scenario
    broken: list[tuple[str, str, str]] = []
    for rule in RULES:
        with suppress(_UnknownError):
            broken.extend(rule(known))
    for network_rule in NETWORK_RULES if any_agents else (_fits_the_agents, *NETWORK_RULES):
        with suppress(_UnknownError):
            broken.extend(() if known.network is None else network_rule(known, known.network))
    return broken


def _seeds_differ(scenario: Scenario) -> Broken:
    seeds = scenario.seeds
    for seed in [seed for index, seed in enumerate(seeds) if seed in seeds[:index]][:1]:
        yield "seeds", f"seed {seed} is given twice", "a seed gives one result, however often it is run"


def _the_environment_is_possible(scenario: Scenario) -> Broken:
    for key, message, remedy in scenario.env.broken_rules():
        yield f"env.{key}", message, remedy


def _the_buffer_is_large_enough(scenario: Scenario) -> Broken:
    training = scenario.training
    buffer, at_once = training.buffer, training.episodes_per_iteration
    if buffer < at_once:
        message = f"a buffer of {buffer} episodes does not hold {at_once} at once"
        yield "training.episodes_per_iteration", message, f"at most {buffer}, or a larger `training.buffer`"
    if buffer < training.batch:
        message = f"{buffer} episodes do not hold a batch of {training.batch}"
        yield "training.buffer", message, f"at least {training.batch}"


def _exploration_falls(scenario: Scenario) -> Broken:
    start, end = scenario.training.epsilon.start, scenario.training.epsilon.end
    if end > start:
        yield "training.epsilon.end", f"{end} is above the start, {start}", "exploration falls from `start` to `end`"


def _messages_have_a_network(scenario: Scenario) -> Broken:
    exchange = ", ".join(CARRIES[key] for key in exchanged(scenario.algorithm))
    if exchange and scenario.network is None:
        remedy = "write a `network` block (scenarios/lossy_lbf.yaml has one), or choose `algorithm: {kind: vdn}`"
        yield "network", f"is missing: {scenario.algorithm.kind}'s agents exchange {exchange}", remedy
    if scenario.env.n_agents >= 2:
        return
    if exchange:
        message = f"it takes at least 2 agents to exchange {exchange}, not {scenario.env.n_agents}"
        yield "env", message, "more, or `algorithm: {kind: iql}` and no `network`"
    elif scenario.network is not None:
        yield "env", f"a network needs at least 2 agents, not {scenario.env.n_agents}", "more, or no `network`"


def _policies_suit_what_is_sent(scenario: Scenario) -> Broken:
    algorithm = scenario.algorithm
    if isinstance(algorithm, Dvdn) and algorithm.consensus.wire == "float16":
        policy = algorithm.consensus.policy
        if not POLICIES[policy].memoryless:
            sums = POLICIES[policy].shares
            reason = "sends totals that grow with the rounds" if sums else "compares values of different rounds"
            remedy = "`float32`, or a policy without memory, such as `self`"
            yield "algorithm.consensus.wire", f"`float16` is not for `{policy}`, which {reason}", remedy
    tracking = algorithm.tracking if isinstance(algorithm, DvdnGt) else None
    if tracking is not None and (tracking.form, tracking.policy) == ("running_sum", "symmetric"):
        message = "`symmetric` leaves out what was heard one way only, and running sums take in whatever was heard"
        yield "algorithm.tracking.policy", message, "`self`, or `form: paper`"


def _blocks_are_not_empty(scenario: Scenario) -> Broken:
    for key, block in exchanged(scenario.algorithm).items():
        if isinstance(block, ParameterExchange):
            most = parameter_count(scenario.algorithm, scenario.env)
            if block.blocks > most:
                message = f"{most} parameters cannot be cut into {block.blocks} parts"
                yield f"algorithm.{key}.blocks", message, f"at most {most}"


def _fits_the_agents(scenario: Scenario, network: Network) -> Broken:
    yield from misfits(network, scenario.env.n_agents, scenario.seeds)


def misfits(network: Network, n_agents: int, seeds: Sequence[int]) -> Broken:
    """Yield what of a network is not for so many agents."""
    if n_agents >= 2:  # fewer are told by another rule
        yield from _topology_exists(network, n_agents, seeds)
    yield from _agents_exist(network, n_agents)


def _topology_exists(network: Network, n_agents: int, seeds: Sequence[int]) -> Broken:
    told = set()
    for path, part in reversed([*_parts("network.topology", network.topology)]):  # what is within others comes first
        if isinstance(part, Range) and part.mobility is None:
            message = "is missing: positions from the environment are not supported yet"
            yield f"{path}.mobility", message, "write `mobility: {kind: random_waypoint, ...}`"
        elif isinstance(part, TopologyKind):
            try:
                part.refuse_impossible(n_agents, seeds)
            except ValueError as error:
                key, _, said = str(error).partition(": ")
                if said not in told:
                    told.add(said)
                    within = key.removeprefix("topology") if key.startswith("topology.") else ""
                    yield f"{path}{within}", said, _other_topology(part, key, n_agents)


def _other_topology(part: TopologyKind, key: str, n_agents: int) -> str:
    """Return what to write in place of a topology that so many agents cannot have."""
    if isinstance(part, RandomConnected):
        return f"leave it out for the fewest, {n_agents - 1}"
    if key == "topology.connected":
        return "write more links, or `{kind: random_connected}`, whose graphs are always connected"
    return f"there are {n_agents} agents, numbered from 0"


def _agents_exist(network: Network, n_agents: int) -> Broken:
    with suppress(_UnknownError):
        for index, other in enumerate(network.other_links):
            with suppress(_UnknownError):
                if max(other.edge) >= n_agents:
                    message = "there is no link between agents {} and {}".format(*other.edge)
                    yield f"network.other_links.{index}.edge", message, f"two different agents of 0 to {n_agents - 1}"
    for index, fault in enumerate(network.faults):
        with suppress(_UnknownError):
            for agent in [agent for agent in fault.agents() if agent >= n_agents][:1]:
                remedy = f"agents are numbered from 0 to {n_agents - 1}"
                yield f"network.faults.{index}", f"there is no agent {agent}", remedy


def _acks_are_sent(_: Scenario, network: Network) -> Broken:
    for name in ("ack_repeat", "ack_deadline"):
        if not network.acks and getattr(network, name) not in (1, None):
            yield f"network.{name}", "is given, and nothing is acknowledged", "write `acks: true`, or remove it"


def _broadcast_has_a_transmitter(_: Scenario, network: Network) -> Broken:
    if network.broadcast and network.share == "link":
        message = "is true, and every link has a transmitter of its own"
        yield "network.broadcast", message, "choose `share: node` or `share: medium`"
    for path, link in network.links.items() if network.broadcast else ():
        for name in ("mtu", "overhead", "limit", "limit_bytes"):
            if getattr(link, name) != getattr(network.link, name):
                message = "differs, and one copy is broadcast to all links"
                yield f"{path}.{name}", message, "the same as in `network.link`"


def _episodes_are_acted_one_by_one(scenario: Scenario, network: Network) -> Broken:
    count, updates = scenario.training.episodes_per_iteration, scenario.training.updates_per_iteration
    remedy, together = "1 as `training.episodes_per_iteration`, or", f"{count} episodes are acted side by side"
    if count > 1 and network.schedule == "overlap":
        message = f"`overlap` acts an episode while the update before it is under way; {together}, before their updates"
        yield "network.schedule", message, f"{remedy} `blocking`"
    elif network.schedule == "overlap" and updates not in {None, 1}:
        message = f"`overlap` acts an episode while the one update before it is under way, and there are {updates}"
        yield "network.schedule", message, "1 as `training.updates_per_iteration`, or `blocking`"
    if count > 1 and network.acting == "noop":
        message = f"`noop` depends on who is down when an episode is acted; {together}, as if at one time"
        yield "network.acting", message, f"{remedy} `frozen`"


def _policies_suit_the_links(scenario: Scenario, network: Network) -> Broken:
    for key, block in exchanged(scenario.algorithm).items():
        sums = "`running_sum`" if isinstance(block, Consensus) else ""
        if block.policy == "symmetric" and not network.acks:
            message = "`symmetric` needs acknowledgements: it uses links on which both ends know that they were heard"
            yield f"algorithm.{key}.policy", message, f"write `acks: true` in `network`, or choose {sums or '`self`'}"
        if network.topology.one_way and not POLICIES[block.policy].shares:
            message = f"`{block.policy}` mixes with weights on which both ends agree, and some links are one-way"
            remedy = f"{sums}{', or ' if sums else ''}a topology without one-way links"
            yield f"algorithm.{key}.policy", message, remedy


def _messages_fit_the_queue(scenario: Scenario, network: Network) -> Broken:
    for message in message_specs(scenario):
        for path, link in network.links.items():
            packets = link.packets(message.size_bytes)
            said = f"{message.carries}: messages of {packets} packets"
            if packets > MAX_PACKETS:
                remedy = f"at most {MAX_PACKETS}: a larger one, or {_shorter(scenario, message, link)}"
                yield f"{path}.mtu", f"{said} are too long to be simulated", remedy
            elif not link.fits(message.size_bytes):
                limit = "limit" if packets > link.limit + 1 else "limit_bytes"
                waits = f"{getattr(link, limit)} may wait beside one served"
                least = f"at least {packets - 1}" if limit == "limit" else "more"
                remedy = f"{least}, or {_shorter(scenario, message, link)}"
                yield f"{path}.{limit}", f"{said} never arrive whole: {waits}", remedy


def _shorter(scenario: Scenario, message: MessageSpec, link: LinkSpec) -> str:
    """Return what makes messages short enough."""
    block = exchanged(scenario.algorithm)[message.block]
    if isinstance(block, Consensus):
        return "a smaller `training.batch`"
    parameters = parameter_count(scenario.algorithm, scenario.env)

    def fits(blocks: int) -> bool:
        size = block_bytes(block, parameters, blocks)
        return link.packets(size) <= MAX_PACKETS and link.fits(size)

    enough = bisect_left(range(parameters), x=True, lo=block.blocks, key=fits)
    return f"at least {enough} as `algorithm.{message.block}.blocks`, which send the parameters in parts"


def _deadline_unless_lossless(scenario: Scenario, network: Network) -> Broken:
    if network.deadline is not None:
        return
    links, rivals = dict.fromkeys(network.links.values()), _rivals(scenario, network)
    slowed = [fault.changed(link) for fault in network.faults if isinstance(fault, Degrade) for link in links]
    every = dict.fromkeys([*links, *slowed])
    reasons = [_why_lossy(message, link, rivals) for message in message_specs(scenario) for link in every]
    if any(fault.loses(link) for fault in network.faults for link in links):
        reasons.append("faults lose messages")
    if network.acks:
        reasons.append("there are `acks`, for messages that may be lost")
    for reason in list(filter(None, reasons))[:1]:
        message = f"is missing, and {reason}: an agent would wait for ever for a message that was lost"
        yield "network.deadline", message, "write how long to wait, such as `deadline: 50 ms` or `deadline: auto`"


def _rivals(scenario: Scenario, network: Network) -> int:
    """Return how many messages of a round one transmitter may have to send."""
    n_agents = scenario.env.n_agents
    of_a_node = 1 if network.broadcast else n_agents - 1
    return {"link": 1, "node": of_a_node, "medium": n_agents * of_a_node}[network.share]


def _why_lossy(message: MessageSpec, link: LinkSpec, rivals: int) -> str:
    """Return why a message may be lost; empty where none ever can."""
    if link.loss.loss_rate > 0.0 or link.corrupt > 0.0:
        return "links lose packets"
    if link.rate == inf:  # nothing ever waits
        return ""
    if link.limit_bytes is not None:
        return "`link.limit_bytes` may drop packets"
    queued = link.packets(message.size_bytes) * message.rounds * rivals
    return f"up to {queued} packets may meet in a queue of {link.limit}" if queued > link.limit + 1 else ""


def _auto_deadline_has_an_answer(scenario: Scenario, network: Network) -> Broken:
    links = network.links.items() if exchanged(scenario.algorithm) else ()
    for path in [path for path, link in links if link.loss.loss_rate >= 1.0 or link.corrupt >= 1.0][:1]:
        for name in ("deadline", "ack_deadline"):
            if getattr(network, name) == AUTO:
                message = f"`auto` has no answer: no message ever arrives where `{path}` says"
                yield f"network.{name}", message, "write how long to wait, such as `50 ms`"


def _the_clock_lasts(scenario: Scenario, network: Network) -> Broken:
    steps, step_s = scenario.training.steps, longest_step_s(scenario, network)
    run_s = steps * sum(step_s.values())
    if run_s > MAX_S:
        longest = max(step_s, key=lambda path: step_s[path])
        remedy = "a higher rate" if longest.endswith(".rate") else "a shorter time"
        message = f"{steps} steps, each with its update, can last {run_s / YEAR_S:.3g} years"
        yield longest, f"{message}, and the simulated clock ends after 31", f"{remedy}, or fewer `training.steps`"


def longest_step_s(scenario: Scenario, network: Network) -> dict[str, float]:
    """Return how long an episode of one step can last with its updates and all their rounds: the parts, by keys."""
    sent, training = message_specs(scenario), scenario.training
    updates = max(1.0, (training.updates_per_iteration or 1) / training.episodes_per_iteration)
    parts = {"network.control_period": network.control_period}
    if not sent:
        return parts
    rounds = updates * sum(message.rounds for message in sent)
    if isinstance(network.deadline, float):
        parts["network.deadline"] = rounds * network.deadline
        if network.acks and isinstance(network.ack_deadline, float):
            parts["network.ack_deadline"] = rounds * network.ack_deadline
    else:
        delays_s = {f"{path}.delay": min(link.delay.quantile(0.999), MAX_S) for path, link in network.links.items()}
        slowest = max(delays_s, key=lambda path: delays_s[path])
        parts[slowest] = rounds * delays_s[slowest]
        rivals = _rivals(scenario, network)
        busy_s = {
            f"{path}.rate": updates
            * sum(rivals * message.rounds * airtime_s(link, message.size_bytes) for message in sent)
            for path, link in network.links.items()
        }
        slowest = max(busy_s, key=lambda path: busy_s[path])
        parts[slowest] = busy_s[slowest]
    slow = [(f"network.faults.{i}.factor", fault) for i, fault in enumerate(network.faults)]
    factors = {path: fault.factor for path, fault in slow if isinstance(fault, Straggler)}
    worst = max(factors, key=lambda path: factors[path], default="network.compute")
    factor = min(prod(each for each in factors.values() if each > 1.0), MAX_S)
    parts[worst if factor > 1.0 else "network.compute"] = min(updates * network.compute.mean * factor, MAX_S)
    return parts


def airtime_s(link: LinkSpec, size_bytes: int) -> float:
    """Return how long a message holds its transmitter on average, all tries of its packets counted as full ones."""
    once_s = link.serialisation_ns(link.wire_bytes(size_bytes)) / 1e9
    lost = 1.0 - (1.0 - link.loss.loss_rate) * (1.0 - link.corrupt)
    again = sum(lost**k for k in range(1, link.retries + 1))
    return once_s * (1.0 + again) + link.packets(size_bytes) * again * (link.retry_delay or 0.0)


def _nothing_changes_for_ever(scenario: Scenario, network: Network) -> Broken:
    acting_s = scenario.training.steps * network.control_period
    for path, part in _parts("network", network):
        turn_s = _turn_s(part)
        if turn_s is not None and acting_s > MAX_CHANGES * turn_s:
            turns = f"{acting_s / turn_s:.1g} pass in the run"
            message = f"one turn takes {milliseconds(turn_s)} on average, of which {turns}"
            yield path, message, f"turns of at least {milliseconds(acting_s / MAX_CHANGES)}"


def _turn_s(part: object) -> float | None:
    """Return the seconds from one change to the same one again, on average; None for what does not change."""
    if isinstance(part, Flap | EdgeMarkov):
        return part.up + part.down
    if isinstance(part, RandomWaypoint):
        # Two uniform places in a square are 0.52 of a side apart on average.
        return 0.37 * hypot(*part.area) * 2.0 / sum(part.speed) + part.pause
    return None


def _recordings_can_be_kept(_: Scenario, network: Network) -> Broken:
    """A run keeps its scenario with all recordings written out, in a file that can be read again."""
    parts = _parts("network", network)
    recorded = {path: len(part.values) for path, part in parts if isinstance(part, DelayTrace | Empirical | LossTrace)}
    total = sum(recorded.values())
    if total > MAX_WRITTEN:
        longest = max(recorded, key=lambda path: recorded[path])
        yield longest, f"with it there are {total} recorded values", f"at most {MAX_WRITTEN} in all"


def _parts(path: str, part: object) -> Iterator[tuple[str, object]]:
    """Yield all that a network consists of, each with its path."""
    yield path, part
    inner: Iterable[tuple[object, object]] = ()
    if is_dataclass(part):
        inner = ((each.name.rstrip("_"), getattr(part, each.name)) for each in fields(part))
    elif isinstance(part, Mapping):
        inner = part.items()
    elif isinstance(part, tuple) and not (part and isinstance(part[0], int | float)):
        inner = enumerate(part)
    for step, each in inner:
        yield from _parts(f"{path}.{step}", each)


RULES: tuple[Callable[[Scenario], Broken], ...] = (
    _seeds_differ,
    _the_environment_is_possible,
    _the_buffer_is_large_enough,
    _exploration_falls,
    _messages_have_a_network,
    _policies_suit_what_is_sent,
    _blocks_are_not_empty,
)
NETWORK_RULES: tuple[Callable[[Scenario, Network], Broken], ...] = (
    _acks_are_sent,
    _broadcast_has_a_transmitter,
    _episodes_are_acted_one_by_one,
    _policies_suit_the_links,
    _messages_fit_the_queue,
    _deadline_unless_lossless,
    _auto_deadline_has_an_answer,
    _the_clock_lasts,
    _nothing_changes_for_ever,
    _recordings_can_be_kept,
)

CONTAINER = Path("/sys/fs/cgroup")
NVIDIA = Path("/proc/driver/nvidia/gpus")


def memory_limit() -> int | None:
    """Return the bytes of the machine's memory, or of its container's share; None where the system does not say."""
    limits = []
    with suppress(AttributeError, ValueError, OSError):  # not everywhere, such as on Windows
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for name in ("memory.max", "memory/memory.limit_in_bytes"):  # control groups, version 2 and 1
        with suppress(ValueError, OSError):  # `max` where there is no limit, which is no number
            limits.append(int((CONTAINER / name).read_text(encoding="ascii")))
    return min(limits, default=None)


def cores() -> int:
    """Return how many cores this process may use: of the machine, of its affinity, of its container's share."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        quota, period = (CONTAINER / "cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            count = min(count, max(1, int(quota) // int(period)))
    return count


def has_gpu() -> bool:
    """Return whether there seems to be an NVIDIA GPU, without asking torch, which takes seconds."""
    return NVIDIA.is_dir() and any(NVIDIA.iterdir())


def replay_bytes(scenario: Scenario, sizes: tuple[int, int, int] | None = None) -> int:
    """Return the bytes of the ring of episodes, `EpisodeReplay.size_bytes`.

    `sizes` are N, T and D of the environment, if it is not the scenario's.
    """
    env = scenario.env
    n, t, d = sizes or (env.n_agents, env.longest_episode, env.obs_dim)
    observations, actions, rewards, timed_out, length = n * (t + 1) * d * 4, n * t * 2, n * t * 4, 1, 8
    episode = observations + actions + rewards + timed_out + length
    return len(scenario.seeds) * scenario.training.buffer * episode


def refuse_oversized_replay(
    scenario: Scenario,
    sizes: tuple[int, int, int] | None = None,
    *,
    limit_bytes: int | None = None,
    where: str = "this machine",
    source: str = "",
) -> None:
    """Raise `ScenarioError` for a replay buffer that the memory cannot hold.

    `limit_bytes` is that memory, by default this machine's, and `where` says whose it is; `source` is what to call the
    scenario, by default by its name; `sizes` are those of `replay_bytes`.
    """
    limit, size = memory_limit() if limit_bytes is None else limit_bytes, replay_bytes(scenario, sizes)
    if limit is not None and size > limit:
        most = scenario.training.buffer * limit // size
        message = f"the replay buffer takes {size_text(size)}, and {where} has {size_text(limit)}"
        remedy = f"at most {most}, or fewer `seeds` at a time"
        raise ScenarioError.of(source or scenario.name, "training.buffer", message, remedy)
