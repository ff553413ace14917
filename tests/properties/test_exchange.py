"""The exchange on the event kernel against the one without, over any graphs, links, schedules and coincidences."""

import numpy as np
import reference
from hypothesis import given, settings
from strategies import Play, plays

from dvdn_sim.network import ExchangeReport
from dvdn_sim.network.clock import Clock
from dvdn_sim.network.exchange import Exchange
from dvdn_sim.network.ledger import Ledger
from dvdn_sim.network.transport import Transport


def run(play: Play) -> tuple[list[ExchangeReport], Ledger, Clock]:
    clock, ledger = Clock(), Ledger()
    transport = Transport(play.spec, seed=play.seed, share=play.share, agent_keys=play.keys)
    reports = []
    for graphs, starts_ns in play.exchanges:
        under_way = Exchange(
            clock, transport, ledger, kind="td", graphs=graphs, size_bytes=play.size_bytes, deadline_ns=play.deadline_ns
        )
        now_ns = clock.now_ns
        reports.append(under_way.run([now_ns + ns for ns in starts_ns]))
        assert ledger.audit() == "ok"
    return reports, ledger, clock


@settings(max_examples=1000, deadline=None)
@given(plays())
def test_facts_and_times_are_those_without_a_kernel(play):
    reports, _, _ = run(play)
    for report, outcome in zip(reports, reference.play(play), strict=True):
        closed_ns, latest = reference.as_arrays(outcome)
        np.testing.assert_array_equal(report.closed_at_ns, closed_ns)
        np.testing.assert_array_equal(report.facts.latest, latest)
