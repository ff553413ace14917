"""The network between the agents, and how long they act and compute beside it.

Links, topologies, delays and losses are the dataclasses of `netmodels`, which take plain numbers and texts alike. Which
of their fields carry which unit in YAML is said in `link` and `topologies`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field, PlainValidator

from dvdn_sim.scenario.blocks import Block, Choice
from dvdn_sim.scenario.compute import ConstantTime, LognormalTime, NormalTime
from dvdn_sim.scenario.link import SOME_OF_A_LINK, WHOLE_LINK
from dvdn_sim.scenario.quantities import Time, refusal
from dvdn_sim.scenario.topologies import TOPOLOGY, Pair
from netmodels import LinkSpec
from netmodels.topology import Topology

COMPUTE: dict[str, type] = {"constant": ConstantTime, "normal": NormalTime, "lognormal": LognormalTime}


def _no_faults(value: object) -> tuple[()]:
    """Return the only list of faults there is so far."""
    if value != []:
        raise refusal("`faults` other than [] are not supported yet", "write `faults: []` or leave the key out")
    return ()


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
        share: whose the transmitter is: each ``link`` has its own, or one per ``node`` serves all its links.
        deadline: seconds that an agent waits for a round's messages; None waits for all, which needs lossless links.
        control_period: simulated seconds of one environment step.
        compute: how long an agent works on an update before it can send.
        faults: what fails when; nothing is supported yet.
    """

    topology: Annotated[Topology, TOPOLOGY]
    link: Annotated[LinkSpec, WHOLE_LINK]
    other_links: Annotated[
        tuple[Annotated[OtherLink, Block(OtherLink)], ...], Field(strict=False, max_length=10_000)
    ] = ()
    share: Literal["link", "node"] = "link"
    deadline: Time | None = None
    control_period: Time
    compute: Annotated[AnyCompute, Choice("compute", COMPUTE, bare=("constant", "mean"))]
    faults: Annotated[tuple[()], PlainValidator(_no_faults, json_schema_input_type=tuple[()])] = ()


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
