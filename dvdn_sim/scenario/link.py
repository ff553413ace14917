"""How YAML writes links: which fields of `netmodels.LinkSpec`, and of its kinds of delay and loss, carry which unit."""

from typing import Annotated

from pydantic import Field

from dvdn_sim.scenario.blocks import Block, Choice, KeptAs
from dvdn_sim.scenario.quantities import Natural, Probability, Rate, Size, Time
from netmodels import LinkSpec
from netmodels.catalogue import DELAYS, LOSSES, PRESETS
from netmodels.links import DEGRADABLE

# A built `netmodels` normal delay has as its mean that of the rectified delay, and keeps the one that was given.
DELAY_FIELDS: dict[str, object] = {
    "mean": Annotated[Time, KeptAs("location")],
    "jitter": Time,
    "shape": Annotated[float, Field(gt=1.0)],
    "values": Annotated[tuple[Time, ...], Field(strict=False)],
}
_LOSS_FIELDS: dict[str, object] = {
    "p": Probability,
    "r": Probability,
    "one_minus_h": Probability,
    "one_minus_k": Probability,
    "values": Annotated[tuple[Annotated[int, Field(ge=0, le=1)], ...], Field(strict=False)],
}
_LINK_FIELDS: dict[str, object] = {
    "rate": Rate,
    "delay": Annotated[object, Choice("delay", DELAYS, bare=("constant", "mean"), fields=DELAY_FIELDS)],
    "loss": Annotated[object, Choice("loss", LOSSES, bare=("bernoulli", "p"), fields=_LOSS_FIELDS)],
    "corrupt": Probability,
    "retries": Annotated[Natural, Field(le=1000)],
    "retry_delay": Time,
    "duplicate": Probability,
    "mtu": Size,
    "overhead": Size,
    "limit": Annotated[Natural, Field(le=10**9)],
    "limit_bytes": Size,
    "fifo": bool,
}

WHOLE_LINK = Block(LinkSpec, _LINK_FIELDS, closed=True, presets=PRESETS)
"""All parameters of a link, or a preset and what is to differ from it."""
SOME_OF_A_LINK = Block(LinkSpec, _LINK_FIELDS, closed=True, partial=True)
"""Some parameters of a link; the others stay."""
DEGRADED_LINK = Block(
    LinkSpec, {name: _LINK_FIELDS[name] for name in _LINK_FIELDS if name in DEGRADABLE}, closed=True, partial=True
)
"""Some parameters of a link that can change while it is in use."""
