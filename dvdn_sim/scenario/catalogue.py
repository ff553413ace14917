"""Everything that can be chosen by name, one line each; and what has a name but is not supported yet.

What a kind means is said in its dataclass. Topologies, delays, losses and presets are those of `netmodels.catalogue`.
"""

from dvdn_sim.scenario.algorithm import Dvdn, Iql, Vdn
from dvdn_sim.scenario.env import Lbf

ENVS: dict[str, type] = {"lbf": Lbf}

ALGORITHMS: dict[str, type] = {"iql": Iql, "vdn": Vdn, "dvdn": Dvdn}

POLICIES: dict[str, str] = {
    "self": "Keep the weight of a message that did not come for one's own value.",
}

NOT_YET: dict[str, tuple[str, ...]] = {
    # By what is chosen: `kind` of a block, or the key whose value is a word.
    "env": ("mpe_spread", "mpe_tag", "mpe_adversary", "arctic", "material", "pcp", "warehouse", "pettingzoo"),
    "algorithm": ("dvdn_gt", "qmix"),
    "compute": ("straggler",),
    "policy": ("renormalize", "symmetric", "stale", "running_sum", "push_sum", "zero_fill"),
    "weights": ("lazy", "max_degree"),
    "reward_model": ("individual", "team_sum"),
    "share": ("medium",),
}

KEYS_NOT_YET: dict[str, tuple[str, ...]] = {
    # By block.
    "network": ("acks", "schedule", "broadcast", "wire", "reassembly"),
    "network.link": ("broadcast", "reassembly"),
    "algorithm": ("mixer", "tracking", "optimiser"),
}
