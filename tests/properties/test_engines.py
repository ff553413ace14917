"""The compiled engine against SimPy: any scenario leaves equal reports, books and states, exchange by exchange."""

from dataclasses import replace

import numpy as np
import pytest
from both_engines import BothEngines, same
from hypothesis import HealthCheck, given, settings
from random_scenarios import settings_of
from small_networks import Lives, network_of, spec_of
from small_runs import SCENARIO
from soak import TIMES

import dvdn_sim
from dvdn_sim.network import SimulatedNetwork, kernel
from dvdn_sim.scenario import parse_scenario
from netmodels import LinkSpec
from netmodels.links import Bernoulli
from netmodels.streams import seed_words, stream

LOSSY = LinkSpec(rate="12 Mbit/s", delay={"kind": "normal", "mean": "2 ms", "jitter": "2 ms"}, loss="20%")

EXCHANGES = 4
ANY = settings(
    max_examples=100 * TIMES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None
)


@ANY
@given(setting=settings_of())
def test_any_scenario_is_the_same_on_both_engines(setting):
    """With acting between exchanges; halfway, each goes on from the other's state."""
    network, options = setting.network, {"n_agents": setting.n_agents, "seed": setting.seed}
    both = BothEngines(network, **options)
    assert both.compiled._compiled is not None
    for index in range(EXCHANGES):
        both.act(1)
        for kind, computing in (("td", True), ("gt", False)):
            both.exchange(
                kind, rounds=setting.rounds, size_bytes=setting.sent.size_bytes, episode=index, update=index,
                computing=computing,
            )  # fmt: skip
        compiled, simpy = both.states()
        assert compiled == simpy
        if index == EXCHANGES // 2:
            both.change_places(network, **options)
            compiled, simpy = both.states()
            assert compiled == simpy
    assert both.compiled.counters.packets == both.simpy.counters.packets
    assert both.compiled.counters.audit() == "ok"


class OwnLoss(Bernoulli):
    """A model that somebody adds."""


def test_a_model_that_somebody_adds_gets_simpy_and_is_refused_where_it_may_not():
    network = spec_of(link=LinkSpec(rate="12 Mbit/s", delay="5 ms", loss=OwnLoss("50%")))
    assert not network.compiled
    assert SimulatedNetwork(network, n_agents=2, seed=0)._compiled is None
    with pytest.raises(ValueError, match="engine: compiled does not have all models"):
        replace(network, engine="compiled")


def test_who_watches_gets_simpy_from_then_on_and_nothing_else_changes():
    watched, alone = (network_of(4, link=LOSSY, deadline=0.02, share="node") for _ in range(2))
    lives = Lives()
    for update in range(4):
        if update == 2:
            watched.watch(lives)
        both = [
            network.exchange("td", rounds=2, size_bytes=4000, episode=0, update=update) for network in (watched, alone)
        ]
        same(*both, "report")
        same(both[0].facts, both[1].facts, "facts")
    assert (watched._compiled, alone._compiled is None) == (None, False)
    assert watched.state() == alone.state()
    assert {life.update for life in lives if life.outcome == "delivered"} == {2, 3}


@pytest.mark.parametrize("seed", [0, 7, 2**62, 2**200])
def test_streams_are_numpys(seed):
    """Uniform numbers of streams by name, and where reading on stops."""
    names, ahead = [("loss", sender, 1) for sender in range(20)], 4
    length = kernel.STREAM + ahead
    net = np.zeros(kernel.NET + len(names) * length, np.int64)
    net[kernel.STREAMS], net[kernel.AHEAD] = kernel.NET, ahead
    kernel.seed(seed_words(seed, names), net, kernel.NET, length)
    for row, name in enumerate(names):
        kernel.skip(net, np.zeros(2 * kernel.MOST_AHEAD + kernel.FACTOR), row, 0, kernel.OF_CORRUPT, 100)
        generator = stream(seed, *name)
        generator.random(100)
        state = generator.bit_generator.state["state"]["state"]
        high, low = net[kernel.NET + row * length :][:2].astype(np.uint64).tolist()
        assert (high << 64) + low == state


@pytest.mark.parametrize("kind", ["dvdn", "dvdn_gt"])
def test_a_run_leaves_the_same_records_on_both_engines(tmp_path, kind):
    """Two seeds, with losses and queues; all that is recorded, the network's and the learners'."""
    changes = ["network.link.loss=40%", "network.share=node", "seeds=[3, 4]", f"algorithm.kind={kind}"]
    digests = {
        dvdn_sim.run(parse_scenario(SCENARIO, [*changes, f"network.engine={engine}"]), out=tmp_path / engine).as_json()[
            "digest"
        ]
        for engine in ("simpy", "compiled")
    }
    assert len(digests) == 1
