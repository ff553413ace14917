"""What is no mistake and yet no good idea: each warning says what will happen, with its figures, and the remedy."""

from collections.abc import Iterator
from functools import cache

from dvdn_sim.algorithms import DvdnGt, Tracking
from dvdn_sim.scenario.climbing import quickly_told, stability_warnings
from dvdn_sim.scenario.course import SELDOM, as_sent, course_warnings
from dvdn_sim.scenario.scenario import ConstantTime, MessageSpec, Network, Scenario, ack_bytes, message_specs
from netmodels import LinkSpec
from netmodels.units import milliseconds

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
    found += stability_warnings(scenario, sent, agents)
    for spec in sent:
        found += _comes_too_late(network, spec, links)
        found += _hardly_arrives(network, spec, links)
        if isinstance(scenario.algorithm, DvdnGt) and spec.kind == "gt":
            found += _loses_for_good(network, scenario.algorithm.tracking, spec, links, agents)
    if isinstance(scenario.algorithm, DvdnGt) and (scenario.env.permuted or not scenario.env.homogeneous):
        found.append(
            f"dvdn_gt makes the networks of all agents equal, and {scenario.env.title}, play different parts: in the "
            "DVDN paper it is worse there; `kind: dvdn` is for them"
        )
    if network.share == "medium":
        found.append("`share: medium` is an ideal medium, on which nothing collides: a real one carries less")
    return found


def _comes_too_late(network: Network, spec: MessageSpec, links: dict[str, LinkSpec]) -> Iterator[str]:
    """A round is over before its messages can be there, whatever is lost."""
    if not isinstance(network.deadline, float):
        return
    for path, link in links.items():
        least_s = link.serialisation_ns(link.wire_bytes(spec.size_bytes)) / 1e9 + link.delay.quantile(0.0)
        if least_s > network.deadline:
            ahead = spec.kind == "td" and not isinstance(network.compute, ConstantTime)
            unless = " (only who begins that much earlier than others is heard)" if ahead else ""
            yield (
                f"messages of {spec.carries} come too late{unless}: the longest take at least {milliseconds(least_s)} "
                f"over `{path}`, and `network.deadline` is {milliseconds(network.deadline)}; write a longer one, or "
                f"`auto`{_or_shorter(spec)}"
            )
            return


def _hardly_arrives(network: Network, spec: MessageSpec, links: dict[str, LinkSpec]) -> Iterator[str]:
    """A message is lost with any one of its packets."""
    found = [(link.delivery_probability(spec.size_bytes), path) for link, path in quickly_told(spec, links).items()]
    whole, path = min(found, default=(1.0, ""))
    if whole >= SELDOM:
        return
    packets = links[path].packets(spec.size_bytes)
    said = f"messages of {spec.carries}, {packets} packets long," if packets > 1 else f"messages of {spec.carries}"
    again = "`retries` without `broadcast`" if network.broadcast else "`retries`"
    if whole == 0.0:
        yield f"{said} never arrive over `{path}`"
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
    told = quickly_told(spec, links)

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


def _or_shorter(spec: MessageSpec) -> str:
    return ", or a smaller `training.batch`" if spec.kind == "td" else f", or more `algorithm.{spec.block}.blocks`"
