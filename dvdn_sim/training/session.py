"""One process's work on a run folder: training, records, checkpoints, and a folder in order however it ends."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field

from dvdn_sim.errors import AuditError, DivergedError, InterruptedRun, RunFolderError, StorageError
from dvdn_sim.interruption import Stop, stopping_when_asked, undisturbed
from dvdn_sim.records import FINISHED, HealthChecks, RecordWriter, digest, resume_command
from dvdn_sim.training.build import Parts
from dvdn_sim.training.checkpoint import Checkpoints, Warn
from dvdn_sim.training.loop import Loop
from dvdn_sim.training.manifest import audit_of, books_of
from dvdn_sim.training.policies import save_policies
from dvdn_sim.training.recorder import Progress, Recorder
from dvdn_sim.training.snapshot import first_unsound, networks_of, restore_networks, restore_tensors, tensors_of

FLUSH_EVERY_S = 10.0
Show = Callable[[int, int, Mapping[str, str]], None]
"""Takes environment steps done and to do, over all seeds, and what else is worth showing."""


@dataclass
class Session:
    """Training in one run folder.

    Attributes:
        parts: What `build` wired.
        writer: Of the run folder.
        identity: The part of the manifest that does not change.
        signs: Reads the records along.
        checkpoints: Of the run folder.
        checkpoint_every_s: Seconds from one checkpoint to the next.
        custom_env: Whether the environment was given from Python, and is none that a command can name.
        show: Is called after every iteration.
    """

    parts: Parts
    writer: RecordWriter
    identity: Mapping[str, object]
    signs: HealthChecks
    checkpoints: Checkpoints
    checkpoint_every_s: float
    custom_env: bool = False
    show: Show | None = None
    _loop: Loop = field(init=False)
    _stop: Stop = field(init=False)
    _earlier_s: float = field(init=False, default=0.0)
    """Seconds that processes before this one worked on what is kept of theirs."""
    _earlier_steps: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        recorder = Recorder(self.writer, self.parts.scenario.seeds, self.parts.networks, self.signs)
        self._loop = Loop(self.parts, recorder, self._after_iteration)
        self._began_s = self._flushed_s = self._checkpointed_s = time.monotonic()

    def go_on(self, warn: Warn) -> None:
        """Go on from the newest checkpoint that is whole, or from the beginning; drop what was recorded after it.

        Raises:
            RunFolderError: The folder is damaged: it lacks records from before the checkpoint, or holds another run's.
            OSError: The disk refuses.
        """
        found = self.checkpoints.restore(self.parts.replay, warn)
        facts, tensors = ({"parts": {}}, None) if found is None else found
        self.writer.rewind(facts["parts"])
        if tensors is None:
            return
        try:
            restore_tensors(self._loop, tensors)
            restore_networks(self.parts.networks, facts["networks"])
            self.signs.restore(facts["signs"])
            self._earlier_s, self._earlier_steps = float(facts["wall_s"]), int(sum(facts["env_steps"]))
        except (KeyError, TypeError, ValueError) as error:
            raise RunFolderError(f"{self.checkpoints.folder} is none of this run: {error}") from error

    def train(self) -> None:
        """Run the loop to its end and close the folder.

        Raises:
            InterruptedRun, DivergedError, AuditError, StorageError: The folder is in order, and says so.
        """
        with self._in_order_whatever_comes(), stopping_when_asked() as self._stop:
            with storing():
                self._write_manifest("running")
            self._loop.run()
            with undisturbed(), storing():
                self._finish()

    def _finish(self) -> None:
        run_dir, networks = self.writer.run_dir, self.parts.networks
        self.writer.flush()
        save_policies(run_dir, self.parts.learner, self.parts.arena.env, self.parts.scenario.seeds)
        audit = audit_of(networks)
        signs = [asdict(sign) for sign in self.signs.seen]
        self._write_manifest(FINISHED, audit=audit, digest=digest(run_dir), signs=signs)
        self.checkpoints.remove()
        if audit != "ok":
            raise AuditError(f"{run_dir}: {audit}")

    @contextmanager
    def _in_order_whatever_comes(self) -> Iterator[None]:
        """Keep what was recorded, and let the manifest and the error say how things stand."""
        try:
            yield
        except AuditError:
            raise
        except KeyboardInterrupt:
            self._close("interrupted")
            raise InterruptedRun(self._kept()) from None
        except InterruptedRun:
            self._close("interrupted")
            raise
        except DivergedError as error:
            self._close(f"failed: {error}")
            where = first_unsound(self._loop)
            raise DivergedError(". ".join(filter(None, (str(error), where, self._kept())))) from error
        except StorageError as error:
            self._close(f"failed: {error}")
            raise StorageError(f"{error}. {self._kept()}") from error
        except BaseException as error:
            self._close(f"failed: {type(error).__name__}: {error}")
            raise

    def _close(self, state: str) -> None:
        # What made it fail may keep this from being written, too; the folder can be read and resumed without it.
        with undisturbed(), suppress(OSError):
            self.writer.flush()
            self._write_manifest(state)

    def _kept(self) -> str:
        run_dir, latest = self.writer.run_dir, self.checkpoints.latest
        if latest is None:
            return f"Records are kept in {run_dir}; there was no checkpoint yet"
        again = resume_command(run_dir, traced=bool(self.identity["traced"]))
        again = "run(…, resume=True), with the same environment" if self.custom_env else again
        step = min(latest.facts["env_steps"])
        return f"Records and a checkpoint of step {step} are kept in {run_dir}; to go on: {again}"

    def _after_iteration(self, progress: Progress) -> None:
        now_s = time.monotonic()
        with storing():
            if self._stop.asked or now_s - self._checkpointed_s >= self.checkpoint_every_s:
                self._checkpoint()
            elif now_s - self._flushed_s >= FLUSH_EVERY_S:
                self.writer.flush()
                self._flushed_s = now_s
        if self._stop.asked:
            raise InterruptedRun(self._kept())
        if self.show is not None:
            training = self.parts.scenario.training
            total = training.steps * len(progress.env_steps)
            done = int(progress.env_steps.clip(max=training.steps).sum())
            self.show(done, total, self._facts(progress, now_s - self._began_s))

    def _checkpoint(self) -> None:
        self.writer.flush()
        facts = {
            "parts": self.writer.parts,
            "networks": networks_of(self.parts.networks),
            "signs": self.signs.state(),
            "wall_s": self._wall_s,
            "env_steps": self._loop.progress.env_steps.tolist(),
        }
        self.checkpoints.write(facts, tensors_of(self._loop), self.parts.replay)
        self._write_manifest("running")
        self._checkpointed_s = self._flushed_s = time.monotonic()

    @property
    def _wall_s(self) -> float:
        return self._earlier_s + time.monotonic() - self._began_s

    def _facts(self, progress: Progress, elapsed_s: float) -> dict[str, str]:
        facts = {"return": f"{progress.last_return.mean():.2f}"}
        networks = self.parts.networks
        if networks:
            messages = [network.counters.messages for network in networks]
            settled = sum(count.settled for count in messages)
            if settled:
                facts["delivered"] = f"{sum(count.delivered for count in messages) / settled:.0%}"
            facts["simulated"] = f"{sum(network.now_s for network in networks) / len(networks):.0f} s"
        facts["steps/s"] = f"{(int(progress.env_steps.sum()) - self._earlier_steps) / max(elapsed_s, 1e-9):.0f}"
        return facts

    def _write_manifest(self, state: str, **results: object) -> None:
        books = books_of(self.parts.scenario.seeds, self.parts.networks)
        self.writer.write_manifest({**self.identity, "state": state, "wall_s": self._wall_s, **books, **results})


@contextmanager
def storing() -> Iterator[None]:
    """Say what the disk refuses."""
    try:
        yield
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise StorageError(
            f"the disk does not take{where or ' what is recorded'}: {error.strerror or error}"
        ) from error
