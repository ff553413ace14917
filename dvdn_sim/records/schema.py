"""What a run folder holds: its names, and its tables column by column.

::

    scenario.yaml                 the resolved scenario
    manifest.json                 versions, device, totals; of its keys this package reads ``seeds`` and ``state``
    metrics/part-000001.parquet   rows of `METRICS`
    network/part-000001.parquet   rows of `NETWORK`
    trace/part-000001.parquet     rows of `TRACE`, where a trace was asked for

The rows of a table are those of all its parts; how they were split into parts means nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Literal

import polars as pl

SCENARIO_FILE = "scenario.yaml"
KEPT_FILES = "files"  # the folder of those that a scenario needs, as `dvdn_sim.scenario` names it
MANIFEST_FILE = "manifest.json"
PART_GLOB = "part-*.parquet"  # in the folder of each table
FINISHED = "finished"  # manifest["state"] of a run that came to its end; anything else did not

ColumnType = Literal["int", "float", "text", "floats"]
_POLARS: Mapping[ColumnType, pl.DataType] = {
    "int": pl.Int64(),
    "float": pl.Float64(),
    "text": pl.String(),
    "floats": pl.List(pl.Float64()),
}


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Its name in records, reports and figures.
        type: int (64 bits), float (64 bits), text, or floats (a list of float).
        meaning: What one value says; a unit is in the name, or B for bytes.
        nullable: Whether a value may be missing, because the column does not apply to the row.
        wall_clock: Whether it measures the machine and not the simulation; such a column stays out of the digest.
    """

    name: str
    type: ColumnType
    meaning: str
    nullable: bool = False
    wall_clock: bool = False


@dataclass(frozen=True)
class Table:
    """One table: a folder of parts of this name, each with these columns in this order."""

    name: str
    columns: tuple[Column, ...]

    @cached_property
    def schema(self) -> pl.Schema:
        """The polars type of each column, in order."""
        return pl.Schema({column.name: _POLARS[column.type] for column in self.columns})

    @cached_property
    def values_of(self) -> Callable[[Mapping[str, object]], tuple[object, ...]]:
        """Takes a row by name; returns its values in the order of the columns."""
        return itemgetter(*self.schema)


METRICS = Table(
    "metrics",
    (
        Column("seed", "int", "seed of the replica"),
        Column("phase", "text", "train: a training episode; evaluation: of the team; random: of uniform play"),
        Column("env_steps", "int", "training steps of this replica's environment so far"),
        Column("updates", "int", "learner updates so far"),
        Column("episodes", "int", "training episodes that have ended"),
        Column("sim_time_s", "float", "simulated clock; null without a network", nullable=True),
        Column("bytes_sent", "int", "bytes on the wire so far, all agents; null without a network", nullable=True),
        Column("return_mean", "float", "undiscounted team sum of rewards; its mean over the episodes averaged"),
        Column("return_std", "float", "standard deviation over the episodes averaged; null for one", nullable=True),
        Column("episodes_averaged", "int", "episodes behind return_mean; 1 in training"),
        Column("episode_length", "float", "mean length of these episodes"),
        Column(
            "loss", "float", "of the last update after the episode, mean over agents; null without one", nullable=True
        ),
        Column("grad_norm", "float", "its gradient norm before clipping, largest over agents", nullable=True),
        Column("q_mean", "float", "its mean Q of the actions taken", nullable=True),
        Column("q_abs_max", "float", "its largest absolute Q of the actions taken", nullable=True),
        Column("q_sum_abs_max", "float", "its largest absolute sum of the team's Q", nullable=True),
        Column("td_abs_mean", "float", "its mean absolute local TD error, before the exchange", nullable=True),
        Column("disagreement", "float", "√(mean of ‖ω_i - mean ω‖²); null where no parameters are sent", nullable=True),
        Column("tracker_imbalance", "float", "‖Σ z + in flight - Σ g‖; null without gradient tracking", nullable=True),
        Column("tracker_in_flight", "float", "‖what is in no tracker but will be‖; null as above", nullable=True),
        Column("tracked_gradient", "float", "‖Σ g‖, to compare these with; null as above", nullable=True),
        Column("epsilon", "float", "exploration rate in the episodes averaged"),
    ),
)

MESSAGE_COUNTS = (
    Column("sent", "int", "sent; also held + late + expired + lost + in_flight"),
    Column("held", "int", "arrived whole before the receiver closed the message's round"),
    Column("late", "int", "arrived whole after that, but before the exchange ended"),
    Column("expired", "int", "arrived whole after the exchange ended, as far as the row could know"),
    Column("lost", "int", "known lost, whole or in part, for any reason"),
    Column("in_flight", "int", "still under way when the exchange closed; the manifest has their end"),
    Column("duplicates", "int", "extra arrivals, counted apart"),
)
"""What became of messages: these names, in this order, wherever they are counted; the manifest has `lost` by reason."""

NETWORK = Table(
    "network",
    (
        Column("seed", "int", "seed of the replica"),
        Column("update", "int", "learner update that the exchange belongs to, 1 for the first"),
        Column("env_steps", "int", "training steps of this replica's environment so far"),
        Column("kind", "text", "what is exchanged; td: TD errors, gt: parameters and trackers"),
        Column("rounds", "int", "K"),
        Column("sim_time_s", "float", "simulated clock when the exchange began"),
        Column("duration_s", "float", "from then until the last agent closed its last round"),
        Column("round_time_s", "floats", "how long each agent took for each round: K·N, round by round"),
        *MESSAGE_COUNTS,
        Column("bytes", "int", "on the wire, headers and every try included"),
        Column("delivered_fraction", "float", "held / sent; null if nothing was sent", nullable=True),
        Column("a_eff", "float", "weight that agents keep for themselves: 0 is VDN, 1 is IQL", nullable=True),
        Column("row_sum_error", "float", "largest |row sum − 1| of the operator A", nullable=True),
        Column("column_sum_error", "float", "largest |column sum − 1| of A: bias of the average", nullable=True),
        Column("disagreement_norm", "float", "Frobenius norm of A − 11ᵀ/N", nullable=True),
        Column("lambda_min", "float", "smallest eigenvalue of the symmetric part of A", nullable=True),
        Column("isolated_agents", "int", "agents that heard nobody in the whole exchange"),
        Column("unfinished_agents", "int", "agents that were down before they had closed their last round"),
        Column("invalid_agents", "int", "agents whose values were not finite: nobody took them in"),
        Column("deadline_s", "float", "longest wait of an agent in a round; null for no limit", nullable=True),
        Column("deadlines_fired", "int", "rounds that an agent closed without all messages of its neighbours"),
        Column("acks_sent", "int", "acknowledgements sent; null without them", nullable=True),
        Column("acks_held", "int", "acknowledgements that came in time; null without them", nullable=True),
        Column("ack_mismatch", "int", "links times rounds that one end alone counts; null without acks", nullable=True),
        Column("faults", "text", "kinds of faults under way meanwhile, by name; empty for none"),
        Column("jtd_relative_error", "float", "‖N·Aδ − 1·Σδ‖ / ‖1·Σδ‖ over the minibatch", nullable=True),
    ),
)

TRACE = Table(
    "trace",
    (
        Column("seed", "int", "seed of the replica"),
        Column("kind", "text", "td: TD errors, gt: parameters and trackers, ack: an acknowledgement"),
        Column("update", "int", "learner update that it belonged to, 1 for the first"),
        Column("round", "int", "round of the exchange, 0 for the first"),
        Column("sender", "int", "index of the agent"),
        Column("receiver", "int", "index of the agent; a broadcast is one message to each"),
        Column("sent_ns", "int", "simulated clock when it was handed over"),
        Column("bytes", "int", "payload"),
        Column("packets", "int", "how many it was cut into"),
        Column("fate", "text", "held, late, expired or lost"),
        Column("reason", "text", "why it was lost; null if it was not", nullable=True),
        Column("arrived_ns", "int", "when it was there, whole; null if it was lost", nullable=True),
    ),
)
"""Every message whose fate is known at the end; the manifest says how many were still in flight."""

TABLES = (METRICS, NETWORK)
"""The records, which the digest covers. A trace is more of the same: it changes no digest."""
