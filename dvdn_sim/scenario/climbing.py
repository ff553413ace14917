"""Whether DVDN learns with the exchanges of a scenario, or climbs: eigenvalues of E[A], and of what stays a while."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np

from dvdn_sim.consensus import MAX_DRAWN, POLICIES, Heard, Least, least_eigenvalue
from dvdn_sim.consensus.stability import ENOUGH
from dvdn_sim.scenario.course import MAX_PAIRS, as_sent
from dvdn_sim.scenario.scenario import MessageSpec, Network, Scenario, ack_bytes
from netmodels import FaultPlan, LinkSpec
from netmodels.faults import Flap
from netmodels.links import PASSAGES
from netmodels.streams import stream
from netmodels.topology import EdgeMarkov, Graph, Instant, RandomConnected

MAX_AGENTS = 2000
"""Beyond it eigenvalues take too long."""
GRAPHS = 100
"""Of those that are drawn again and again, how many are looked at."""
MAX_STEPS = 200_000
"""Of a message through a loss process, for all links; beyond it nobody wants to wait for a warning."""
MOMENTS = 60
"""Of a run, at which the links that are up are looked at."""
MAX_CHANGES = 10**6
"""Of links that go down and up on their own, in the part of a run that is looked at."""


def stability_warnings(scenario: Scenario, sent: Sequence[MessageSpec], n_agents: int) -> Iterator[str]:
    """DVDN moves against N E[A] δ, and climbs along eigenvectors of E[A] whose eigenvalues are negative."""
    network = scenario.network
    for spec in sent:
        if spec.kind != "td" or network is None or n_agents > MAX_AGENTS:
            continue
        looked = _Looked(scenario, n_agents, scenario.seeds[:1])
        if network.topology.fixed:
            few = scenario.seeds[: max(1, MAX_PAIRS // n_agents**2)]
            every = {network.topology.graph(n_agents, seed): seed for seed in reversed(few)}.values()
            looked = looked._replace(seeds=tuple(every))
        found = looked.worst(network, spec)
        if not found.least.unstable:
            continue
        remedies = [words for words, over, other in _others(network, spec) if looked.is_stable(over, other)]
        rounds = "one round" if spec.rounds == 1 else f"{spec.rounds} rounds"
        lasts = found.share < 1.0
        when, goes = (f"for {found.share:.0%} of the time", " while links stay so") if lasts else ("on average", "")
        of_seed = f" (seed {found.seed})" if len(looked.seeds) > 1 else ""
        yield (
            f"DVDN can diverge: the mix of {rounds} of `{spec.policy}` has, {when}, an eigenvalue λ_min = "
            f"{found.least.value:.3f} below 0{of_seed}, and agents climb in that direction{goes}; write "
            f"{', or '.join(remedies)}"
        )


def stability(network: Network, spec: MessageSpec, n_agents: int, seed: int) -> Least | None:
    """Return λ_min(E[A]) of the exchanges of a kind of message, as if all came over `network.link`, none too late.

    None where graphs change in another way than by being drawn again, and where graphs or losses take long to work out.
    """
    topology = network.topology
    drawn = isinstance(topology, RandomConnected) and topology.resample != "round" and n_agents <= MAX_DRAWN
    if n_agents > MAX_AGENTS or not (topology.fixed or drawn):
        return None
    try:
        graphs = [
            topology.graph(n_agents, seed, Instant(episode, episode)) for episode in range(GRAPHS if drawn else 1)
        ]
    except ValueError:  # it is not for so many agents, which who asks for them says
        return None
    return _least(network, spec, graphs, seed)


def _least(
    network: Network,
    spec: MessageSpec,
    graphs: Sequence[Graph],
    seed: int,
    *,
    up: Sequence[bool] | None = None,
    messages: int = ENOUGH,
) -> Least | None:
    """Return λ_min(E[A]) over some graphs, or over the links of one that are up."""
    link = as_sent(network, network.link)
    if not quickly_told(spec, {"network.link": link}):
        return None
    q, known = link.delivery_probability(spec.size_bytes), None
    if network.acks:
        known = Heard.confirmed(q, link.delivery_probability(ack_bytes(graphs[0].n_agents)), network.ack_repeat)
    return least_eigenvalue(
        spec.policy,
        spec.weights,
        graphs,
        rounds=spec.rounds,
        q=q,
        known=known,
        up=up,
        messages=messages,
        generator=stream(seed, "stability"),
    )


class Found(NamedTuple):
    """The least eigenvalue, with its seed; and for what share of a run one is below 0, where it is not on average."""

    least: Least
    seed: int = 0
    share: float = 1.0


class _Looked(NamedTuple):
    """Looks at the exchanges of some seeds."""

    scenario: Scenario
    n_agents: int
    seeds: tuple[int, ...]

    def worst(self, network: Network, spec: MessageSpec) -> Found:
        """Return the least eigenvalue of all seeds; of what stays a while, for the first, where there is none so."""
        each = [(stability(network, spec, self.n_agents, seed), seed) for seed in self.seeds]
        found = min((Found(least, seed) for least, seed in each if least), default=Found(Least(0.0, 0.0)))
        if found.least.unstable:
            return found
        meanwhile = self._meanwhile(network, spec, self.seeds[0])
        return meanwhile if meanwhile.least.unstable else found

    def is_stable(self, network: Network, spec: MessageSpec) -> bool:
        """Say whether no eigenvalue is negative, as far as is known."""
        least = self.worst(network, spec).least
        return least.value >= 2.0 * least.error - 1e-9

    def _meanwhile(self, network: Network, spec: MessageSpec, seed: int) -> Found:
        """Return the least eigenvalue of links that stay up for some updates, at moments of a run."""
        lasting = _lasting(self.scenario, network, self.n_agents, seed)
        messages, worst, count = ENOUGH // max(1, len(lasting)), Least(0.0, 0.0), 0
        for (graph, up), times in lasting.items():
            least = _least(network, spec, [graph], seed, up=None if all(up) else up, messages=messages)
            if least is not None and least.unstable:
                worst, count = min(worst, least), count + times
        return Found(worst, seed, count / MOMENTS)


def _lasting(scenario: Scenario, network: Network, n_agents: int, seed: int) -> Counter[tuple[Graph, tuple[bool, ...]]]:
    """Count at how many moments of a run a graph, and which of its links are up, stays so for two updates more."""
    topology, faults = network.topology, network.faults
    drawn = any(isinstance(part, RandomConnected) for part in topology.parts())
    if drawn or n_agents > MAX_DRAWN or (topology.fixed and not faults):
        return Counter()
    plan = FaultPlan(faults, n_agents, seed)
    links = n_agents * (n_agents - 1) // 2
    flapping = [each for each in (*topology.parts(), *faults) if isinstance(each, EdgeMarkov | Flap)]
    slowest_s = MAX_CHANGES / 2 / links / sum(1.0 / (each.up + each.down) for each in flapping) if flapping else np.inf
    end_s = min(scenario.training.steps * network.control_period, slowest_s)
    period_s = scenario.env.longest_episode * network.control_period
    available = cache(plan.availability)

    def at(now_s: float) -> tuple[Graph, tuple[bool, ...]]:
        now_ns = round(now_s * 1e9)
        graph = topology.graph(n_agents, seed, Instant(now_ns=now_ns))
        whens = [available(*edge) for edge in graph.edges]
        return graph, tuple(when is None or when.fate(now_ns, now_ns) == 0 for when in whens)

    moments_s = (np.arange(MOMENTS) + 0.5) / MOMENTS * end_s
    later_s = np.linspace(0.0, 2.0 * period_s, 8)[1:].tolist()
    each = ((now_s, at(now_s)) for now_s in moments_s.tolist())
    return Counter(now for now_s, now in each if all(at(now_s + more_s) == now for more_s in later_s))


def _others(network: Network, spec: MessageSpec) -> Iterator[tuple[str, Network, MessageSpec]]:
    """Yield other ways to exchange the same, in words and as they are."""
    if not POLICIES[spec.policy].shares:
        yield "`weights: lazy`", network, replace(spec, weights="lazy")
    if spec.policy != "self":
        yield "`policy: self`", network, replace(spec, policy="self")
        yield "`policy: self` with `weights: lazy`", network, replace(spec, policy="self", weights="lazy")
    yield f"`rounds: {spec.rounds + 1}`", network, replace(spec, rounds=spec.rounds + 1)
    yield "`topology: {kind: random_connected}`", replace(network, topology=RandomConnected()), spec


def quickly_told(spec: MessageSpec, links: dict[str, LinkSpec]) -> dict[LinkSpec, str]:
    """Return each kind of link with a place, as far as it takes no time to tell what becomes of a message there."""
    steps = 0
    places: dict[LinkSpec, str] = {}
    for path, link in links.items():
        places.setdefault(link, path)
    told = {}
    for link, path in places.items():
        states = len(link.loss.stationary())
        passages = link.packets(spec.size_bytes) + (PASSAGES if link.retries and states > 1 else 0)
        steps += passages * (link.retries + 1) * (1 + states // 1000)
        if steps <= MAX_STEPS:
            told[link] = path
    return told
