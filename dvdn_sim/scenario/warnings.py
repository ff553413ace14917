"""What is no mistake and yet no good idea: each warning says what will happen, with its figures, and the remedy."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

from dvdn_sim.algorithms import DvdnGt, Tracking
from dvdn_sim.consensus import MAX_DRAWN, POLICIES, Heard, Least, least_eigenvalue
from dvdn_sim.scenario.course import MAX_PAIRS, SELDOM, as_sent, course_warnings
from dvdn_sim.scenario.scenario import ConstantTime, MessageSpec, Network, Scenario, ack_bytes, message_specs
from netmodels import LinkSpec
from netmodels.links import PASSAGES
from netmodels.streams import stream
from netmodels.topology import Instant, RandomConnected
from netmodels.units import milliseconds

MAX_AGENTS = 2000
"""Beyond it eigenvalues take too long."""
GRAPHS = 100
"""Of those that are drawn again and again, how many are looked at."""
MAX_STEPS = 200_000
"""Of a message through a loss process, for all links; beyond it nobody wants to wait for a warning."""
RARE = 1e-6
"""Of a link in an update; what is rarer is none to warn of: two links have 12 000 chances in 50 000 short steps."""


def warnings_of(scenario: Scenario, *, n_agents: int | None = None) -> list[str]:
    """Return what to mind about a scenario that can be run, if need be with another number of agents."""
    network, sent = scenario.network, message_specs(scenario)
    agents = scenario.env.n_agents if n_agents is None else n_agents
    found = list(course_warnings(scenario, agents))
    if network is None or not sent:
        return found
    links = {path: as_sent(network, link) for path, link in network.links.items()}
    found += _climbs(scenario, sent, agents)
    for spec in sent:
        found += _comes_too_late(network, spec, links)
        found += _hardly_arrives(network, spec, links)
        if isinstance(scenario.algorithm, DvdnGt) and spec.kind == "gt":
            found += _loses_for_good(network, scenario.algorithm.tracking, spec, links, agents)
    if isinstance(scenario.algorithm, DvdnGt) and not scenario.env.homogeneous:
        found.append(
            f"dvdn_gt makes the networks of all agents equal, and {scenario.env.title}, play different parts: in the "
            "DVDN paper it is worse there; `kind: dvdn` is for them"
        )
    if network.share == "medium":
        found.append("`share: medium` is an ideal medium, on which nothing collides: a real one carries less")
    return found


def stability(network: Network, spec: MessageSpec, n_agents: int, seed: int) -> Least | None:
    """Return λ_min(E[A]) of the exchanges of a kind of message, as if all came over `network.link`, none too late.

    None where graphs change in another way than by being drawn again, and where graphs or losses take long to work out.
    """
    topology, link = network.topology, as_sent(network, network.link)
    drawn = isinstance(topology, RandomConnected) and topology.resample != "round" and n_agents <= MAX_DRAWN
    if n_agents > MAX_AGENTS or not (topology.fixed or drawn):
        return None
    try:
        graphs = [
            topology.graph(n_agents, seed, Instant(episode, episode)) for episode in range(GRAPHS if drawn else 1)
        ]
    except ValueError:  # it is not for so many agents, which who asks for them says
        return None
    if not _quickly_told(spec, {"network.link": link}):
        return None
    q, known = link.delivery_probability(spec.size_bytes), None
    if network.acks:
        known = Heard.confirmed(q, link.delivery_probability(ack_bytes(n_agents)), network.ack_repeat)
    return least_eigenvalue(
        spec.policy, spec.weights, graphs, rounds=spec.rounds, q=q, known=known, generator=stream(seed, "stability")
    )


def _climbs(scenario: Scenario, sent: tuple[MessageSpec, ...], n_agents: int) -> Iterator[str]:
    """DVDN moves against N E[A] δ, and climbs along eigenvectors of E[A] whose eigenvalues are negative."""
    network = scenario.network
    for spec in sent:
        if spec.kind != "td" or network is None or n_agents > MAX_AGENTS:
            continue
        every = scenario.seeds[:1]
        if network.topology.fixed:
            few = scenario.seeds[: max(1, MAX_PAIRS // n_agents**2)]
            every = tuple({network.topology.graph(n_agents, seed): seed for seed in reversed(few)}.values())
        each = [(least, seed) for seed in every if (least := stability(network, spec, n_agents, seed))]
        found, seed = min(each, default=(Least(0.0, 0.0), 0))
        if not found.unstable:
            continue
        of_seed = f" (seed {seed})" if len(every) > 1 else ""
        others = _others(network, spec)
        remedies = [words for words, over, other in others if _stable(over, other, n_agents, every)]
        rounds = "one round" if spec.rounds == 1 else f"{spec.rounds} rounds"
        yield (
            f"DVDN can diverge: the mix of {rounds} of `{spec.policy}` has, on average, an eigenvalue λ_min = "
            f"{found.value:.3f} below 0{of_seed}, and agents climb in that direction; write {', or '.join(remedies)}"
        )


def _others(network: Network, spec: MessageSpec) -> Iterator[tuple[str, Network, MessageSpec]]:
    """Other ways to exchange the same, in words and as they are."""
    if not POLICIES[spec.policy].shares:
        yield "`weights: lazy`", network, replace(spec, weights="lazy")
    if spec.policy != "self":
        yield "`policy: self`", network, replace(spec, policy="self")
        yield "`policy: self` with `weights: lazy`", network, replace(spec, policy="self", weights="lazy")
    yield f"`rounds: {spec.rounds + 1}`", network, replace(spec, rounds=spec.rounds + 1)
    yield "`topology: {kind: random_connected}`", replace(network, topology=RandomConnected()), spec


def _stable(network: Network, spec: MessageSpec, n_agents: int, seeds: Iterable[int]) -> bool:
    """Whether no seed's exchanges have an eigenvalue that is negative, as far as is known."""
    found = (stability(network, spec, n_agents, seed) for seed in seeds)
    return all(least is not None and least.value >= 2.0 * least.error - 1e-9 for least in found)


def _comes_too_late(network: Network, spec: MessageSpec, links: dict[str, LinkSpec]) -> Iterator[str]:
    """A round is over before its messages can be there, whatever is lost."""
    if not isinstance(network.deadline, float):
        return
    for path, link in links.items():
        least_s = link.serialisation_ns(link.wire_bytes(spec.size_bytes)) / 1e9 + link.delay.quantile(0.0)
        if least_s > network.deadline:
            ahead = spec.kind == "td" and not isinstance(network.compute, ConstantTime)
            unless = ", but for those of agents that began so much earlier" if ahead else ""
            yield (
                f"messages of {spec.carries} are late{unless}: the longest take at least {milliseconds(least_s)} where "
                f"`{path}` says, and `network.deadline` is {milliseconds(network.deadline)}; write a longer one, or "
                f"`auto`{_or_shorter(spec)}"
            )
            return


def _hardly_arrives(network: Network, spec: MessageSpec, links: dict[str, LinkSpec]) -> Iterator[str]:
    """A message is lost with any one of its packets."""
    found = [(link.delivery_probability(spec.size_bytes), path) for link, path in _quickly_told(spec, links).items()]
    whole, path = min(found, default=(1.0, ""))
    if whole >= SELDOM:
        return
    packets = links[path].packets(spec.size_bytes)
    said = f"messages of {spec.carries}, {packets} packets long," if packets > 1 else f"messages of {spec.carries}"
    again = "`retries` without `broadcast`" if network.broadcast else "`retries`"
    if whole == 0.0:
        yield f"{said} never arrive where `{path}` says: nobody hears of them"
    else:
        yield (
            f"{said} arrive whole with probability {whole:.2g} where `{path}` says: one packet lost loses all; write "
            f"{again}{_or_shorter(spec)}"
        )


def _loses_for_good(
    network: Network, tracking: Tracking, spec: MessageSpec, links: dict[str, LinkSpec], n_agents: int
) -> Iterator[str]:
    """What of a tracker is taken at one end of a link and not at the other is missing in Σz for ever.

    Two such messages have been seen to ruin a run (reports/time_and_bytes).
    """
    if tracking.form == "running_sum":
        return
    acknowledged = tracking.policy == "symmetric"
    copies = network.ack_repeat if acknowledged else 0
    told = _quickly_told(spec, links)

    @cache
    def fates(link: LinkSpec) -> tuple[float, float]:
        """Return the probability that a message arrives and its end hears of it, and that anything else comes of it."""
        whole = link.delivery_probability(spec.size_bytes)
        silent = link.silence_probability(spec.size_bytes, ack_bytes(n_agents), copies) if acknowledged else 1.0 - whole
        return whole - silent if acknowledged else whole, silent

    worst, path = 0.0, ""
    for where, there, back in _both_ways(network, links):
        if there in told and back in told:
            (heard, not_heard), (heard_back, not_heard_back) = fates(there), fates(back)
            worst, path = max((worst, path), (heard * not_heard_back + heard_back * not_heard, where))
    what, more = f"a message of {spec.carries} arrives in one direction of a link only", ""
    if acknowledged:
        what = f"with `ack_repeat: {copies}` a link is confirmed at one end only"
        more = ", or a larger `network.ack_repeat`"
    if worst >= RARE:
        yield (
            f"gradient tracking bears no loss: {what} with probability {worst:.2g} where `{path}` says, and what is "
            "taken at one end and not at the other is missing in the sum of trackers for ever; write "
            f"`algorithm.tracking.form: running_sum`{more}"
        )


def _both_ways(network: Network, links: dict[str, LinkSpec]) -> Iterator[tuple[str, LinkSpec, LinkSpec]]:
    """Yield where each kind of link is written, and both of its directions."""
    usual = next(iter(links.values()))
    changed = {edge: as_sent(network, link) for edge, link in network.changed_links.items()}
    edges = [(0, 0), *(other.edge for other in network.other_links)]
    for path, (first, second) in zip(links, edges, strict=True):
        yield path, changed.get((first, second), usual), changed.get((second, first), usual)


def _quickly_told(spec: MessageSpec, links: dict[str, LinkSpec]) -> dict[LinkSpec, str]:
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


def _or_shorter(spec: MessageSpec) -> str:
    return ", or a smaller `training.batch`" if spec.kind == "td" else f", or more `algorithm.{spec.block}.blocks`"
