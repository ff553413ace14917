"""The bounds of a sweep: each cell with all of its team's errors at hand (*central*), and with none but its own.

They say what a network can be worth in a task, and so whether the task can tell networks apart. Both have the cell's
environment, training and learning settings, and differ in nothing else:

* *central* is VDN, which learns from the sum that the agents' consensus estimates.
* *silent* is the cell's own algorithm, and no message arrives. An algorithm that sends nothing has DVDN's in its place.

Neither has a network, as nothing depends on it: one pair serves all networks. Only agents that do nothing while they
are down (`acting: noop`) play another game, so that there both have the network's faults. A bound that is a cell of the
grid, too, is that cell.
"""

from dataclasses import fields, replace
from typing import Any

from dvdn_sim.algorithms import Consensus, Dvdn, NetworkedQ, QLearning, Sharing, Vdn
from dvdn_sim.scenario import Network, Scenario, exchanged


def central(scenario: Scenario) -> Scenario:
    """Return a scenario as if one trainer had all errors of all agents."""
    return replace(scenario, algorithm=Vdn(**_shared(scenario.algorithm, Vdn)), network=acted(scenario.network))


def silent(scenario: Scenario) -> Scenario:
    """Return a scenario as if no message arrived."""
    own, network = scenario.algorithm, scenario.network
    if not isinstance(own, Dvdn | NetworkedQ):
        own = Dvdn(**_shared(own, Dvdn))
    if isinstance(own, Dvdn):
        own = replace(own, consensus=Consensus(rounds=0))
    if network is not None and exchanged(own):  # parameters, which an algorithm does not do without
        return replace(scenario, algorithm=own, network=_all_lost(network))
    return replace(scenario, algorithm=own, network=acted(network))


def _shared(algorithm: QLearning, kind: type[QLearning]) -> dict[str, Any]:
    """Return the settings of an algorithm that say how it learns, as far as another kind has them."""
    how = Sharing if isinstance(algorithm, Sharing) and issubclass(kind, Sharing) else QLearning
    return {each.name: getattr(algorithm, each.name) for each in fields(how)}


def acted(network: Network | None) -> Network | None:
    """Return the network as far as acting depends on it."""
    return network if network is not None and network.idles else None


def _all_lost(network: Network) -> Network:
    """Return a network over which nothing arrives."""
    nothing = Network(
        topology={"kind": "complete"}, link={"rate": "unlimited", "delay": "0 s", "loss": "100%"}, deadline="1 ms",
        control_period="1 s", compute="0 s", acks=network.acks,
    )  # fmt: skip
    return replace(network, link=nothing.link, other_links=()) if network.idles else nothing


BOUNDS = {"central": central, "silent": silent}
"""By kind."""
