"""The network between the agents, and how long they act and compute beside it.

Links, topologies and faults are the specs of `netmodels`.
"""

from dataclasses import field, replace
from typing import Annotated, Literal, cast

from pydantic import Field
from pydantic.dataclasses import dataclass

from netmodels import LinkSpec
from netmodels.faults import AnyFault
from netmodels.links import LinkChange
from netmodels.presets import AnyLink
from netmodels.topology import AnyTopology, Pair
from netmodels.units import CLOSED, TIME, Bare, Count, Flag, Spec, Time

AUTO = "auto"
"""Stands for a wait that is worked out."""
# Its one word is read as itself, not as a number.
_DEADLINE = replace(TIME, examples=("50 ms", AUTO), words={AUTO: cast("float", AUTO)})
Deadline = Annotated[float | Literal["auto"], _DEADLINE]


@dataclass(frozen=True, init=False, config=CLOSED)
class ConstantTime(Spec):
    """Always the same time.

    Attributes:
        mean: the time, in seconds.
    """

    mean: Time
    kind: Literal["constant"] = field(default="constant", kw_only=True, repr=False)


@dataclass(frozen=True, init=False, config=CLOSED)
class NormalTime(Spec):
    """A normal time, cut at zero: max(0, x).

    Attributes:
        mean: mean of x, in seconds.
        jitter: standard deviation of x, in seconds.
    """

    mean: Time
    jitter: Time
    kind: Literal["normal"] = field(default="normal", kw_only=True, repr=False)


@dataclass(frozen=True, init=False, config=CLOSED)
class LognormalTime(Spec):
    """A lognormal time: never below zero, now and then much longer than the mean.

    Attributes:
        mean: mean of the time, in seconds.
        jitter: standard deviation of the time, in seconds.
    """

    mean: Time
    jitter: Time
    kind: Literal["lognormal"] = field(default="lognormal", kw_only=True, repr=False)


AnyCompute = Annotated[
    ConstantTime | NormalTime | LognormalTime, Field(discriminator="kind"), Bare("constant", "mean", TIME)
]
"""How long an agent works on an update, drawn afresh for every agent and update."""


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class OtherLink(Spec):
    """A link that differs from the others.

    Attributes:
        edge: the two agents.
        one_way: whether only the direction from the first to the second differs.
        link: the parameters that differ.
    """

    edge: Pair
    one_way: Flag = False
    link: LinkChange


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Network(Spec):
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

    topology: AnyTopology
    link: AnyLink
    other_links: Annotated[tuple[OtherLink, ...], Field(max_length=10_000)] = ()
    share: Literal["link", "node", "medium"] = "link"
    broadcast: Flag = False
    deadline: Deadline | None = None
    acks: Flag = False
    ack_repeat: Annotated[Count, Field(le=100)] = 1
    ack_deadline: Deadline | None = None
    control_period: Time
    compute: AnyCompute
    schedule: Literal["blocking", "overlap"] = "blocking"
    faults: Annotated[tuple[AnyFault, ...], Field(max_length=1000)] = ()
    acting: Literal["frozen", "noop"] = "frozen"

    def changed_links(self) -> dict[tuple[int, int], LinkSpec]:
        """Return the parameters of the directed links that differ, by (sender, receiver); later entries add to earlier.

        Raises:
            ValueError: Parameters that do not fit each other.
        """
        changed: dict[tuple[int, int], LinkSpec] = {}
        for other in self.other_links:
            for edge in (other.edge,) if other.one_way else (other.edge, other.edge[::-1]):
                changed[edge] = changed.get(edge, self.link).changed(other.link)
        return changed
