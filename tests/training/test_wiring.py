"""What a scenario says reaches its part; what the network did reaches the learner the right way round."""

import numpy as np
import pytest
import torch
from small_runs import spied

from dvdn_sim.consensus import Facts
from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import load_scenario
from dvdn_sim.training import Loop, build

CPU = torch.device("cpu")
SMALL = (
    "seeds=[3]",
    "env={kind: lbf, field_size: [6, 6], players: 3, max_num_food: 2, max_food_level: 1, sight: 6}",
    "env.max_episode_steps=6",
    "training={steps: 90, batch: 4, buffer: 32, epsilon: {steps: 50}}",
    "evaluation={every: 1000, episodes: 2}",
    "algorithm.hidden=8",
)


class Nowhere:
    """Takes records and forgets them."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


def parts_of(*changes):
    return build(load_scenario("scenarios/lossy_lbf.yaml", [*SMALL, *changes]), device=CPU)


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)


def closing_times(*changes):
    """When each agent closes the one round of an exchange, in ns after its start at 0."""
    quiet = ("network.compute=0 ms", "network.link={rate: 8 Mbit/s, delay: 1 ms}", "network.topology={kind: complete}")
    (network,) = parts_of(*quiet, *changes).networks
    return network.exchange("td", rounds=1, size_bytes=972, episode=0, update=0).closed_at_ns[0].tolist()


def test_link_share_deadline_and_control_period_reach_the_network():
    """972 bytes and 28 of header at 8 Mbit/s: 1 ms on the wire. A shared transmitter sends one after the other."""
    assert closing_times("network.share=link") == [2_000_000] * 3
    assert max(closing_times("network.share=node")) == 3_000_000
    lost = "network.link={rate: 8 Mbit/s, delay: 1 ms, loss: 100%}"
    assert closing_times(lost, "network.deadline=17 ms") == [17_000_000] * 3
    (network,) = parts_of("network.control_period=30 ms").networks
    network.act(4)
    assert network.now_ns == 120_000_000


def run_watching(facts=None):
    """Run a small scenario; return what agents held before and after every exchange, and the graphs drawn."""
    parts = parts_of()
    exchanged, graphs, (network,) = spied(parts.learner), [], parts.networks
    exchange, draw = network.exchange, network.graphs

    def drawn(**where):
        graphs.append((where["episode"], draw(**where)[0].edges))
        return draw(**where)

    def scripted(*args, **kwargs):
        report = exchange(*args, **kwargs)
        if facts is not None:
            object.__setattr__(report, "facts", facts)
        return report

    network.graphs, network.exchange = drawn, scripted
    Loop(parts, Nowhere(), lambda _: None).run()
    return exchanged, graphs


def test_who_heard_whom_reaches_the_learner_row_by_receiver():
    """Agent 0 hears 1, 1 hears nobody, 2 hears 1: on the path 0-1-2 all weights are 1/3."""
    edges = np.array([[0, 1], [1, 0], [1, 2], [2, 1]])
    facts = Facts(3, edges, np.ones((1, 4), bool), np.array([[-1, 0, 0, -1]]))
    exchanged, _ = run_watching(facts)
    operator = torch.tensor([[2 / 3, 1 / 3, 0], [0, 1, 0], [0, 1 / 3, 2 / 3]])
    assert exchanged
    for td, held in exchanged:
        torch.testing.assert_close(held[0], torch.einsum("ij,jtb->itb", operator, td[0]))


def test_every_episode_has_a_graph_of_its_own():
    """Three trees of three agents, drawn anew each episode: a dozen episodes see more than one."""
    _, graphs = run_watching()
    episodes = [episode for episode, _ in graphs]
    assert episodes == list(range(episodes[0], episodes[0] + len(episodes)))
    assert len({edges for _, edges in graphs}) == 3


def test_an_environment_that_the_network_does_not_fit_is_refused_before_anything_runs():
    """Two players cannot have the two links of a tree of three."""
    scenario = load_scenario("scenarios/lossy_lbf.yaml", SMALL)
    players = {"players": 2, "field_size": (6, 6), "max_num_food": 1, "sight": 6}
    from dvdn_sim.envs import ForagingParallelEnv

    with pytest.raises(ScenarioError, match="does not fit 2 agents"):
        build(scenario, device=CPU, make_env=lambda: ForagingParallelEnv(**players))
