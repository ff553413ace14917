"""A run folder around the loop: records, manifest, audit, digest, interruption."""

import platform
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from dvdn_sim.errors import AuditError, InterruptedRun
from dvdn_sim.network import SimulatedNetwork
from dvdn_sim.records.digest import digest
from dvdn_sim.records.read import load_run
from dvdn_sim.records.schema import FINISHED
from dvdn_sim.records.signs import Signs
from dvdn_sim.records.write import RecordWriter, create_run_dir
from dvdn_sim.scenario import Scenario, resolved_yaml
from dvdn_sim.scenario.catalogue import ALGORITHMS, ENVS
from dvdn_sim.training.build import Parts, build
from dvdn_sim.training.device import device_of, one_thread
from dvdn_sim.training.environments import MakeEnv
from dvdn_sim.training.loop import Loop
from dvdn_sim.training.policies import save_policies
from dvdn_sim.training.recorder import Progress, Recorder, Tracer
from dvdn_sim.training.summary import RunSummary, summarise

FLUSH_EVERY_S = 10.0
Show = Callable[[int, int, Mapping[str, str]], None]
"""Takes environment steps done and to do, over all seeds, and what else is worth showing."""
Warn = Callable[[str], None]


def run(
    scenario: Scenario,
    *,
    device: str = "auto",
    out: Path | str | None = None,
    progress: Show | None = None,
    warn: Warn | None = None,
    trace: bool = False,
    make_env: MakeEnv | None = None,
    episode_limit: int | None = None,
) -> RunSummary:
    """Train the teams of a scenario and leave a run folder.

    Args:
        scenario: What to run.
        device: `cpu`, `cuda`, or `auto`: CUDA where there is one.
        out: The run folder, new or empty; by default runs/<name>, numbered if it exists.
        progress: Called now and then.
        warn: Is told, in a line, of every sign that the run goes wrong, when it is first seen.
        trace: Whether to write every message's life, too.
        make_env: Makes one copy of any PettingZoo ``ParallelEnv`` to train in instead of the scenario's environment.
        episode_limit: Steps after which an episode is cut; by default the environment's own limit.

    Returns:
        The closing summary.

    Raises:
        RunFolderError: `out` holds something already, or cannot be made.
        ScenarioError: The network does not fit the environment given.
        InterruptedRun: Ctrl-C; what was recorded is kept.
        AuditError: Messages sent and their fates do not add up: a bug.
        DvdnSimError: See its subclasses.
    """
    place = device_of(device)
    with one_thread():
        parts = build(scenario, device=place, make_env=make_env, episode_limit=episode_limit)
        custom = None if make_env is None else str(make_env())
        run_dir = create_run_dir(None if out is None else Path(out), scenario.name)
        writer = RecordWriter(run_dir, traced=trace)
        if trace:
            for seed, network in zip(scenario.seeds, parts.networks, strict=False):
                network.watch(Tracer(writer, seed))
        note = "" if custom is None else f"# Trained in {custom}, in place of the environment below.\n"
        writer.write_scenario(note + resolved_yaml(scenario))
        signs = Signs(lambda sign: None if warn is None else warn(str(sign)))
        session = _Session(parts, writer, _identity(scenario, place, custom), progress, signs)
        session.train(run_dir)
    return summarise(load_run(run_dir))


def _identity(scenario: Scenario, device: torch.device, custom_env: str | None) -> dict[str, object]:
    """The part of the manifest that does not change during a run."""
    kinds = {spec: kind for catalogue in (ALGORITHMS, ENVS) for kind, spec in catalogue.items()}
    return {
        "name": scenario.name,
        "seeds": list(scenario.seeds),
        "algorithm": kinds[type(scenario.algorithm)],
        "env": custom_env or kinds[type(scenario.env)],
        "device": str(device),
        "threads": torch.get_num_threads(),
        "versions": {
            name: version(name) for name in ("dvdn-sim", "torch", "numpy", "simpy", "lbforaging", "safetensors")
        }
        | {"python": platform.python_version()},
    }


@dataclass
class _Session:
    """One process's work on a run folder."""

    parts: Parts
    writer: RecordWriter
    identity: dict[str, object]
    show: Show | None
    signs: Signs
    began_s: float = field(default_factory=time.monotonic)
    flushed_s: float = field(default_factory=time.monotonic)
    stop_asked: bool = False

    def train(self, run_dir: Path) -> None:
        """Run the loop to its end and close the folder, however it ends."""
        networks = self.parts.networks
        loop = Loop(self.parts, Recorder(self.writer, self.parts.scenario.seeds, networks, self.signs), self._watch)
        self._write_manifest("running")
        try:
            with self._stop_on_interrupt():
                loop.run()
        except BaseException as error:
            with _ignoring_interrupts():
                self.writer.flush()
                self._write_manifest("interrupted" if isinstance(error, InterruptedRun) else f"failed: {error}")
            raise
        self.writer.flush()
        save_policies(run_dir, self.parts.learner, self.parts.arena.env, self.parts.scenario.seeds)
        audit = _audit(networks)
        signs = [asdict(sign) for sign in self.signs.seen]
        self._write_manifest(FINISHED, audit=audit, digest=digest(run_dir), signs=signs)
        if audit != "ok":
            raise AuditError(f"{run_dir}: {audit}")

    def _watch(self, progress: Progress) -> None:
        if self.stop_asked:
            raise InterruptedRun(f"records are kept in {self.writer.run_dir}")
        now_s = time.monotonic()
        if now_s - self.flushed_s >= FLUSH_EVERY_S:
            self.writer.flush()
            self.flushed_s = now_s
        if self.show is not None:
            training = self.parts.scenario.training
            total = training.steps * len(progress.env_steps)
            done = int(progress.env_steps.clip(max=training.steps).sum())
            self.show(done, total, self._facts(progress, now_s - self.began_s))

    def _facts(self, progress: Progress, elapsed_s: float) -> dict[str, str]:
        facts = {"return": f"{progress.last_return.mean():.2f}"}
        networks = self.parts.networks
        if networks:
            messages = [network.ledger.messages for network in networks]
            settled = sum(count.settled for count in messages)
            if settled:
                facts["delivered"] = f"{sum(count.held for count in messages) / settled:.0%}"
            facts["simulated"] = f"{sum(network.now_s for network in networks) / len(networks):.0f} s"
        facts["steps/s"] = f"{int(progress.env_steps.sum()) / max(elapsed_s, 1e-9):.0f}"
        return facts

    @contextmanager
    def _stop_on_interrupt(self) -> Iterator[None]:
        """Let the first Ctrl-C end the run after the iteration under way; a second one ends it at once."""

        def ask(signum: int, frame: FrameType | None) -> None:
            if self.stop_asked:
                signal.default_int_handler(signum, frame)
            self.stop_asked = True

        try:
            previous = signal.signal(signal.SIGINT, ask)
        except ValueError:  # not in the main thread: signals are somebody else's business
            yield
            return
        try:
            yield
        except KeyboardInterrupt:
            raise InterruptedRun(f"records are kept in {self.writer.run_dir}") from None
        finally:
            signal.signal(signal.SIGINT, previous)

    def _write_manifest(self, state: str, **results: object) -> None:
        self.writer.write_manifest(
            {
                **self.identity,
                "state": state,
                "wall_s": time.monotonic() - self.began_s,
                "messages": _messages(self.parts.networks),
                "packets": _packets(self.parts.scenario.seeds, self.parts.networks),
                "cut_for_ever": sorted({cut for network in self.parts.networks for cut in network.cut_for_ever}),
                **results,
            }
        )


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Keep an impatient Ctrl-C from losing the records that are being written."""
    try:
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _audit(networks: tuple[SimulatedNetwork, ...]) -> str:
    findings = [network.ledger.audit() for network in networks]
    return "; ".join(finding for finding in findings if finding != "ok") or "ok"


def _messages(networks: tuple[SimulatedNetwork, ...]) -> dict[str, Any] | None:
    """Message totals over all replicas; None without a network."""
    if not networks:
        return None
    counts = [network.ledger.messages for network in networks]
    totals = {name: sum(getattr(count, name) for count in counts) for name in ("sent", "held", "late", "expired")}
    lost: Counter[str] = sum((count.lost for count in counts), Counter())
    return {
        **totals,
        "lost": dict(sorted(lost.items())),
        "in_flight": sum(network.ledger.flying for network in networks),
        "duplicates": sum(count.duplicates for count in counts),
        "bytes": sum(network.ledger.wire_bytes for network in networks),
    }


def _packets(seeds: tuple[int, ...], networks: tuple[SimulatedNetwork, ...]) -> list[dict[str, object]]:
    """Packets per seed, kind and link."""
    return [
        {
            "seed": seed,
            "kind": kind,
            "sender": sender,
            "receiver": receiver,
            "sent": count.sent,
            "held": count.held,
            "late": count.late,
            "expired": count.expired,
            "lost": dict(sorted(count.lost.items())),
            "in_flight": count.in_flight,
            "duplicates": count.duplicates,
        }
        for seed, network in zip(seeds, networks, strict=False)
        for (kind, sender, receiver), count in sorted(network.ledger.packets.items())
    ]
