"""Everything that can be chosen by name, one line each; and what has a name but is not supported yet.

What a kind means is said in its dataclass. Topologies, delays, losses and presets are those of `netmodels.catalogue`.
"""

from dvdn_sim.scenario.algorithm import Dvdn, DvdnGt, Iql, NetworkedQ, Qmix, Vdn
from dvdn_sim.scenario.foraging import Lbf, LbForaging
from dvdn_sim.scenario.marbler import ArcticTransport, MaterialTransport, PredatorCapturePrey, Warehouse
from dvdn_sim.scenario.particles import MpeAdversary, MpeSpread, MpeTag

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

POLICIES: dict[str, str] = {
    "self": "Keep the weight of a message that did not come for one's own value.",
    "renormalize": "Scale the weights of the messages that came, and one's own, up to 1.",
    "symmetric": "Use a link only if both ends are known to have heard each other; needs acknowledgements.",
    "stale": "Use the newest message of the exchange instead of one that did not come.",
    "running_sum": "Send totals, so that the next message brings what a lost one carried: the exact mean in the end.",
    "push_sum": "Give away shares that a lost message takes with it: a wrong common value. A warning.",
    "zero_fill": "Take a message that did not come for zero: values shrink. A warning.",
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
