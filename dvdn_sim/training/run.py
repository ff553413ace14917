"""Run a scenario in a run folder: begin there, or go on from a checkpoint, and leave it in order however it ends."""

import gc
import hashlib
import os
import platform
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from dvdn_sim.envs.adapt import BatchedParallelEnv, MakeEnv, closing
from dvdn_sim.envs.api import BatchedEnv
from dvdn_sim.errors import AuditError, DivergedError, InterruptedRun, RunFolderError, StorageError
from dvdn_sim.interruption import stopping_when_asked, undisturbed
from dvdn_sim.network import MessageCounts
from dvdn_sim.records import (
    FINISHED,
    MANIFEST_FILE,
    NO_COLUMNS,
    SCENARIO_FILE,
    HealthChecks,
    RecordWriter,
    Run,
    create_run_dir,
    digest,
    load_run,
    locked,
    resume_command,
    run_dir_to_resume,
    write_scenario,
)
from dvdn_sim.scenario import Scenario, differences, resolved_yaml
from dvdn_sim.statistics import UNBOUNDED
from dvdn_sim.training.build import RunParts, build
from dvdn_sim.training.checkpoint import Checkpoints, Warn, first_unsound, restore_tensors, tensors_of
from dvdn_sim.training.device import device_of, explaining_exhaustion, repeatable
from dvdn_sim.training.loop import Loop
from dvdn_sim.training.recorder import Progress, Recorder, Tracer
from dvdn_sim.training.summary import COLUMNS, UNREPEATED, RunSummary, summarise
from dvdn_sim.training.teams import save_policies

CHECKPOINT_EVERY_S = 60.0
FLUSH_EVERY_S = 10.0
DISTRIBUTIONS = ("dvdn-sim", "torch", "numpy", "simpy", "lbforaging", "safetensors")

Show = Callable[[int, int, Mapping[str, str]], None]
"""Takes environment steps done and to do, over all seeds, and what else is worth showing."""


def run(
    scenario: Scenario,
    *,
    device: str = "auto",
    out: Path | str | None = None,
    resume: bool = False,
    checkpoint_every_s: float = CHECKPOINT_EVERY_S,
    progress: Show | None = None,
    warn: Warn | None = None,
    trace: bool = False,
    make_env: MakeEnv | None = None,
    episode_limit: int | None = None,
) -> RunSummary:
    """Train the teams of a scenario and leave a run folder.

    A run that was interrupted or killed goes on from its last checkpoint with `resume`, and ends with the same records,
    to the bit, as if nothing had happened. A run that came to its end is returned as it is.

    Args:
        scenario: What to run.
        device: `cpu`, `cuda`, or `auto`: CUDA where there is one; or, resuming, what the run began on.
        out: The run folder, new or empty; by default runs/<name>, numbered if it exists.
        resume: Whether to go on with the run in `out`, or with the latest of runs/<name>, if there is one.
        checkpoint_every_s: Seconds from one checkpoint to the next; there is one after Ctrl-C and SIGTERM, too.
        progress: Called now and then.
        warn: Takes, in a line, every health warning when it is first seen, and what is damaged.
        trace: Whether to write every message's life, too.
        make_env: Makes one copy of any PettingZoo ``ParallelEnv`` to train in instead of the scenario's environment. It
            is called once for each copy that plays, and to go on with a run once more; all copies are closed.
        episode_limit: Steps after which an episode is cut; by default the environment's own limit.

    Raises:
        RunFolderError: `out` holds something already, or cannot be made; another process writes there; or it holds a
            run of another scenario, which the message tells apart, or a damaged one.
        ScenarioError: The network does not fit the environment given, or its replay buffer the memory.
        OutOfMemoryError: The machine, or its GPU, has no more to give.
        InterruptedRun: Ctrl-C or SIGTERM; what was recorded is kept, with a checkpoint.
        DivergedError: In every seed, a value that is not finite, or out of all bounds. A seed that diverges alone is
            a sign of the run, has no team, and enters no result.
        StorageError: The disk is full, or refuses otherwise.
        AuditError: Messages sent and what became of them do not add up: a bug.
        DvdnSimError: See its subclasses.
    """
    chosen = None if out is None else Path(out)
    with repeatable(), explaining_exhaustion(), closing(make_env) as made:
        session = Session(
            scenario, device, checkpoint_every_s, progress, warn or (lambda _: None), trace, made, episode_limit
        )
        run_dir = run_dir_to_resume(chosen, scenario.name) if resume else None
        if run_dir is not None:
            with locked(run_dir) as session.where:
                session.go_on(run_dir)
                run_dir = session.where()
        else:
            parts = session.build(device)  # what cannot be run is refused before anything is written
            run_dir = create_run_dir(chosen, scenario.name)
            with locked(run_dir) as session.where:
                session.begin(run_dir, parts)
                run_dir = session.where()
            del parts
        del session
        gc.collect()  # session and loop hold each other, and all that was trained with
        return summarise(load_run(run_dir, COLUMNS), UNBOUNDED if make_env else scenario.env.returns_within)


@dataclass
class Session:
    """One process's work on a run: training, records and checkpoints in its folder. Fields are those of `run`."""

    scenario: Scenario
    device: str = "auto"
    checkpoint_every_s: float = CHECKPOINT_EVERY_S
    show: Show | None = None
    warn: Warn = print
    trace: bool = False
    make_env: MakeEnv | None = None
    episode_limit: int | None = None
    parts: RunParts = field(init=False)
    writer: RecordWriter = field(init=False)
    checkpoints: Checkpoints = field(init=False)
    where: Callable[[], Path] | None = None
    """Tells where the folder is, if somebody may rename it."""
    _earlier_s: float = field(init=False, default=0.0)
    """Seconds that processes before this one worked on what is kept of theirs."""
    _earlier_steps: int = field(init=False, default=0)
    _earlier_starts: list[object] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._played_in: dict[str, object] = {"env": self.scenario.env.kind}
        self._unrepeated: dict[str, str] = {}
        self._files: dict[str, bytes] = {}
        self._text = resolved_yaml(self.scenario, self._files)
        self._start = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": _command(),
            "commit": _commit(),
        }
        self._versions = {name: version(name) for name in DISTRIBUTIONS} | {"python": platform.python_version()}

    def build(self, device: str) -> RunParts:
        """Wire all parts."""
        return build(self.scenario, device=device_of(device), make_env=self.make_env, episode_limit=self.episode_limit)

    def begin(self, run_dir: Path, parts: RunParts) -> None:
        """Run from the beginning, in an empty folder."""
        note = self._identify(parts.train_envs.env)
        with storing():
            files = write_scenario(run_dir, note + self._text, self._files)
        self.open(run_dir, parts)
        self.writer.keep(files)
        self.train()

    def go_on(self, run_dir: Path) -> None:
        """Run from the last checkpoint, if the folder has one, and not at all if the run is over."""
        begun = any((run_dir / name).exists() for name in (SCENARIO_FILE, MANIFEST_FILE))
        earlier = load_run(run_dir, NO_COLUMNS) if begun else None
        if earlier is not None and not earlier.manifest:
            _refuse_another(earlier, self._text, {})
        if earlier is None or not earlier.manifest:  # killed as it began
            self.begin(run_dir, self.build(self.device))
            return
        device = str(earlier.manifest.get("device", self.device)) if self.device == "auto" else self.device
        if self.make_env is not None:
            self._identify(BatchedParallelEnv(self.make_env, [0], self.episode_limit))
        _refuse_another(earlier, self._text, self._played_in | {"device": device, "traced": self.trace})
        starts = earlier.manifest.get("starts")
        self._earlier_starts = starts if isinstance(starts, list) else []
        if earlier.finished:
            Checkpoints(run_dir).remove()  # if the process was killed before it came to that
            return
        self.open(run_dir, self.build(device))
        _warn_of_versions(earlier, self._versions, self.warn)
        with storing():
            self.restore()
        self.train()

    def _identify(self, env: BatchedEnv[Any]) -> str:
        """Keep, for the manifest, which environment of Python's is played in; return what the scenario's file says."""
        if self.make_env is None or not isinstance(env, BatchedParallelEnv):
            return ""
        self._played_in = {"env": env.name, "env_identity": list(env.identity)}
        if unrepeated := env.unrepeated():
            self._unrepeated = {"env_unrepeated": unrepeated}
            self.warn(f"{env.name} does not repeat itself, nor will this run: {UNREPEATED.format(unrepeated)}")
        return f"# Trained in {env.name}, in place of the environment below.\n"

    def open(self, run_dir: Path, parts: RunParts) -> None:
        """Prepare to work in a folder, with parts as they are built."""
        self.parts = parts
        with storing():
            self.writer = RecordWriter(run_dir, traced=self.trace)
        if self.trace:
            for seed, network in zip(self.scenario.seeds, parts.networks, strict=False):
                network.watch(Tracer(self.writer, seed))
        self.checkpoints = Checkpoints(run_dir, hashlib.sha256(self._text.encode()).hexdigest())
        self._checks = HealthChecks(lambda warning: self.warn(str(warning)))
        recorder = Recorder(self.writer, self.scenario.seeds, parts.networks, self._checks)
        self._loop = Loop(parts, recorder, self._after_iteration)
        self._began_s = self._flushed_s = self._checkpointed_s = time.monotonic()

    def restore(self) -> None:
        """Go on from the newest checkpoint that is whole, or from the beginning; drop what was recorded after it.

        Raises:
            RunFolderError: The folder is damaged: it lacks records from before the checkpoint, or holds another run's.
            OSError: The disk refuses.
        """
        found = self.checkpoints.restore(self.parts.replay, self.warn)
        facts, tensors = ({"parts": {}}, None) if found is None else found
        self.writer.rewind(facts["parts"])
        if tensors is None:
            return
        try:
            restore_tensors(self._loop, tensors)
            for network, state in zip(self.parts.networks, facts["networks"], strict=True):
                network.restore(state)
            self._checks.restore(facts["signs"])
            self._earlier_s, self._earlier_steps = float(facts["wall_s"]), int(sum(facts["env_steps"]))
        except (KeyError, TypeError, ValueError) as error:
            raise RunFolderError(f"{self.checkpoints.folder} does not belong to this run: {error}") from error

    def train(self) -> None:
        """Run the loop to its end and close the folder.

        Raises:
            InterruptedRun, DivergedError, AuditError, StorageError: The folder is in order, and says so.
        """
        with self._in_order_whatever_comes(), stopping_when_asked() as self._stop:
            with storing():
                self._flush("running")
            self._loop.run()
            with undisturbed(), storing():
                self._finish()

    def _finish(self) -> None:
        self._flush("running")  # the digest is that of what is listed
        run_dir, networks = self.writer.run_dir, self.parts.networks
        fallen = self._loop.progress.fallen
        teams = {seed: row for row, seed in enumerate(self.scenario.seeds) if not fallen[row]}
        self.writer.keep(save_policies(run_dir, self.parts.learner, self.parts.train_envs.env, teams))
        audits = (network.counters.audit() for network in networks)
        audit = "; ".join(found for found in audits if found != "ok") or "ok"
        signs = [asdict(warning) for warning in self._checks.seen]
        ended: dict[str, object] = {"audit": audit, "digest": digest(run_dir), "signs": signs}
        if fallen.any():
            ended |= {"seeds": list(teams), "fallen": [seed for seed in self.scenario.seeds if seed not in teams]}
        self._flush(FINISHED, **ended)
        self.checkpoints.remove()
        if audit != "ok":
            raise AuditError(f"{run_dir}: {audit}")

    @contextmanager
    def _in_order_whatever_comes(self) -> Iterator[None]:
        """Keep what was recorded, and let the manifest and the error say how things are."""
        try:
            yield
        except AuditError:
            raise
        except (KeyboardInterrupt, InterruptedRun):
            self._close("interrupted")
            raise InterruptedRun(self._kept()) from None
        except (DivergedError, StorageError) as error:
            self._close(f"failed: {error}")
            where = first_unsound(self._loop) if isinstance(error, DivergedError) else ""
            raise type(error)(". ".join(filter(None, (str(error), where, self._kept())))) from error
        except BaseException as error:
            self._close(f"failed: {type(error).__name__}: {error}")
            raise

    def _close(self, state: str) -> None:
        # What made it fail may keep this from being written, too; the folder can be read and resumed without it.
        with undisturbed(), suppress(OSError):
            self._flush(state)

    def _kept(self) -> str:
        run_dir, latest = self.writer.run_dir, self.checkpoints.latest
        if latest is None:
            return f"Records are kept in {run_dir}; there was no checkpoint yet"
        again = "run(…, resume=True), with the same environment"
        if self.make_env is None:
            again = resume_command(run_dir, traced=self.trace)
        step = min(latest.facts["env_steps"])
        return f"Records and a checkpoint of step {step} are kept in {run_dir}; to go on: {again}"

    def _after_iteration(self, progress: Progress) -> None:
        now_s = time.monotonic()
        with storing():
            if self._stop.asked or now_s - self._checkpointed_s >= self.checkpoint_every_s:
                self.checkpoint()
            elif now_s - self._flushed_s >= FLUSH_EVERY_S:
                self._flush("running")
                self._flushed_s = now_s
        if self._stop.asked:
            raise InterruptedRun
        if self.show is not None:
            training = self.scenario.training
            total = training.steps * len(progress.env_steps)
            done = int(progress.env_steps.clip(max=training.steps).sum())
            self.show(done, total, self._facts(progress, now_s - self._began_s))

    def checkpoint(self) -> None:
        """Write records and a checkpoint.

        Raises:
            OSError: The disk refuses.
        """
        self._flush("running")
        facts = {
            "parts": self.writer.parts,
            "networks": [network.state() for network in self.parts.networks],
            "signs": self._checks.state(),
            "wall_s": self._wall_s,
            "env_steps": self._loop.progress.env_steps.tolist(),
        }
        self.checkpoints.write(facts, tensors_of(self._loop), self.parts.replay)
        self._checkpointed_s = self._flushed_s = time.monotonic()

    @property
    def _wall_s(self) -> float:
        return self._earlier_s + time.monotonic() - self._began_s

    def _facts(self, progress: Progress, elapsed_s: float) -> dict[str, str]:
        facts = {"return": f"{progress.last_return.mean():.2f}"}
        networks = self.parts.networks
        if networks:
            messages = [network.counters.messages for network in networks]
            if settled := sum(each.settled for each in messages):
                facts["held in time"] = f"{sum(each.delivered for each in messages) / settled:.0%}"
            facts["simulated"] = f"{sum(network.now_s for network in networks) / len(networks):.0f} s"
        facts["steps/s"] = f"{(int(progress.env_steps.sum()) - self._earlier_steps) / max(elapsed_s, 1e-9):.0f}"
        return facts

    def _flush(self, state: str, **results: object) -> None:
        """Write what was recorded, and a manifest: who works on what, how far it is, and the networks' totals."""
        if self.where is not None and (run_dir := self.where()) != self.writer.run_dir:
            self.warn(f"{self.writer.run_dir} was moved to {run_dir}, where the run goes on")
            self.writer.run_dir = run_dir
            self.checkpoints.move(run_dir)
        self._loop.recorder.settle()
        seeds, networks = self.scenario.seeds, self.parts.networks
        messages = sum((network.counters.messages for network in networks), MessageCounts()).as_json()
        wire_bytes = sum(network.counters.wire_bytes for network in networks)
        self.writer.flush(
            {
                "name": self.scenario.name,
                "seeds": list(seeds),
                "algorithm": self.scenario.algorithm.kind,
                **self._played_in,
                **self._unrepeated,
                "device": str(self.parts.train_envs.device),
                "threads": torch.get_num_threads(),
                "traced": self.trace,
                "versions": self._versions,
                "starts": [*self._earlier_starts, self._start],
                "process": {"host": socket.gethostname(), "pid": os.getpid()},
                "state": state,
                "wall_s": self._wall_s,
                "messages": messages | {"bytes": wire_bytes} if networks else None,
                "packets": [
                    {"seed": seed, "kind": kind, "sender": sender, "receiver": receiver, **counts.as_json()}
                    for seed, network in zip(seeds, networks, strict=False)
                    for (kind, sender, receiver), counts in sorted(network.counters.packets.items())
                ],
                "cut_for_ever": sorted({cut for network in networks for cut in network.cut_for_ever}),
                **results,
            }
        )


def _command() -> str:
    """Return the command line of this process, for a shell."""
    return shlex.join([Path(each).name if number == 0 else each for number, each in enumerate(sys.argv)])


@cache
def _commit() -> str | None:
    """Return the commit of this program, ``-dirty`` where files were changed; None if it is not run from a checkout."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    words = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=10.0, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None


def _refuse_another(earlier: Run, text: str, asked: Mapping[str, object]) -> None:
    """Refuse to go on with a run of another scenario, or of other values in its manifest.

    Raises:
        RunFolderError: Something changed; the message tells what.
    """
    try:
        changed = differences(earlier.scenario, text)
    except ValueError as error:
        raise RunFolderError(f"{earlier.path / SCENARIO_FILE} is damaged: {error}") from error
    for name, value in asked.items():
        before = earlier.manifest.get(name, value)
        if isinstance(before, list) and isinstance(value, list):
            changed += [f"{line} before" for line in before if line not in value]
            changed += [f"{line} now" for line in value if line not in before]
        elif before != value:
            changed.append(f"{name}: {before} before, {value} now")
    if changed:
        lines = "".join(f"\n  {line}" for line in changed)
        raise RunFolderError(f"{earlier.path} holds another run; the same scenario, or another folder, expected{lines}")


def _warn_of_versions(earlier: Run, now: Mapping[str, str], warn: Warn) -> None:
    """Warn of what might make the bits differ from those of an uninterrupted run."""
    before = earlier.manifest.get("versions", {})
    if isinstance(before, dict) and before:
        changed = [
            f"{name} {before.get(name)} before, {its} now" for name, its in now.items() if before.get(name) != its
        ]
        if changed:
            warn(f"the rest of this run may differ from an uninterrupted one to the last bit: {', '.join(changed)}")


@contextmanager
def storing() -> Iterator[None]:
    """Turn what the disk refuses into a `StorageError`."""
    try:
        yield
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise StorageError(f"the disk refuses{where or ' what is recorded'}: {error.strerror or error}") from error
