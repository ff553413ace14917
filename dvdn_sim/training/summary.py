"""What a run found: computed from its folder alone, for people (text) and for programs (JSON)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from dvdn_sim.records import Columns, Run
from dvdn_sim.statistics import UNBOUNDED, Bounds, best_checkpoint, estimate
from dvdn_sim.wording import plural, thousands, time_text

Json = dict[str, Any]
COLUMNS: Columns = {
    "metrics": ("seed", "phase", "env_steps", "updates", "sim_time_s", "return_mean"),
    "network": (
        "seed", "kind", "round_time_s", "deadlines_fired", "acks_sent", "acks_held", "ack_mismatch", "faults",
        "a_eff", "jtd_relative_error", "column_sum_error", "disagreement_norm", "isolated_agents",
    ),
}  # fmt: skip
"""All that a summary needs of the records: a third of what they take in memory."""
UNREPEATED = (
    "{} is another after a second `reset` with the same seed; whatever is random should come from a generator that "
    "`reset` makes of its seed"
)
"""What is told of an environment whose seed does not name an episode."""


@dataclass(frozen=True)
class RunSummary:
    """The closing summary of a run: `values` are what `dvdn-sim run --json` prints, key by key."""

    values: Json

    def as_json(self) -> Json:
        """Return the object that `dvdn-sim run --json` prints."""
        return self.values

    def text(self) -> str:
        """Return the same for people."""
        return "\n".join(_lines(self.values))


def score(per_seed: npt.NDArray[np.float64], within: Bounds = UNBOUNDED) -> Json:
    """Mean, interquartile mean and its 95 % interval over seeds (None for a single seed), within bounds."""
    middle = estimate([per_seed], within=within)
    return {
        "per_seed": per_seed.tolist(),
        "mean": float(per_seed.mean()),
        "iqm": middle.value,
        "ci95": None if middle.interval is None else list(middle.interval),
    }


def summarise(run: Run, within: Bounds = UNBOUNDED) -> RunSummary:
    """Summarise a run from its folder.

    Args:
        within: What a return cannot be below, and above.
        run: With `COLUMNS`, and a manifest that names what no record holds: versions, device, totals, audit, digest.
    """
    manifest = run.manifest
    evaluations = run.metrics.filter(phase="evaluation")
    curves = [evaluations.filter(seed=seed).sort("env_steps") for seed in run.seeds]
    final = np.array([curve["return_mean"][-1] for curve in curves])
    random = run.metrics.filter(phase="random")["return_mean"]
    own = pl.col("seed").is_in(run.seeds)  # and not of those that have fallen
    trained = (
        run.metrics.filter(own, phase="train").group_by("seed").agg(pl.col("env_steps", "updates", "sim_time_s").max())
    )
    wall_s = float(manifest["wall_s"])  # type: ignore[arg-type]
    env_steps = int(trained["env_steps"].sum())
    sim_time_s = trained["sim_time_s"].mean()
    return RunSummary(
        {
            "name": manifest["name"],
            "run_dir": str(run.path),
            "seeds": list(run.seeds),
            "algorithm": manifest["algorithm"],
            **{name: manifest[name] for name in ("env", "env_unrepeated") if name in manifest},
            "device": manifest["device"],
            "env_steps": round(env_steps / len(run.seeds)),
            "updates": round(float(trained["updates"].mean())),  # type: ignore[arg-type]
            "wall_s": wall_s,
            "env_steps_per_s": env_steps / wall_s,
            "random_return": float(random.mean()),  # type: ignore[arg-type]
            "first_return": [float(curve["return_mean"][0]) for curve in curves],
            "return": score(final, within),
            "best_return": score(_best(curves), within),
            "sim_time_s": sim_time_s,
            "network": _network(run),
            "consensus": _consensus(run.network.filter(own)),
            "signs": manifest.get("signs", []),
            "audit": manifest["audit"],
            "digest": manifest["digest"],
        }
    )


def _best(curves: list[pl.DataFrame]) -> npt.NDArray[np.float64]:
    """Every seed's return at the one checkpoint that is best on average over seeds: the paper's protocol."""
    shared = min(len(curve) for curve in curves)
    return best_checkpoint(np.array([curve["return_mean"].to_numpy()[:shared] for curve in curves])).per_seed


def _network(run: Run) -> Json | None:
    """Totals of the run, from the ledgers; round times, from the records."""
    messages: Any = run.manifest["messages"]
    if messages is None:
        return None
    round_times = run.network["round_time_s"].explode().drop_nulls()
    p50, p99 = (round_times.quantile(q, "linear") for q in (0.5, 0.99)) if len(round_times) else (None, None)
    sent = messages["sent"]
    return {
        **messages,
        "delivered_fraction": messages["held"] / sent if sent else None,
        "round_time_s": {"p50": p50, "p99": p99},
        "deadlines_fired": int(run.network["deadlines_fired"].sum()),
        "acks": _acks(run.network),
        "faults": _faults(run.network),
        "cut_for_ever": run.manifest["cut_for_ever"],
    }


def _acks(network: pl.DataFrame) -> Json | None:
    """Totals of acknowledgements; None where there are none."""
    if network.is_empty() or network["acks_sent"].null_count():
        return None
    totals = network.select("acks_sent", "acks_held", "ack_mismatch").sum().row(0)
    return dict(zip(("sent", "held", "mismatch"), totals, strict=True))


def _faults(network: pl.DataFrame) -> dict[str, int]:
    """In how many exchanges each kind of fault was under way."""
    kinds = network["faults"].str.split(", ").explode()
    counts = kinds.filter(kinds != "").value_counts().sort("faults")
    return dict(counts.iter_rows())


def _consensus(network: pl.DataFrame) -> Json | None:
    """Means over all exchanges of TD errors of all seeds; None where none are exchanged."""
    errors = network.filter(pl.col("kind") == "td")
    if errors.is_empty():
        return None
    names = ("a_eff", "jtd_relative_error", "column_sum_error", "disagreement_norm", "isolated_agents")
    return {name: errors[name].mean() for name in names}


def _lines(values: Mapping[str, Any]) -> list[str]:
    found, best = values["return"], values["best_return"]
    seeds = ", ".join(f"{value:.2f}" for value in found["per_seed"])
    first = ", ".join(f"{value:.2f}" for value in values["first_return"])
    steps, fallen = thousands(values["env_steps"]), sum(sign["name"] == "diverged" for sign in values["signs"])
    count = plural(len(values["seeds"]), "seed") + (f" ({fallen} more diverged)" if fallen else "")
    lines = [
        f"{values['name']}: {values['algorithm']} on {values['env']}, {count}, "
        f"{steps} steps each, {values['wall_s']:.0f} s on {values['device']} ({values['env_steps_per_s']:.0f} steps/s)",
        f"  return     {found['mean']:.2f} at the end (per seed {seeds}), {best['mean']:.2f} at the best checkpoint",
        f"             before training {first}; of a random team {values['random_return']:.2f}",
    ]
    if not values["updates"]:
        lines.append(
            "  training   no update: too few episodes for a minibatch (`training.batch`); teams are as they began"
        )
    if "env_unrepeated" in values:
        lines.append(f"  repeating  no: {UNREPEATED.format(values['env_unrepeated'])}")
    network, consensus = values["network"], values["consensus"]
    if network is not None and network["sent"]:
        lost = ", ".join(f"{count} {reason}" for reason, count in network["lost"].items())
        p50, p99 = (time_text(network["round_time_s"][name]) for name in ("p50", "p99"))
        lines += [
            f"  messages   {network['sent']} sent, {network['delivered_fraction']:.1%} held in time, "
            f"{network['late'] + network['expired']} late, lost: {lost or 'none'}",
            f"  network    {network['bytes'] / 1e6:.1f} MB on the wire, a round took {p50} (median; {p99} at 99%),"
            f" {values['sim_time_s']:.0f} s simulated",
        ]
        lines += _trouble(network)
    if consensus is not None:
        lines.append(
            f"  consensus  a_eff {consensus['a_eff']:.3f} (0 is VDN, 1 is independent learning), error about the true"
            f" JTD {consensus['jtd_relative_error']:.0%}"
        )
    lines += [
        f"  sign       seed {sign['seed']}: {sign['message']}; likely: {sign['cause']}" for sign in values["signs"]
    ]
    return [
        *lines,
        f"  audit      {values['audit']}",
        f"  records    {values['run_dir']}  digest {values['digest'][:16]}",
    ]


def _trouble(network: Mapping[str, Any]) -> list[str]:
    """What the network suffered from beside loss, in lines."""
    lines, acks = [], network["acks"]
    if acks is not None:
        lines.append(
            f"  acks       {acks['sent']} sent, {acks['held'] / max(acks['sent'], 1):.1%} held in time;"
            f" {plural(acks['mismatch'], 'time')} one end counted a link and the other did not"
        )
    if network["faults"]:
        said = ", ".join(f"{kind} in {plural(count, 'exchange')}" for kind, count in network["faults"].items())
        lines.append(f"  faults     {said}")
    lines += [f"  for ever   {cut}" for cut in network["cut_for_ever"]]
    return lines
