"""The network between the agents, and how long they act and compute beside it.

Links, topologies, delays and losses are the dataclasses of `netmodels`, which take plain numbers and texts alike. What
this module adds is which of their fields carry which unit in YAML.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, PlainValidator

from dvdn_sim.scenario.blocks import Block, Choice, KeptAs
from dvdn_sim.scenario.compute import ConstantTime, LognormalTime, NormalTime
from dvdn_sim.scenario.quantities import Count, Natural, Probability, Size, Time, refusal
from dvdn_sim.scenario.quantities import Rate as LinkRate
from netmodels import LinkSpec
from netmodels.catalogue import DELAYS, LOSSES, TOPOLOGIES
from netmodels.topology import Topology

# The kinds of `netmodels` that scenarios may choose so far: the simulator has been tested with these.
TOPOLOGY_KINDS = {kind: TOPOLOGIES[kind] for kind in ("complete", "ring", "random_connected")}
DELAY_KINDS = {kind: DELAYS[kind] for kind in ("constant", "normal")}
LOSS_KINDS = {kind: LOSSES[kind] for kind in ("bernoulli", "gemodel")}
COMPUTE: dict[str, type] = {"constant": ConstantTime, "normal": NormalTime, "lognormal": LognormalTime}

# A built `netmodels` normal delay has as its mean that of the rectified delay, and keeps the one that was given.
_DELAY_FIELDS: dict[str, object] = {
    "mean": Annotated[Time, KeptAs("location")],
    "jitter": Time,
}
_LOSS_FIELDS: dict[str, object] = {
    "p": Probability,
    "r": Probability,
    "one_minus_h": Probability,
    "one_minus_k": Probability,
}
_LINK_FIELDS: dict[str, object] = {
    "rate": LinkRate,
    "delay": Annotated[object, Choice("delay", DELAY_KINDS, bare=("constant", "mean"), fields=_DELAY_FIELDS)],
    "loss": Annotated[object, Choice("loss", LOSS_KINDS, bare=("bernoulli", "p"), fields=_LOSS_FIELDS)],
    "mtu": Size,
    "overhead": Size,
    "limit": Annotated[Natural, Field(le=10**9)],
    "limit_bytes": Size,
    "fifo": bool,
}
_TOPOLOGY_FIELDS: dict[str, object] = {"edges": Annotated[Count, Field(le=10**6)]}


def _no_faults(value: object) -> tuple[()]:
    """Return the only list of faults there is so far."""
    if value != []:
        raise refusal("`faults` other than [] are not supported yet", "write `faults: []` or leave the key out")
    return ()


AnyCompute = ConstantTime | NormalTime | LognormalTime


@dataclass(frozen=True, kw_only=True)
class Network:
    """What carries the agents' messages.

    Attributes:
        topology: which links exist.
        link: what each direction of a link does to a message.
        share: whose the transmitter is: each ``link`` has its own, or one per ``node`` serves all its links.
        deadline: seconds that an agent waits for a round's messages; None waits for all, which needs lossless links.
        control_period: simulated seconds of one environment step.
        compute: how long an agent works on an update before it can send.
        faults: what fails when; nothing is supported yet.
    """

    topology: Annotated[Topology, Choice("topology", TOPOLOGY_KINDS, fields=_TOPOLOGY_FIELDS)]
    link: Annotated[LinkSpec, Block(LinkSpec, _LINK_FIELDS, closed=True)]
    share: Literal["link", "node"] = "link"
    deadline: Time | None = None
    control_period: Time
    compute: Annotated[AnyCompute, Choice("compute", COMPUTE, bare=("constant", "mean"))]
    faults: Annotated[tuple[()], PlainValidator(_no_faults, json_schema_input_type=tuple[()])] = ()
