"""Which class plays an environment of a scenario."""

from collections.abc import Mapping
from typing import Any

from dvdn_sim.envs.batch import Game
from dvdn_sim.envs.lbf import LevelBasedForaging
from dvdn_sim.envs.marbler import ArcticTransport, MaterialTransport, PredatorCapturePrey, Warehouse
from dvdn_sim.envs.mpe import SimpleAdversary, SimpleSpread, SimpleTag
from dvdn_sim.envs.ring import Relay, Sorting

GAMES: Mapping[str, type[Game[Any, Any]]] = {
    "lbf": LevelBasedForaging,
    "mpe_spread": SimpleSpread,
    "mpe_adversary": SimpleAdversary,
    "mpe_tag": SimpleTag,
    "marbler_arctic": ArcticTransport,
    "marbler_material": MaterialTransport,
    "marbler_predator_prey": PredatorCapturePrey,
    "marbler_warehouse": Warehouse,
    "sorting": Sorting,
    "relay": Relay,
}
"""By the kind of the settings, which they take."""
