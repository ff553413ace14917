"""Rules about what agents send: somebody to hear it, and a network that can carry it. Each yields what breaks it."""

from collections.abc import Callable, Iterable, Iterator

from dvdn_sim.scenario.algorithm import Consensus
from dvdn_sim.scenario.catalogue import ALGORITHMS
from dvdn_sim.scenario.document import Path, dotted
from dvdn_sim.scenario.faults import loses
from dvdn_sim.scenario.network import Network
from dvdn_sim.scenario.network_rules import MOST_DEGRADED, fitting_links
from dvdn_sim.scenario.quantities import AUTO
from dvdn_sim.scenario.scenario import Scenario
from dvdn_sim.scenario.wires import CARRIES, Wire, block_bytes, exchanged, parameter_count, wires
from netmodels import LinkSpec
from netmodels.faults import Fault

Broken = tuple[Path, str, str]
MOST_PACKETS = 100_000
"""Of one message, every one with a fate of its own."""


def _messages_have_a_network(scenario: Scenario) -> Iterator[Broken]:
    blocks = exchanged(scenario.algorithm)
    if blocks and scenario.network is None:
        kind = next(kind for kind, cls in ALGORITHMS.items() if scenario.algorithm.__class__ is cls)
        remedy = "write a `network` block (scenarios/lossy_lbf.yaml has one), or choose `algorithm: {kind: vdn}`"
        yield ("network",), f"is missing: {kind}'s agents exchange {_all_that(blocks)}", remedy


def _somebody_hears(scenario: Scenario) -> Iterator[Broken]:
    n_agents, blocks = scenario.env.n_agents, exchanged(scenario.algorithm)
    if n_agents < 2 and blocks:
        message = f"it takes at least 2 agents to exchange {_all_that(blocks)}, not {n_agents}"
        yield ("env",), message, "more, or `algorithm: {kind: iql}` and no `network`"
    elif n_agents < 2 and scenario.network is not None:
        yield ("env",), f"a network needs at least 2 agents, not {n_agents}", "more, or no `network`"


def _all_that(blocks: Iterable[str]) -> str:
    return ", ".join(CARRIES[key] for key in blocks)


def _messages_fit_the_queue(scenario: Scenario) -> Iterator[Broken]:
    for wire in wires(scenario):
        for path, link in fitting_links(scenario).items():
            packets = link.packets(wire.size_bytes)
            if packets > MOST_PACKETS:
                message = f"{wire.carries}: messages of {packets} packets are too long to be simulated"
                yield (
                    (*path, "mtu"),
                    message,
                    f"at most {MOST_PACKETS}: a larger one, or {_shorter(scenario, wire, link)}",
                )
            elif not link.fits(wire.size_bytes):
                limit = "limit" if packets > link.limit + 1 else "limit_bytes"
                message = f"messages of {packets} packets never arrive whole: {getattr(link, limit)} may wait beside"
                remedy = f"at least {packets - 1}" if limit == "limit" else "more"
                remedy += f", or {_shorter(scenario, wire, link)}"
                yield (*path, limit), f"{wire.carries}: {message} one served", remedy


def _shorter(scenario: Scenario, wire: Wire, link: LinkSpec) -> str:
    """Return what makes messages short enough."""
    block = exchanged(scenario.algorithm)[wire.block]
    if isinstance(block, Consensus):
        return "a smaller `training.batch`"
    parameters = few = parameter_count(scenario.algorithm, scenario.env)
    too_few = block.blocks
    while few - too_few > 1:
        middle = (too_few + few) // 2
        fits = _carries(link, block_bytes(block, parameters, middle))
        too_few, few = (too_few, middle) if fits else (middle, few)
    return f"at least {few} as `algorithm.{wire.block}.blocks`, which send the parameters in parts"


def _carries(link: LinkSpec, size_bytes: int) -> bool:
    return link.packets(size_bytes) <= MOST_PACKETS and link.fits(size_bytes)


def _deadline_unless_lossless(scenario: Scenario) -> Iterator[Broken]:
    network = scenario.network
    if network is None or network.deadline is not None:
        return
    links, rivals = dict.fromkeys(fitting_links(scenario).values()), _rivals(network, scenario.env.n_agents)
    reasons = [_why_lossy(wire, link, rivals) for wire in wires(scenario) for link in links]
    few_enough = len(network.faults) * len(links) <= MOST_DEGRADED  # told by another rule
    if few_enough and any(_loses(fault, link) for fault in network.faults for link in links):
        reasons.append("faults lose messages")
    if network.acks:
        reasons.append("there are `acks`, for messages that may be lost")
    for reason in list(filter(None, reasons))[:1]:
        message = f"is missing, and {reason}: an agent would wait for ever for a message that was lost"
        yield ("network", "deadline"), message, "write how long to wait, such as `deadline: 50 ms` or `deadline: auto`"


def _loses(fault: Fault, link: LinkSpec) -> bool:
    try:
        return loses(fault, link)
    except ValueError:  # told by another rule
        return False


def _why_lossy(wire: Wire, link: LinkSpec, rivals: int) -> str:
    """Return why a message may be lost; empty where none ever can."""
    if link.loss.loss_rate > 0.0 or link.corrupt > 0.0:
        return "links lose packets"
    if link.rate == float("inf"):  # nothing ever waits
        return ""
    queued = link.packets(wire.size_bytes) * wire.rounds * rivals
    if link.limit_bytes is not None:
        return "`link.limit_bytes` may drop packets"
    return f"up to {queued} packets may meet in a queue of {link.limit}" if queued > link.limit + 1 else ""


def _rivals(network: Network, n_agents: int) -> int:
    """Return how many messages of a round one transmitter may have to send."""
    if network.share == "link":
        return 1
    of_a_node = 1 if network.broadcast else n_agents - 1
    return of_a_node if network.share == "node" else n_agents * of_a_node


def _auto_deadline_has_an_answer(scenario: Scenario) -> Iterator[Broken]:
    network = scenario.network
    if network is None or not exchanged(scenario.algorithm):
        return
    for name in ("deadline", "ack_deadline"):
        for path, link in fitting_links(scenario).items() if getattr(network, name) == AUTO else ():
            if link.loss.loss_rate >= 1.0 or link.corrupt >= 1.0:
                message = f"`auto` has no answer: no message ever arrives where `{dotted(path)}` says"
                yield ("network", name), message, "write how long to wait, such as `50 ms`"
                break


WIRE_RULES: tuple[Callable[[Scenario], Iterator[Broken]], ...] = (
    _messages_have_a_network,
    _somebody_hears,
    _messages_fit_the_queue,
    _deadline_unless_lossless,
    _auto_deadline_has_an_answer,
)
