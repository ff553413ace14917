"""Everything that can be chosen by name, one line each; and what has a name but is not supported yet.

What a kind means is said in its dataclass. Topologies, delays, losses and presets are those of `netmodels.catalogue`.
"""

from dvdn_sim.scenario.algorithm import POLICIES, Dvdn, DvdnGt, Iql, NetworkedQ, Qmix, Vdn
from dvdn_sim.scenario.foraging import Lbf, LbForaging
from dvdn_sim.scenario.marbler import ArcticTransport, MaterialTransport, PredatorCapturePrey, Warehouse
from dvdn_sim.scenario.particles import MpeAdversary, MpeSpread, MpeTag

__all__ = ["ALGORITHMS", "ENVS", "KEYS_NOT_YET", "NOT_YET", "POLICIES"]

ENVS: dict[str, type] = {
    "lbf": Lbf,
    "mpe_spread": MpeSpread,
    "mpe_adversary": MpeAdversary,
    "mpe_tag": MpeTag,
    "marbler_arctic": ArcticTransport,
    "marbler_material": MaterialTransport,
    "marbler_predator_prey": PredatorCapturePrey,
    "marbler_warehouse": Warehouse,
    "lbforaging": LbForaging,
}

ALGORITHMS: dict[str, type] = {
    "iql": Iql,
    "vdn": Vdn,
    "qmix": Qmix,
    "networked_q": NetworkedQ,
    "dvdn": Dvdn,
    "dvdn_gt": DvdnGt,
}

NOT_YET: dict[str, tuple[str, ...]] = {
    # By what is chosen: `kind` of a block, or the key whose value is a word.
    "env": ("pettingzoo",),
    "compute": ("straggler",),
}

KEYS_NOT_YET: dict[str, tuple[str, ...]] = {
    # By block.
    "network": ("reassembly",),
    "network.link": ("reassembly",),
}
