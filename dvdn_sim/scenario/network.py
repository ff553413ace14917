"""The network between the agents, and how long they act and compute beside it.

Links, topologies, delays and losses are the dataclasses of `netmodels`, which take plain numbers and texts alike. Which
of their fields carry which unit in YAML is said in `link` and `topologies`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from dvdn_sim.scenario.blocks import Block, Choice
from dvdn_sim.scenario.compute import ConstantTime, LognormalTime, NormalTime
from dvdn_sim.scenario.faults import FAULT
from dvdn_sim.scenario.link import SOME_OF_A_LINK, WHOLE_LINK
from dvdn_sim.scenario.quantities import Count, Deadline, Time
from dvdn_sim.scenario.topologies import TOPOLOGY, Pair
from netmodels import LinkSpec
from netmodels.faults import Fault
from netmodels.topology import Topology

COMPUTE: dict[str, type] = {"constant": ConstantTime, "normal": NormalTime, "lognormal": LognormalTime}


AnyCompute = ConstantTime | NormalTime | LognormalTime


@dataclass(frozen=True, kw_only=True)
class OtherLink:
    """A link that differs from the others.

    Attributes:
        edge: the two agents.
        one_way: whether only the direction from the first to the second differs.
        link: the parameters that differ.
    """

    edge: Pair
    one_way: bool = False
    link: Annotated[Mapping[str, object], SOME_OF_A_LINK]


@dataclass(frozen=True, kw_only=True)
class Network:
    """What carries the agents' messages.

    Attributes:
        topology: which links exist.
        link: what each direction of a link does to a message.
        other_links: links that differ from it.
        share: whose the transmitter is: each ``link`` has its own, one per ``node`` serves all its links, or all agents
            share one ``medium``, an ideal one without collisions.
        broadcast: send one copy of a message, which every neighbour may hear and nothing sends again; needs a shared
            transmitter.
        deadline: seconds that an agent waits for a round's messages; ``auto`` for the time within which 99.9 % of those
            come that come at all; None waits for all, which needs lossless links.
        acks: every agent tells its neighbours after each round whom it heard.
        ack_repeat: how often it does.
        ack_deadline: seconds that an agent waits for its neighbours' acknowledgements, or ``auto``; None for
            ``deadline``.
        control_period: simulated seconds of one environment step.
        compute: how long an agent works on an update before it can send.
        schedule: ``blocking`` begins an episode when all have updated; ``overlap`` acts it while the agents compute and
            exchange, with the parameters they had.
        faults: what fails when.
        acting: what an agent does in the environment while it is down: ``frozen`` acts with the parameters it had,
            ``noop`` does nothing.
    """

    topology: Annotated[Topology, TOPOLOGY]
    link: Annotated[LinkSpec, WHOLE_LINK]
    other_links: Annotated[
        tuple[Annotated[OtherLink, Block(OtherLink)], ...], Field(strict=False, max_length=10_000)
    ] = ()
    share: Literal["link", "node", "medium"] = "link"
    broadcast: bool = False
    deadline: Deadline | None = None
    acks: bool = False
    ack_repeat: Annotated[Count, Field(le=100)] = 1
    ack_deadline: Deadline | None = None
    control_period: Time
    compute: Annotated[AnyCompute, Choice("compute", COMPUTE, bare=("constant", "mean"))]
    schedule: Literal["blocking", "overlap"] = "blocking"
    faults: Annotated[tuple[Annotated[Fault, FAULT], ...], Field(strict=False, max_length=1000)] = ()
    acting: Literal["frozen", "noop"] = "frozen"


def overrides_of(network: Network) -> dict[tuple[int, int], LinkSpec]:
    """Return the parameters of the directed links that differ, by (sender, receiver); a later entry adds to earlier.

    Raises:
        ValueError: Parameters that do not fit each other.
    """
    changed: dict[tuple[int, int], LinkSpec] = {}
    for other in network.other_links:
        first, second = other.edge
        for edge in ((first, second),) if other.one_way else ((first, second), (second, first)):
            change: Callable[..., LinkSpec] = replace
            changed[edge] = change(changed.get(edge, network.link), **other.link)
    return changed
