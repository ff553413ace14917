"""The exchange on the event kernel against the one without, over any graphs, links, schedules and coincidences."""

from collections import Counter
from itertools import accumulate

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from small_networks import exchange_of, transport_of
from strategies import MS, Play, link_specs, lossless_specs, plays

from dvdn_sim.consensus import lossless_facts
from dvdn_sim.errors import ExchangeStuckError
from dvdn_sim.network import Clock, ExchangeReport, MessageCounts, NetworkCounters

OUTCOMES = ("delivered", "late", "expired", "in_flight")


class Stage:
    """Plays on the event kernel."""

    def __init__(self, play: Play) -> None:
        self.play, self.now_ns, self.counters = play, 0, NetworkCounters()
        self.transport = transport_of(play.n_agents, seed=play.seed, link=play.spec, share=play.share)

    def run(self, after_each=lambda index: None) -> list[ExchangeReport]:
        play, reports = self.play, []
        for index, (graphs, starts_ns) in enumerate(play.exchanges):
            now_ns = self.now_ns
            exchange = exchange_of(
                Clock(now_ns), self.transport, self.counters, graphs,
                size_bytes=play.size_bytes, deadline_ns=play.deadline_ns,
            )  # fmt: skip
            reports.append(exchange.run([now_ns + ns for ns in starts_ns]))
            self.now_ns = reports[-1].ended_ns
            after_each(index)
        return reports


def counted(counts: MessageCounts) -> Counter[str]:
    return Counter({name: getattr(counts, name) for name in OUTCOMES}) + counts.lost


def expected(outcomes: list[reference.Outcome], now_ns: int) -> tuple[Counter[str], Counter[tuple[int, int, str]]]:
    """Outcomes of all messages by that time, and of packets by link, from the reference."""
    messages, packets = Counter(), Counter()
    for outcome in outcomes:
        for message, final in zip(outcome.messages, outcome.final, strict=True):
            transfer, link = message.transfer, (message.sender, message.receiver)
            if transfer.lost_reason is not None:
                messages[final] += 1
                packets.update((*link, reason or "incomplete") for reason in transfer.reason.tolist())
                continue
            fate = final if transfer.complete_ns <= now_ns else "in_flight"
            messages[fate] += 1
            packets[*link, fate] += transfer.packets
    return messages, packets


def check_counts(stage: Stage, outcomes: list[reference.Outcome]) -> None:
    """Outcomes of all messages and packets so far are those of the reference, and add up."""
    counters = stage.counters
    messages, packets = expected(outcomes, stage.now_ns)
    assert counted(counters.messages) == messages
    assert counters.messages.sent == messages.total()
    by_link = Counter()
    for (kind, sender, receiver), counts in counters.packets.items():
        assert kind == "td"
        by_link.update({(sender, receiver, fate): number for fate, number in counted(counts).items()})
        assert counts.sent == sum(number for (*link, _), number in packets.items() if link == [sender, receiver])
    assert +by_link == +packets
    copies = Counter()
    for message in (message for outcome in outcomes for message in outcome.messages):
        copies[message.sender, message.receiver] += message.transfer.duplicates
    assert {(i, j): counts.duplicates for (_, i, j), counts in counters.packets.items()} == copies
    assert counters.messages.duplicates == copies.total()
    assert counters.audit() == "ok"


@settings(max_examples=150, deadline=None)
@given(plays())
def test_facts_times_and_counts_are_those_without_a_kernel(play):
    """Of every exchange and report; counts also in between, and after everything has landed."""
    outcomes, stage, sent, wire_bytes = reference.play(play), Stage(play), [], []

    def after_each(index: int) -> None:
        check_counts(stage, outcomes[: index + 1])
        sent.append(stage.counters.messages.sent)
        wire_bytes.append(stage.counters.wire_bytes)

    reports = stage.run(after_each)
    assert sent == list(accumulate(report.messages.sent for report in reports))
    assert wire_bytes == list(accumulate(report.wire_bytes for report in reports))
    for report, outcome in zip(reports, outcomes, strict=True):
        closed_ns, latest = reference.as_arrays(outcome)
        np.testing.assert_array_equal(report.closed_at_ns, closed_ns)
        np.testing.assert_array_equal(report.facts.latest, latest)
        assert report.wire_bytes == sum(message.transfer.wire_bytes for message in outcome.messages)
        assert int(report.facts.active.sum()) == report.messages.sent == len(outcome.messages)
        assert int(report.facts.held.sum()) == report.messages.delivered
        assert expected([outcome], outcome.ended_ns)[0] == counted(report.messages)
        assert report.messages.sent - report.messages.settled == report.messages.in_flight
    last_ns = max((message.transfer.complete_ns for outcome in outcomes for message in outcome.messages), default=0)
    stage.now_ns = max(stage.now_ns, last_ns) + 1
    stage.counters.land(stage.now_ns, None)
    check_counts(stage, outcomes)
    assert stage.counters.messages.in_flight == 0


@settings(max_examples=80, deadline=None)
@given(plays(specs=lossless_specs, deadlines=st.just(None)))
def test_if_nothing_is_lost_and_all_wait_the_facts_are_the_lossless_ones(play):
    """Whatever the delays, rates, orders and starts are: they cost time only (more than invariant 2 asks)."""
    for report, (graphs, _) in zip(Stage(play).run(), play.exchanges, strict=True):
        ideal = lossless_facts(graphs)
        np.testing.assert_array_equal(report.facts.edges, ideal.edges)
        np.testing.assert_array_equal(report.facts.active, ideal.active)
        np.testing.assert_array_equal(report.facts.latest, ideal.latest)
        assert report.messages.delivered == report.messages.sent


@settings(max_examples=80, deadline=None)
@given(plays(specs=link_specs, deadlines=st.just(None)))
def test_without_a_deadline_an_exchange_ends_or_says_who_is_stuck(play):
    stage, outcomes = Stage(play), reference.play(play)
    if len(outcomes) == len(play.exchanges):
        reports = stage.run()
        assert [report.closed_at_ns.tolist() for report in reports] == [outcome.closed_ns for outcome in outcomes]
    else:
        with pytest.raises(ExchangeStuckError, match="waits in round"):
            stage.run()
        assert stage.counters.messages.lost
        assert stage.counters.messages.in_flight == 0
    assert stage.counters.audit() == "ok"


@settings(max_examples=50, deadline=None)
@given(plays(), st.integers(0, 10**7))
def test_shifting_all_starts_shifts_all_times_only(play, shift_ns):
    graphs, starts_ns = play.exchanges[0]
    times = []
    for extra_ns in (0, shift_ns):
        stage = Stage(play)
        exchange = exchange_of(
            Clock(), stage.transport, stage.counters, graphs,
            size_bytes=play.size_bytes, deadline_ns=play.deadline_ns,
        )  # fmt: skip
        report = exchange.run([ns + MS + extra_ns for ns in starts_ns])
        times.append((report.closed_at_ns - extra_ns, report.facts.latest))
    np.testing.assert_array_equal(times[0][0], times[1][0])
    np.testing.assert_array_equal(times[0][1], times[1][1])
