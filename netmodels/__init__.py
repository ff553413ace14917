"""Models of networks between agents: links, topologies and faults. numpy and networkx only, no event kernel.

- `units`: quantities with units.
- `streams`: named random streams, drawn in blocks.
- `links`: what happens to a message.
- `topology`: which links exist.
- `catalogue`: every kind by name.

A module may import those above it.
"""

from netmodels import topology
from netmodels.links import Link, LinkSpec, Server, Transfer

__all__ = ["Link", "LinkSpec", "Server", "Transfer", "topology"]
