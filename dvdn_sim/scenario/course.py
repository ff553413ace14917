"""The course of a run, foreseen: what never happens in it, and what there is too much of; each as a warning."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil, inf

import numpy as np

from dvdn_sim.scenario.rules import airtime_s, longest_step_s
from dvdn_sim.scenario.scenario import MessageSpec, Network, Scenario, ack_bytes, message_specs
from dvdn_sim.wording import duration_text, first_of, plural
from netmodels import LinkSpec
from netmodels.faults import Degrade
from netmodels.presets import PRESETS, RADIOS
from netmodels.topology import EdgeMarkov, Graph, Instant, RandomConnected, Schedule, TopologyKind
from netmodels.units import milliseconds

SELDOM = 0.01
"""What is less likely hardly ever happens."""
MAX_PAIRS = 10**6
"""Of agents, in the graphs of all seeds; beyond it those of the first seeds are looked at."""
MAX_MOMENTS = 100
"""At which agents that move are looked at, for each of so few seeds."""
MAX_MOVING = 10


def course_warnings(scenario: Scenario, n_agents: int) -> Iterator[str]:
    """Yield what to mind about the course of a run."""
    network, sent = scenario.network, message_specs(scenario)
    yield from _never_updates(scenario)
    if network is not None and sent:
        met = list(_met(scenario, network, n_agents))
        yield from _are_alone(met)
        yield from _concerns_no_link(network, met)
        yield from _begins_too_late(scenario, network)
        yield from _has_no_end_of_messages(scenario, network, sent, n_agents)


def as_sent(network: Network, link: LinkSpec) -> LinkSpec:
    """Return a link as messages find it: what is broadcast is not sent again."""
    return replace(link, retries=0) if network.broadcast else link


def _never_updates(scenario: Scenario) -> Iterator[str]:
    """An update needs a minibatch, of episodes that there are not."""
    training, longest = scenario.training, scenario.env.longest_episode
    at_once = training.episodes_per_iteration
    episodes = at_once * ceil(training.steps / (at_once * longest))
    if episodes < training.batch:
        enough = (ceil(training.batch / at_once) - 1) * at_once * longest + 1
        yield (
            f"no update, if episodes are as long as they may be: {plural(episodes, 'episode')} of {longest} steps make "
            f"no minibatch of {training.batch}, and teams are saved as they began; write at least {enough} "
            "`training.steps`, or a smaller `training.batch`"
        )


def _met(scenario: Scenario, network: Network, n_agents: int) -> Iterator[tuple[int, list[Graph]]]:
    """Yield seeds with the graphs that agents meet in the course of a run; none where all meet sooner or later."""
    parts = network.topology.parts()
    if any(isinstance(part, RandomConnected) for part in parts):
        return
    fixed = all(part.fixed for part in parts if not isinstance(part, Schedule | EdgeMarkov))
    few = scenario.seeds[: max(1, min(MAX_PAIRS // n_agents**2, len(scenario.seeds) if fixed else MAX_MOVING))]
    before: list[Graph] = []
    for seed in few:
        graphs = [graph for part in parts for graph in _graphs_of(part, scenario, network, n_agents, seed)]
        if graphs != before:
            yield seed, graphs
        before = graphs


def _graphs_of(part: TopologyKind, scenario: Scenario, network: Network, n_agents: int, seed: int) -> list[Graph]:
    """Return the graphs of one topology, which is not made of others, at moments of a run."""
    if isinstance(part, Schedule | EdgeMarkov):
        return []
    if part.fixed:
        return [part.graph(n_agents, seed)]
    count = int(np.clip(MAX_PAIRS // n_agents**2, 2, MAX_MOMENTS))
    moments_s = np.linspace(0.0, scenario.training.steps * network.control_period, count)
    return [part.graph(n_agents, seed, Instant(now_ns=round(moment_s * 1e9))) for moment_s in moments_s.tolist()]


def _are_alone(met: Sequence[tuple[int, list[Graph]]]) -> Iterator[str]:
    """Agents without a link learn alone; so do those whose links lead one way only."""
    for seed, graphs in met:
        sends = np.any([np.diff(graph.starts) for graph in graphs], 0)
        hears = np.any([np.diff(graph.into_starts) for graph in graphs], 0)
        cases = [
            (~sends & ~hears, "never has a neighbour", "never have a neighbour"),
            (sends & ~hears, "never hears anybody", "never hear anybody"),
            (hears & ~sends, "is never heard by anybody", "are never heard by anybody"),
        ]
        for which, of_one, of_more in cases:
            if which.any():
                who = first_of([f"agent {agent}" for agent in np.flatnonzero(which)])
                looked = f", in any of {len(graphs)} moments of the run" if len(graphs) > 1 else ""
                of_seed = f" (seed {seed})" if len(met) > 1 else ""
                does = of_one if which.sum() == 1 else of_more
                yield f"{who} {does}{looked}{of_seed}; write a topology with more links"
        if not (sends & hears).all():
            return


def _concerns_no_link(network: Network, met: Sequence[tuple[int, list[Graph]]]) -> Iterator[str]:
    """A fault of a link that there never is, or what is to differ on it."""
    edges = {f"network.faults.{i}": getattr(fault, "edge", None) for i, fault in enumerate(network.faults)}
    edges |= {f"network.other_links.{i}": other.edge for i, other in enumerate(network.other_links)}
    if not met or not any(edges.values()):
        return
    links = {edge for _, graphs in met for graph in graphs for edge in graph.edges}
    for path, edge in edges.items():
        if edge and edge not in links and edge[::-1] not in links:
            yield f"`{path}` changes nothing: agents {edge[0]} and {edge[1]} never have a link"
            return


def _begins_too_late(scenario: Scenario, network: Network) -> Iterator[str]:
    """What is to happen after the last step does not."""
    end_s = scenario.training.steps * sum(longest_step_s(scenario, network).values())
    late = {f"`network.faults.{i}`": fault.at.quantile(SELDOM) for i, fault in enumerate(network.faults)}
    if isinstance(network.topology, Schedule):
        late |= {f"`network.topology.entries.{i}`": each.at for i, each in enumerate(network.topology.entries)}
    late = {name: at_s for name, at_s in late.items() if at_s > end_s}
    if late:
        begin = duration_text(min(late.values()))
        yield f"{first_of(list(late))} would begin at {begin}, and the run is over after {duration_text(end_s)} at most"


def _has_no_end_of_messages(
    scenario: Scenario, network: Network, sent: Sequence[MessageSpec], n_agents: int
) -> Iterator[str]:
    """More to send from one update to the next than there is time for; and radios that are more than one."""
    shared = {share: _messages_of_a_round(scenario, network, n_agents, share) for share in ("link", "node", "medium")}
    acks = network.ack_repeat if network.acks else 0

    def sending_s(link: LinkSpec) -> float:
        """Return how long one transmitter sends per update, if it sends one message of each round."""
        ack_s = acks * airtime_s(link, ack_bytes(n_agents))
        return sum(spec.exchanges * spec.rounds * (airtime_s(link, spec.size_bytes) + ack_s) for spec in sent)

    links = {path: as_sent(network, link) for path, link in network.links.items()}
    usual = links["network.link"]
    kinds = dict(links) if network.share == "link" else {"network.link": usual}
    for index, fault in enumerate(network.faults):
        if isinstance(fault, Degrade) and fault.edge is None and fault.for_ is None:
            kinds[f"network.faults.{index}.link"] = as_sent(network, fault.changed(network.link))
    path = max(kinds, key=lambda path: sending_s(kinds[path]))
    busy_s, period_s = shared[network.share] * sending_s(kinds[path]), _period_s(scenario, network, sent)
    if busy_s > period_s:
        whose = {"link": "a link", "node": "an agent", "medium": "the medium"}[network.share]
        yield (
            f"overload: {whose} would send for {milliseconds(busy_s)} from one update to the next, "
            f"{milliseconds(period_s)} later, where `{path}` says, so that queues grow from update to update and most "
            "messages are late or dropped; what `predict` and `consensus` tell is the first exchange, over links that "
            "are idle; write a higher `rate`, or let agents send less or more seldom"
        )
    frames = {(PRESETS[name].mtu, PRESETS[name].overhead): name for name in RADIOS}
    radio = frames.get((usual.mtu, usual.overhead))
    if radio is not None and network.share == "link" and shared["node"] > 1.0:
        each_s = {share: milliseconds(count * sending_s(usual)) for share, count in {**shared, "link": 1.0}.items()}
        yield (
            f"`{radio}` is a radio, of which an agent has one, and `share: link` gives it one for each neighbour: what "
            f"an update sends then takes {each_s['link']} on the air, with `share: node` {each_s['node']} and with "
            f"`share: medium` {each_s['medium']}"
        )


def _messages_of_a_round(scenario: Scenario, network: Network, n_agents: int, share: str) -> float:
    """Return how many messages of a round the busiest transmitter sends, on average while a topology lasts."""
    topology, most = network.topology, 0.0
    up = topology.up / (topology.up + topology.down) if isinstance(topology, EdgeMarkov) else 1.0
    for part in topology.parts():
        if isinstance(part, RandomConnected):
            links = 2 * (n_agents - 1 if part.edges is None else part.edges)
            counts = {"link": links / (n_agents * (n_agents - 1)), "node": links / n_agents, "medium": float(links)}
            senders = float(n_agents)
        else:
            graphs = _graphs_of(part, scenario, network, n_agents, scenario.seeds[0])
            degrees = np.array([graph.degrees for graph in graphs], float).reshape(-1, n_agents)
            if not degrees.any():
                continue
            link = 1.0 if part.fixed else float(degrees.mean()) / (n_agents - 1)
            counts = {"link": link, "node": float(degrees.mean(0).max()), "medium": float(degrees.sum(1).mean())}
            senders = float((degrees > 0).sum(1).mean())
        if network.broadcast:
            counts = {**counts, "node": 1.0, "medium": senders}
        most = max(most, counts[share])
    return up * most


def _period_s(scenario: Scenario, network: Network, sent: Sequence[MessageSpec]) -> float:
    """Return the time from one update to the next while every round waits until its deadline; for ever without one.

    A deadline that is worked out, and none, leave messages the time that they take.
    """
    if not isinstance(network.deadline, float):
        return inf
    training = scenario.training
    updates = (training.updates_per_iteration or training.episodes_per_iteration) / training.episodes_per_iteration
    episode_s = scenario.env.longest_episode * network.control_period / updates
    ack_s = network.ack_deadline if isinstance(network.ack_deadline, float) else network.deadline
    round_s = network.deadline + (ack_s if network.acks else 0.0)
    computing_s = network.compute.mean if any(spec.kind == "td" for spec in sent) else 0.0
    updating_s = computing_s + sum(spec.exchanges * spec.rounds for spec in sent) * round_s
    return max(episode_s, updating_s) if network.schedule == "overlap" else episode_s + updating_s
