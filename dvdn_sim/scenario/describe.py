"""A scenario in words: what would run, for a person who has not read the YAML."""

from dvdn_sim.scenario.algorithm import Consensus, ParameterExchange, Tracking
from dvdn_sim.scenario.catalogue import ALGORITHMS
from dvdn_sim.scenario.network import Network
from dvdn_sim.scenario.quantities import AUTO, rate_text, time_text
from dvdn_sim.scenario.scenario import Scenario
from dvdn_sim.scenario.wires import CARRIES, exchanged


def headline(scenario: Scenario) -> str:
    """Return what would run in one short line."""
    seeds = "1 seed" if len(scenario.seeds) == 1 else f"{len(scenario.seeds)} seeds"
    kind = next(kind for kind, cls in ALGORITHMS.items() if type(scenario.algorithm) is cls)
    return f"{kind}, {scenario.env.title}, {seeds} x {spaced(scenario.training.steps)} steps"


def describe(scenario: Scenario) -> str:
    """Return what would run in a few lines."""
    env, training, evaluation = scenario.env, scenario.training, scenario.evaluation
    lines = [
        f"{scenario.name}: {headline(scenario)}",
        f"env         {env.describe()}, at most {env.longest_episode} steps",
        f"algorithm   {_algorithm(scenario)}",
        *([] if scenario.network is None else _network(scenario.network)),
        f"training    batch {training.batch} of {training.buffer} episodes, exploration {training.epsilon.start:g} to "
        f"{training.epsilon.end:g} in {spaced(training.epsilon.steps)} steps",
        f"evaluation  every {spaced(evaluation.every)} steps, {evaluation.episodes} episodes",
    ]
    return "\n".join(lines)


def _algorithm(scenario: Scenario) -> str:
    """Return how the agents learn, in words."""
    algorithm = scenario.algorithm
    clip = "no clipping" if algorithm.clip is None else f"gradients clipped at {algorithm.clip:g}"
    said = f"{headline(scenario).partition(',')[0]}, {algorithm.hidden} hidden units, lr {algorithm.lr:g}, {clip}"
    blocks = exchanged(algorithm)
    return "; ".join([said, *(_exchange(key, block) for key, block in blocks.items())])


def _exchange(key: str, block: Consensus | ParameterExchange) -> str:
    """Return how something is exchanged, in words."""
    if isinstance(block, Consensus):
        said = f"{block.rounds} consensus {'round' if block.rounds == 1 else 'rounds'}, policy {block.policy}"
        return said + ("" if block.wire == "float32" else f", messages in {block.wire}")
    often = "every update" if block.every == 1 else f"every {block.every} updates"
    parts = "" if block.blocks == 1 else f" in {block.blocks} parts, one at a time"
    form = f", {block.form}" if isinstance(block, Tracking) else ""
    return f"{CARRIES[key]} {often}{parts}{form}, policy {block.policy}"


def _network(network: Network) -> list[str]:
    """Return what carries the messages, in lines."""
    link = network.link
    sharing = {"link": "one transmitter per link", "node": "one transmitter per node", "medium": "one shared medium"}
    parts = [
        network.topology.describe(),
        sharing[network.share] + (", broadcast" if network.broadcast else ""),
        _wait(network),
    ]
    parts += ["acknowledged"] if network.acks else []
    parts += ["exchanged while acting"] if network.schedule == "overlap" else []
    lines = [
        f"network     {'; '.join(parts)}",
        f"link        {rate_text(link.rate)}; delay {link.delay.describe()}; {link.loss.describe()}",
    ]
    lines += [f"            {len(network.other_links)} differ"] if network.other_links else []
    return lines + [f"fault       {fault.describe()}" for fault in network.faults]


def _wait(network: Network) -> str:
    if network.deadline is None:
        return "waits for every message"
    return f"deadline {AUTO if isinstance(network.deadline, str) else time_text(network.deadline)}"


def spaced(number: int) -> str:
    """Return a whole number with its thousands apart.

    >>> spaced(150_000)
    '150 000'
    """
    return f"{number:,}".replace(",", " ")
