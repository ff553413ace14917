"""Rules that join several values of a scenario. Each yields what breaks it: (path, message, remedy).

Rules within an environment are with its settings (`envs`), those within a link, topology or fault with their specs. At
the end stands what depends on the machine: whether the replay buffer, the largest part of nearly every run, fits into
its memory.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from math import hypot
from pathlib import Path as FilePath
from types import SimpleNamespace
from typing import cast

from pydantic import ValidationError

from dvdn_sim.algorithms import Consensus, Dvdn, DvdnGt, ParameterExchange
from dvdn_sim.consensus import POLICIES
from dvdn_sim.errors import Mistake, ScenarioError
from dvdn_sim.scenario.document import Path, dotted
from dvdn_sim.scenario.messages import CARRIES, MessageSpec, block_bytes, exchanged, message_specs, parameter_count
from dvdn_sim.scenario.network import AUTO, Network
from dvdn_sim.scenario.scenario import Scenario
from dvdn_sim.wording import size_text
from netmodels import LinkSpec
from netmodels.faults import AnyFault, Degrade, Flap
from netmodels.links import DelayTrace, Empirical, LossTrace
from netmodels.recordings import MAX_RECORDED
from netmodels.topology import AnyTopology, EdgeMarkov, RandomConnected, RandomWaypoint, Range, refuse_undrawable
from netmodels.units import MAX_S, milliseconds

Broken = tuple[Path, str, str]

MAX_DEGRADED = 20_000
"""Kinds of links, each as it is under each fault: seconds' worth."""
MAX_PACKETS = 100_000
"""Of one message, every one with a fate of its own."""
MAX_CHANGES = 10**8
"""Of one link, or turns of one agent, in a run: more take minutes."""
YEAR_S = 365.25 * 86_400.0


class _UnknownError(Exception):
    """A rule asked for a block that has mistakes of its own."""


class _ValidBlocks(SimpleNamespace):
    """Stands for a scenario of which some blocks have mistakes; asking for one of these raises `_UnknownError`."""

    def __getattr__(self, name: str) -> object:
        raise _UnknownError(name)


def broken_rules(scenario: Scenario | Mapping[str, object]) -> list[Broken]:
    """Return what is broken in a scenario, or in those of its blocks that are known; other rules are left out."""
    known = cast("Scenario", _ValidBlocks(**scenario)) if isinstance(scenario, Mapping) else scenario
    broken: list[Broken] = []
    for rule in RULES:
        with suppress(_UnknownError):
            broken.extend(rule(known))
    for network_rule in NETWORK_RULES:
        with suppress(_UnknownError):
            broken.extend(() if known.network is None else network_rule(known, known.network))
    return broken


def _seeds_differ(scenario: Scenario) -> Iterator[Broken]:
    seeds = scenario.seeds
    twice = [seed for index, seed in enumerate(seeds) if seed in seeds[:index]]
    if twice:
        yield ("seeds",), f"seed {twice[0]} is given twice", "a seed gives one result, however often it is run"


def _the_environment_is_possible(scenario: Scenario) -> Iterator[Broken]:
    for key, message, remedy in scenario.env.broken_rules():
        yield ("env", key), message, remedy


def _the_buffer_is_large_enough(scenario: Scenario) -> Iterator[Broken]:
    training = scenario.training
    if training.buffer < training.batch:
        message = f"{training.buffer} episodes do not hold a batch of {training.batch}"
        yield ("training", "buffer"), message, f"at least {training.batch}"
    if training.buffer < training.episodes_per_iteration:
        message = f"a buffer of {training.buffer} episodes does not hold {training.episodes_per_iteration} at once"
        remedy = f"at most {training.buffer}, or a larger `training.buffer`"
        yield ("training", "episodes_per_iteration"), message, remedy


def _exploration_falls(scenario: Scenario) -> Iterator[Broken]:
    epsilon = scenario.training.epsilon
    if epsilon.end > epsilon.start:
        message = f"{epsilon.end} is above the start, {epsilon.start}"
        yield ("training", "epsilon", "end"), message, "exploration falls from `start` to `end`"


def _messages_have_a_network(scenario: Scenario) -> Iterator[Broken]:
    blocks = exchanged(scenario.algorithm)
    if blocks and scenario.network is None:
        remedy = "write a `network` block (scenarios/lossy_lbf.yaml has one), or choose `algorithm: {kind: vdn}`"
        yield ("network",), f"is missing: {scenario.algorithm.kind}'s agents exchange {_all_that(blocks)}", remedy


def _somebody_hears(scenario: Scenario) -> Iterator[Broken]:
    n_agents, blocks = scenario.env.n_agents, exchanged(scenario.algorithm)
    if n_agents < 2 and blocks:
        message = f"it takes at least 2 agents to exchange {_all_that(blocks)}, not {n_agents}"
        yield ("env",), message, "more, or `algorithm: {kind: iql}` and no `network`"
    elif n_agents < 2 and scenario.network is not None:
        yield ("env",), f"a network needs at least 2 agents, not {n_agents}", "more, or no `network`"


def _all_that(blocks: Iterable[str]) -> str:
    return ", ".join(CARRIES[key] for key in blocks)


def _float16_needs_no_memory(scenario: Scenario) -> Iterator[Broken]:
    algorithm = scenario.algorithm
    if not isinstance(algorithm, Dvdn) or algorithm.consensus.wire != "float16":
        return
    policy = algorithm.consensus.policy
    kind = POLICIES[policy]
    if not kind.memoryless:
        reason = "sends totals that grow with the rounds" if kind.shares else "compares values of different rounds"
        remedy = "`float32`, or a policy without memory, such as `self`"
        yield ("algorithm", "consensus", "wire"), f"`float16` is not for `{policy}`, which {reason}", remedy


def _running_sums_need_no_symmetry(scenario: Scenario) -> Iterator[Broken]:
    algorithm = scenario.algorithm
    if not isinstance(algorithm, DvdnGt):
        return
    if algorithm.tracking.form == "running_sum" and algorithm.tracking.policy == "symmetric":
        message = "`symmetric` leaves out what was heard one way only, and running sums take in whatever was heard"
        yield ("algorithm", "tracking", "policy"), message, "`self`, or `form: paper`"


def _blocks_are_not_empty(scenario: Scenario) -> Iterator[Broken]:
    for key, block in exchanged(scenario.algorithm).items():
        if isinstance(block, ParameterExchange):
            most = parameter_count(scenario.algorithm, scenario.env)
            if block.blocks > most:
                message = f"{most} parameters cannot be cut into {block.blocks} parts"
                yield ("algorithm", key, "blocks"), message, f"at most {most}"


def _topology_needs_no_environment(_: Scenario, network: Network) -> Iterator[Broken]:
    if _follows_the_environment(network.topology):
        message = "is missing: positions from the environment are not supported yet"
        yield ("network", "topology", "mobility"), message, "write `mobility: {kind: random_waypoint, ...}`"


def _follows_the_environment(topology: AnyTopology) -> bool:
    return any(isinstance(part, Range) and part.mobility is None for part in topology.parts())


def _topology_exists(scenario: Scenario, network: Network) -> Iterator[Broken]:
    n_agents, topology = scenario.env.n_agents, network.topology
    if n_agents < 2:  # told by another rule
        return
    if isinstance(topology, RandomConnected) and topology.edges is not None:
        yield from _enough_edges(n_agents, topology.edges)
    elif not _follows_the_environment(topology):
        try:
            topology.graph(n_agents, scenario.seeds[0])
        except ValueError as error:
            name, _, said = str(error).partition(": ")
            path = name.split(".") if name.startswith("topology.") else ["topology"]
            yield ("network", *path), said, f"there are {n_agents} agents, numbered from 0"


def _enough_edges(n_agents: int, edges: int) -> Iterator[Broken]:
    fewest, most = n_agents - 1, n_agents * (n_agents - 1) // 2
    path = ("network", "topology", "edges")
    if not fewest <= edges <= most:
        remedy = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        message = f"no connected graph of {n_agents} agents has {edges} links"
        yield path, message, f"{remedy}, or leave it out for {fewest}"
        return
    try:
        refuse_undrawable(n_agents, edges)
    except ValueError as error:
        yield path, str(error).partition(": ")[2], ""


def _other_links_exist(scenario: Scenario, network: Network) -> Iterator[Broken]:
    n_agents = scenario.env.n_agents
    for index, other in enumerate(network.other_links):
        first, second = other.edge
        if max(first, second) >= n_agents:
            remedy = f"two different agents of 0 to {n_agents - 1}"
            message = f"there is no link between agents {first} and {second}"
            yield ("network", "other_links", index, "edge"), message, remedy


def _other_links_fit(_: Scenario, network: Network) -> Iterator[Broken]:
    try:
        links_of(network)
    except ValueError as error:
        yield ("network", "other_links"), _words_of(error), "parameters that fit each other and those of `link`"


def _words_of(error: ValueError) -> str:
    """Return what a spec refuses, without pydantic's frame around it."""
    said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
    return said.removeprefix("Value error, ")


def links_of(network: Network) -> dict[Path, LinkSpec]:
    """Return all kinds of links that there are, by where they are written.

    Raises:
        ValueError: parameters of one do not fit each other.
    """
    found: dict[Path, LinkSpec] = {("network", "link"): network.link}
    changed = network.changed_links() if network.other_links else {}
    for index, other in enumerate(network.other_links):
        found["network", "other_links", index, "link"] = changed[other.edge]
    return found


def _fitting_links(network: Network) -> dict[Path, LinkSpec]:
    """Return all kinds of links that there are; none where some do not fit each other."""
    try:
        return links_of(network)
    except ValueError:  # told by another rule
        return {}


def _acks_are_sent(_: Scenario, network: Network) -> Iterator[Broken]:
    for name in ("ack_repeat", "ack_deadline"):
        if not network.acks and getattr(network, name) not in (1, None):
            yield ("network", name), "is given, and nothing is acknowledged", "write `acks: true`, or remove it"


def _broadcast_has_a_transmitter(_: Scenario, network: Network) -> Iterator[Broken]:
    if not network.broadcast:
        return
    if network.share == "link":
        message = "is true, and every link has a transmitter of its own"
        yield ("network", "broadcast"), message, "choose `share: node` or `share: medium`"
    for path, link in _fitting_links(network).items():
        for name in ("mtu", "overhead", "limit", "limit_bytes"):
            if getattr(link, name) != getattr(network.link, name):
                yield (*path, name), "differs, and one copy is broadcast to all links", "the same as in `network.link`"


def _faults_name_agents(scenario: Scenario, network: Network) -> Iterator[Broken]:
    n_agents = scenario.env.n_agents
    for index, fault in enumerate(network.faults):
        strangers = [agent for agent in fault.agents() if agent >= n_agents]
        if strangers:
            message = f"there is no agent {strangers[0]}"
            yield ("network", "faults", index), message, f"agents are numbered from 0 to {n_agents - 1}"


def _degraded_links_fit(_: Scenario, network: Network) -> Iterator[Broken]:
    faults = [each for each in enumerate(network.faults) if isinstance(each[1], Degrade)]
    links = dict.fromkeys(_fitting_links(network).values())
    if len(faults) * len(links) > MAX_DEGRADED:
        message = f"{len(faults)} degradations of {len(links)} kinds of links are too many"
        yield ("network", "faults"), message, f"at most {max(MAX_DEGRADED // len(links), 1)}, or fewer `other_links`"
        return
    for index, fault in faults:
        for link in links:
            try:
                fault.loses(link)
            except ValueError as error:
                yield ("network", "faults", index, "link"), _words_of(error), "parameters that fit those of the links"
                break


def _episodes_are_acted_one_by_one(scenario: Scenario, network: Network) -> Iterator[Broken]:
    count = scenario.training.episodes_per_iteration
    if count == 1:
        return
    remedy, together = "1 as `training.episodes_per_iteration`, or", f"{count} episodes are acted side by side"
    if network.schedule == "overlap":
        message = f"`overlap` acts an episode while the update before it is under way; {together}, before their updates"
        yield ("network", "schedule"), message, f"{remedy} `blocking`"
    if network.acting == "noop":
        message = f"`noop` depends on who is down when an episode is acted; {together}, as if at one time"
        yield ("network", "acting"), message, f"{remedy} `frozen`"


def _symmetric_has_acknowledgements(scenario: Scenario, network: Network) -> Iterator[Broken]:
    for key, block in exchanged(scenario.algorithm).items():
        if block.policy == "symmetric" and not network.acks:
            message = "`symmetric` uses only links on which both ends know that they were heard: it needs "
            other = "`running_sum`" if isinstance(block, Consensus) else "`self`"
            remedy = f"write `acks: true` in `network`, or choose {other}"
            yield ("algorithm", key, "policy"), f"{message}acknowledgements", remedy


def _weights_need_both_directions(scenario: Scenario, network: Network) -> Iterator[Broken]:
    for key, block in exchanged(scenario.algorithm).items() if network.topology.one_way else ():
        if not POLICIES[block.policy].shares:
            message = f"`{block.policy}` mixes with weights that both ends of a link agree on, and some links are "
            other = "`running_sum`, or a" if isinstance(block, Consensus) else "a"
            yield ("algorithm", key, "policy"), f"{message}one-way", f"{other} topology without one-way links"


def _messages_fit_the_queue(scenario: Scenario, network: Network) -> Iterator[Broken]:
    for message in message_specs(scenario):
        for path, link in _fitting_links(network).items():
            packets = link.packets(message.size_bytes)
            said = f"{message.carries}: messages of {packets} packets"
            if packets > MAX_PACKETS:
                remedy = f"at most {MAX_PACKETS}: a larger one, or {_shorter(scenario, message, link)}"
                yield (*path, "mtu"), f"{said} are too long to be simulated", remedy
            elif not link.fits(message.size_bytes):
                limit = "limit" if packets > link.limit + 1 else "limit_bytes"
                remedy = f"at least {packets - 1}" if limit == "limit" else "more"
                waits = f"{getattr(link, limit)} may wait beside one served"
                remedy = f"{remedy}, or {_shorter(scenario, message, link)}"
                yield (*path, limit), f"{said} never arrive whole: {waits}", remedy


def _shorter(scenario: Scenario, message: MessageSpec, link: LinkSpec) -> str:
    """Return what makes messages short enough."""
    block = exchanged(scenario.algorithm)[message.block]
    if isinstance(block, Consensus):
        return "a smaller `training.batch`"
    parameters = enough = parameter_count(scenario.algorithm, scenario.env)
    too_few = block.blocks
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        size = block_bytes(block, parameters, middle)
        fits = link.packets(size) <= MAX_PACKETS and link.fits(size)
        too_few, enough = (too_few, middle) if fits else (middle, enough)
    return f"at least {enough} as `algorithm.{message.block}.blocks`, which send the parameters in parts"


def _deadline_unless_lossless(scenario: Scenario, network: Network) -> Iterator[Broken]:
    if network.deadline is not None:
        return
    links, rivals = dict.fromkeys(_fitting_links(network).values()), _rivals(network, scenario.env.n_agents)
    reasons = [_why_lossy(message, link, rivals) for message in message_specs(scenario) for link in links]
    few_enough = len(network.faults) * len(links) <= MAX_DEGRADED  # told by another rule
    if few_enough and any(_loses(fault, link) for fault in network.faults for link in links):
        reasons.append("faults lose messages")
    if network.acks:
        reasons.append("there are `acks`, for messages that may be lost")
    for reason in list(filter(None, reasons))[:1]:
        message = f"is missing, and {reason}: an agent would wait for ever for a message that was lost"
        yield ("network", "deadline"), message, "write how long to wait, such as `deadline: 50 ms` or `deadline: auto`"


def _loses(fault: AnyFault, link: LinkSpec) -> bool:
    try:
        return fault.loses(link)
    except ValueError:  # told by another rule
        return False


def _why_lossy(message: MessageSpec, link: LinkSpec, rivals: int) -> str:
    """Return why a message may be lost; empty where none ever can."""
    if link.loss.loss_rate > 0.0 or link.corrupt > 0.0:
        return "links lose packets"
    if link.rate == float("inf"):  # nothing ever waits
        return ""
    queued = link.packets(message.size_bytes) * message.rounds * rivals
    if link.limit_bytes is not None:
        return "`link.limit_bytes` may drop packets"
    return f"up to {queued} packets may meet in a queue of {link.limit}" if queued > link.limit + 1 else ""


def _rivals(network: Network, n_agents: int) -> int:
    """Return how many messages of a round one transmitter may have to send."""
    if network.share == "link":
        return 1
    of_a_node = 1 if network.broadcast else n_agents - 1
    return of_a_node if network.share == "node" else n_agents * of_a_node


def _auto_deadline_has_an_answer(scenario: Scenario, network: Network) -> Iterator[Broken]:
    waits = [name for name in ("deadline", "ack_deadline") if getattr(network, name) == AUTO]
    links = _fitting_links(network).items() if exchanged(scenario.algorithm) else ()
    dead = [path for path, link in links if link.loss.loss_rate >= 1.0 or link.corrupt >= 1.0]
    for name in waits if dead else ():
        message = f"`auto` has no answer: no message ever arrives where `{dotted(dead[0])}` says"
        yield ("network", name), message, "write how long to wait, such as `50 ms`"


def _the_clock_lasts(scenario: Scenario, network: Network) -> Iterator[Broken]:
    """At most an update, with all its rounds, after every step."""
    rounds = sum(message.rounds for message in message_specs(scenario))
    round_s, waits_for = _longest_round(network)
    step_s: dict[Path, float] = {waits_for: rounds * round_s}
    step_s["network", "control_period"] = network.control_period
    step_s["network", "compute"] = network.compute.mean if rounds else 0.0
    run_s = scenario.training.steps * sum(step_s.values())
    if run_s > MAX_S:
        longest = max(step_s, key=lambda path: step_s[path])
        message = f"{scenario.training.steps} steps, each with its update, can last {run_s / YEAR_S:.3g} years"
        yield longest, f"{message}, and the simulated clock ends after 31", "a shorter time, or fewer `training.steps`"


def _longest_round(network: Network) -> tuple[float, Path]:
    """Return how many seconds a round can last, and what says so."""
    if isinstance(network.deadline, float):
        return network.deadline, ("network", "deadline")
    delays = {(*path, "delay"): link.delay for path, link in _fitting_links(network).items()}
    waits = [(min(delay.quantile(0.999), MAX_S), path) for path, delay in delays.items()]
    return max(waits, key=lambda each: each[0], default=(0.0, ("network", "deadline")))


def _nothing_changes_for_ever(scenario: Scenario, network: Network) -> Iterator[Broken]:
    acting_s = scenario.training.steps * network.control_period
    for path, part in _parts(("network",), network):
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


def _recordings_can_be_kept(_: Scenario, network: Network) -> Iterator[Broken]:
    """A run keeps its scenario with all recordings written out, in a file that can be read again."""
    parts = _parts(("network",), network)
    recorded = {path: len(part.values) for path, part in parts if isinstance(part, DelayTrace | Empirical | LossTrace)}
    total = sum(recorded.values())
    if total > MAX_RECORDED:
        longest = max(recorded, key=lambda path: recorded[path])
        yield longest, f"with it there are {total} recorded values", f"at most {MAX_RECORDED} in all"


def _parts(path: Path, part: object) -> Iterator[tuple[Path, object]]:
    """Yield all that a network consists of, each with its path."""
    yield path, part
    inner: Iterable[tuple[str | int, object]] = ()
    if is_dataclass(part):
        inner = ((each.name.rstrip("_"), getattr(part, each.name)) for each in fields(part))
    elif isinstance(part, Mapping):
        inner = part.items()
    elif isinstance(part, tuple) and not (part and isinstance(part[0], int | float)):
        inner = enumerate(part)
    for step, each in inner:
        yield from _parts((*path, step), each)


RULES: tuple[Callable[[Scenario], Iterator[Broken]], ...] = (
    _seeds_differ,
    _the_buffer_is_large_enough,
    _exploration_falls,
    _the_environment_is_possible,
    _messages_have_a_network,
    _somebody_hears,
    _float16_needs_no_memory,
    _running_sums_need_no_symmetry,
    _blocks_are_not_empty,
)
NETWORK_RULES: tuple[Callable[[Scenario, Network], Iterator[Broken]], ...] = (
    _topology_needs_no_environment,
    _topology_exists,
    _other_links_exist,
    _other_links_fit,
    _degraded_links_fit,
    _acks_are_sent,
    _broadcast_has_a_transmitter,
    _faults_name_agents,
    _episodes_are_acted_one_by_one,
    _messages_fit_the_queue,
    _deadline_unless_lossless,
    _auto_deadline_has_an_answer,
    _symmetric_has_acknowledgements,
    _weights_need_both_directions,
    _the_clock_lasts,
    _nothing_changes_for_ever,
    _recordings_can_be_kept,
)

CONTAINER = FilePath("/sys/fs/cgroup")
NVIDIA = FilePath("/proc/driver/nvidia/gpus")


def memory_limit() -> int | None:
    """Return the bytes of the machine's memory, or of its container's share; None where the system does not say."""
    limits = []
    with suppress(AttributeError, ValueError, OSError):  # not everywhere, such as on Windows
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for name in ("memory.max", "memory/memory.limit_in_bytes"):  # control groups, version 2 and 1
        with suppress(ValueError, OSError):  # `max` where there is no limit, which is no number
            limits.append(int((CONTAINER / name).read_text(encoding="ascii")))
    return min(limits, default=None)


def has_gpu() -> bool:
    """Return whether there seems to be an NVIDIA GPU, without asking torch, which takes seconds."""
    return NVIDIA.is_dir() and any(NVIDIA.iterdir())


def replay_bytes(scenario: Scenario, sizes: tuple[int, int, int] | None = None) -> int:
    """Return the bytes of the ring of episodes, `EpisodeReplay.size_bytes`.

    Args:
        scenario: what would run.
        sizes: N, T and D of the environment, if it is not the scenario's.
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
    """Refuse a replay buffer that the memory cannot hold.

    Args:
        scenario: what would run.
        sizes: as in `replay_bytes`.
        limit_bytes: the memory; by default this machine's.
        where: whose memory it is, for the message.
        source: what to call the scenario in the error; its name by default.

    Raises:
        ScenarioError: it is larger.
    """
    limit, size = memory_limit() if limit_bytes is None else limit_bytes, replay_bytes(scenario, sizes)
    if limit is not None and size > limit:
        most = scenario.training.buffer * limit // size
        message = f"the replay buffer takes {size_text(size)}, and {where} has {size_text(limit)}"
        mistake = Mistake("training.buffer", None, message, f"at most {most}, or fewer `seeds` at a time")
        raise ScenarioError.from_mistakes(source or scenario.name, (mistake,))
