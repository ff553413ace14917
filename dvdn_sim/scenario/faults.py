"""How YAML writes faults: which fields of those of `netmodels` carry which unit."""

from typing import Annotated

from pydantic import Field

from dvdn_sim.scenario.blocks import Choice
from dvdn_sim.scenario.link import DEGRADED_LINK, DELAY_FIELDS
from dvdn_sim.scenario.quantities import Time
from dvdn_sim.scenario.topologies import Agent, Pair
from netmodels.catalogue import DELAYS, FAULTS
from netmodels.faults import Degrade, Fault, Straggler
from netmodels.links import LinkSpec

_WHEN = Annotated[object, Choice("time", DELAYS, bare=("constant", "mean"), fields=DELAY_FIELDS)]
_FIELDS: dict[str, object] = {
    "at": _WHEN,
    "for": _WHEN,
    "node": Agent,
    "edge": Pair,
    "groups": Annotated[tuple[Annotated[tuple[Agent, ...], Field(strict=False)], ...], Field(strict=False)],
    "up": Time,
    "down": Time,
    "factor": Annotated[float, Field(gt=0.0)],
    "link": Annotated[object, DEGRADED_LINK],
}

FAULT = Choice("fault", FAULTS, fields=_FIELDS)


def loses(fault: Fault, link: LinkSpec) -> bool:
    """Return whether a fault may cost messages that a link would have delivered.

    >>> loses(Straggler(node=0, factor=2.0, at=0.0), LinkSpec(rate="1 Mbit/s", delay=0))
    False
    """
    if isinstance(fault, Degrade):
        changed = fault.changed(link)
        return changed.loss.loss_rate > 0.0 or float(changed.corrupt) > 0.0
    return not isinstance(fault, Straggler)
