"""The trace tells every message's life, adds up to the ledger, and changes nothing else; diagnostics by hand."""

from collections import Counter

import polars as pl
import pytest

import dvdn_sim
from dvdn_sim.network import MessageLife
from dvdn_sim.records import TRACE, digest
from dvdn_sim.training import run, summarise

FAULTS = "network.faults=[{kind: crash, node: 1, at: 3 s, for: 2 s}, {kind: one_way, edge: [0, 1], at: 6 s}]"
ACKED = ("network.acks=true", "network.ack_deadline=5 ms", "algorithm.consensus={rounds: 2, policy: symmetric}")


@pytest.fixture(scope="module")
def traced(tiny, lossy, tmp_path_factory):
    """A run over a bad network, and its folder."""
    out = tmp_path_factory.mktemp("trace") / "traced"
    run(tiny(*lossy, *ACKED, FAULTS, "training.steps=200"), out=out, trace=True)
    return dvdn_sim.load_run(out)


def test_rows_add_up_to_the_ledger(traced):
    """By seed, link, kind and fate: in messages over all, in packets per link."""
    trace, manifest = traced.trace, traced.manifest
    fates = Counter(trace["fate"])
    reasons = Counter(trace["reason"].drop_nulls())
    messages = manifest["messages"]
    assert (fates["held"], fates["late"], fates["expired"]) == tuple(messages[k] for k in ("held", "late", "expired"))
    assert reasons == messages["lost"]
    assert trace.height + messages["in_flight"] == messages["sent"]
    packets = trace.group_by("seed", "kind", "sender", "receiver", "fate").agg(pl.col("packets").sum())
    held = {row[:4]: row[5] for row in packets.iter_rows() if row[4] == "held"}
    assert held == {
        (link["seed"], link["kind"], link["sender"], link["receiver"]): link["held"]
        for link in manifest["packets"]
        if link["held"]
    }


def test_rows_agree_with_the_records_of_the_exchanges(traced):
    """An update's TD messages that were held, by seed and update: held and late as the network table has them."""
    of_update = traced.trace.filter(kind="td").group_by("seed", "update").agg((pl.col("fate") == "held").sum())
    joined = traced.network.join(of_update, on=["seed", "update"])
    assert joined.height == traced.network.height > 10
    assert (joined["held"] == joined["fate"]).all()
    td = traced.trace.filter(kind="td")
    assert td["round"].unique().sort().to_list() == [0, 1]
    arrived = td.filter(pl.col("fate") != "lost")
    assert (arrived["arrived_ns"] > arrived["sent_ns"]).all()
    assert td.filter(fate="lost")["arrived_ns"].null_count() == td.filter(fate="lost").height


def test_a_trace_changes_nothing_else(traced, tiny, lossy, tmp_path):
    scenario = tiny(*lossy, *ACKED, FAULTS, "training.steps=200")
    run(scenario, out=tmp_path / "plain")
    plain = dvdn_sim.load_run(tmp_path / "plain")
    assert not (tmp_path / "plain" / "trace").exists()
    assert plain.trace.is_empty()
    assert plain.trace.columns == traced.trace.columns
    assert digest(tmp_path / "plain") == digest(traced.path) == traced.manifest["digest"]


def test_many_messages_go_to_parts_before_memory_fills(tiny, lossy, tmp_path, monkeypatch):
    monkeypatch.setattr("dvdn_sim.records.write.MAX_ROWS_WAITING", 50)
    run(tiny(*lossy, "training.steps=200"), out=tmp_path / "run", trace=True)
    assert len(list((tmp_path / "run" / "trace").glob("part-*.parquet"))) >= 3
    found = dvdn_sim.load_run(tmp_path / "run")
    assert found.trace.height + found.manifest["messages"]["in_flight"] == found.manifest["messages"]["sent"]


def test_columns_are_those_of_a_message_and_the_seed():
    """The column of the outcome is called `fate`."""
    fields = ["fate" if name == "outcome" else name for name in MessageLife._fields]
    assert [column.name for column in TRACE.columns] == ["seed", *fields]


def test_diagnostics_of_a_crash_by_hand(tiny, tmp_path):
    """Complete graph of three, one round, nothing lost; agent 1 is down from 3 s to 5 s and misses what is sent then.

    While it is down the other two wait 50 ms for it in vain; nothing that they send to it arrives.
    """
    changes = ("seeds=[0]", "network.topology={kind: complete}", "network.deadline=50 ms")
    crash = "network.faults=[{kind: crash, node: 1, at: 3 s, for: 2 s}]"
    run(tiny(*changes, crash), out=tmp_path / "run")
    network = dvdn_sim.load_run(tmp_path / "run").network
    down = network.filter(pl.col("faults") == "crash")
    assert 1 <= down.height < network.height
    expected = {"unfinished_agents": 1, "deadlines_fired": 2, "sent": 4, "held": 2, "isolated_agents": 1}
    for name, value in expected.items():
        assert down[name].unique().to_list() == [value], name
    healthy = network.filter(pl.col("faults").str.len_chars() == 0)
    expected = {"unfinished_agents": 0, "deadlines_fired": 0, "sent": 6, "held": 6, "isolated_agents": 0}
    for name, value in expected.items():
        assert healthy[name].unique().to_list() == [value], name
    assert network["deadline_s"].unique().to_list() == [0.05]
    assert network["acks_sent"].null_count() == network.height
    assert network["invalid_agents"].sum() == 0


def test_diagnostics_of_acknowledgements_by_hand(tiny, tmp_path):
    """Two links 0-1, 1-2; 0 never hears 1: so 0 tells 1 that it heard nothing, and neither end counts the link."""
    changes = ("seeds=[0]", "network.topology={kind: path}", "network.deadline=50 ms", "network.acks=true")
    one_way = "network.other_links=[{edge: [1, 0], one_way: true, link: {loss: 100%}}]"
    summary = run(tiny(*changes, one_way, "algorithm.consensus.policy=symmetric"), out=tmp_path / "run")
    network = dvdn_sim.load_run(tmp_path / "run").network
    expected = {"sent": 4, "held": 3, "acks_sent": 4, "acks_held": 3, "ack_mismatch": 0, "deadlines_fired": 1}
    for name, value in expected.items():
        assert network[name].unique().to_list() == [value], name
    acks = summary.as_json()["network"]["acks"]
    assert acks == {"sent": 4 * network.height, "held": 3 * network.height, "mismatch": 0}
    assert f"acks       {4 * network.height} sent, 75.0% held in time" in summary.text()


def test_what_is_cut_for_ever_and_what_failed_is_in_the_summary(traced):
    summary = summarise(traced)
    text = summary.text()
    assert "  for ever   from 6 s: the link from agent 0 to 1 goes down, one way" in text
    assert "faults     crash in " in text
    found = summary.as_json()["network"]
    exchanges = traced.network
    for kind in ("crash", "one_way"):
        assert found["faults"][kind] == exchanges.filter(pl.col("faults").str.contains(kind)).height > 0
    assert found["deadlines_fired"] == exchanges["deadlines_fired"].sum()
