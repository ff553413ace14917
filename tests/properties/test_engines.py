"""The compiled engine against SimPy: any scenario leaves equal reports, books and states, exchange by exchange."""

from both_engines import BothEngines
from hypothesis import HealthCheck, given, settings
from random_scenarios import settings_of
from soak import TIMES

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
