"""Models of networks between agents: links, topologies and faults, without an event kernel.

- `units`: quantities with units, and what every spec is.
- `streams`: named random streams, drawn in blocks.
- `on_off`: what goes down and up again.
- `recordings`: files of values that were measured.
- `links`: what happens to a message on one directed link.
- `topology`: which links exist.
- `faults`: what goes wrong, and when.
- `network`: all links, and the servers that they share.
- `presets`: links as the standards describe them.
"""

from netmodels import presets, topology
from netmodels.faults import FaultPlan
from netmodels.links import Link, LinkSpec, Server, Transfer
from netmodels.network import Network

__all__ = ["FaultPlan", "Link", "LinkSpec", "Network", "Server", "Transfer", "presets", "topology"]
