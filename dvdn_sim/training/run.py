"""Running a scenario: a new run folder, or one to go on in."""

import gc
from dataclasses import dataclass
from pathlib import Path

import torch

from dvdn_sim.records import (
    NO_COLUMNS,
    SCENARIO_FILE,
    HealthChecks,
    RecordWriter,
    create_run_dir,
    load_run,
    locked,
    run_dir_to_resume,
    write_scenario,
)
from dvdn_sim.scenario import Scenario, resolved_yaml
from dvdn_sim.training.build import Parts, build
from dvdn_sim.training.checkpoint import Checkpoints, Warn
from dvdn_sim.training.device import device_of, explaining_exhaustion, repeatable
from dvdn_sim.training.environments import MakeEnv
from dvdn_sim.training.manifest import identity_of
from dvdn_sim.training.recorder import Tracer
from dvdn_sim.training.resumption import check_same, warn_of_versions
from dvdn_sim.training.session import Session, Show, storing
from dvdn_sim.training.summary import COLUMNS, RunSummary, summarise

CHECKPOINT_EVERY_S = 60.0


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
        warn: Is told, in a line, of every sign that the run goes wrong, when it is first seen, and of what is damaged.
        trace: Whether to write every message's life, too.
        make_env: Makes one copy of any PettingZoo ``ParallelEnv`` to train in instead of the scenario's environment.
        episode_limit: Steps after which an episode is cut; by default the environment's own limit.

    Returns:
        The closing summary.

    Raises:
        RunFolderError: `out` holds something already, or cannot be made; another process writes there; or it holds a
            run of another scenario, which the message tells apart, or a damaged one.
        ScenarioError: The network does not fit the environment given, or its replay buffer the memory.
        OutOfMemoryError: The machine, or its GPU, has no more to give.
        InterruptedRun: Ctrl-C or SIGTERM; what was recorded is kept, with a checkpoint.
        DivergedError: A value that is not finite, or out of all bounds.
        StorageError: The disk is full, or refuses otherwise.
        AuditError: Messages sent and their fates do not add up: a bug.
        DvdnSimError: See its subclasses.
    """
    asked = _Asked(scenario, device, checkpoint_every_s, progress, warn or _nobody, trace, make_env, episode_limit)
    chosen = None if out is None else Path(out)
    with repeatable(), explaining_exhaustion():
        run_dir = _trained(asked, chosen, run_dir_to_resume(chosen, scenario.name) if resume else None)
        gc.collect()  # session and loop hold each other, and all that was trained with
        return summarise(load_run(run_dir, COLUMNS))


def _trained(asked: "_Asked", chosen: Path | None, to_resume: Path | None) -> Path:
    """The folder of the run, which is over."""
    if to_resume is not None:
        with locked(to_resume):
            asked.go_on(to_resume)
        return to_resume
    parts = asked.build(asked.device)  # what cannot be run is refused before anything is written
    run_dir = create_run_dir(chosen, asked.scenario.name)
    with locked(run_dir):
        asked.begin(run_dir, parts)
    return run_dir


@dataclass(frozen=True)
class _Asked:
    """What `run` was asked for, its folder left aside."""

    scenario: Scenario
    device: str
    checkpoint_every_s: float
    show: Show | None
    warn: Warn
    trace: bool
    make_env: MakeEnv | None
    episode_limit: int | None

    @property
    def custom_env(self) -> str | None:
        """Name of the environment that stands in for the scenario's."""
        return None if self.make_env is None else str(self.make_env())

    @property
    def text(self) -> str:
        """The scenario as the folder keeps it."""
        custom = self.custom_env
        note = "" if custom is None else f"# Trained in {custom}, in place of the environment below.\n"
        return note + resolved_yaml(self.scenario)

    def build(self, device: str) -> Parts:
        """All parts."""
        return build(self.scenario, device=device_of(device), make_env=self.make_env, episode_limit=self.episode_limit)

    def begin(self, run_dir: Path, parts: Parts) -> None:
        """Run from the beginning, in an empty folder."""
        with storing():
            write_scenario(run_dir, self.text)
        self._session(run_dir, parts).train()

    def go_on(self, run_dir: Path) -> None:
        """Run from the last checkpoint, if the folder has one, and not at all if the run is over."""
        earlier = load_run(run_dir, NO_COLUMNS) if (run_dir / SCENARIO_FILE).exists() else None
        if earlier is None:  # killed as it began
            self.begin(run_dir, self.build(self.device))
            return
        device = str(earlier.manifest.get("device", self.device)) if self.device == "auto" else self.device
        env = identity_of(self.scenario, torch.device(device), custom_env=self.custom_env, traced=self.trace)["env"]
        check_same(earlier, self.text, {"env": env, "device": device, "traced": self.trace})
        if earlier.finished:
            Checkpoints(run_dir).remove()  # if the process was killed before it came to that
            return
        session = self._session(run_dir, self.build(device))
        warn_of_versions(earlier, session.identity, self.warn)
        with storing():
            session.go_on(self.warn)
        session.train()

    def _session(self, run_dir: Path, parts: Parts) -> Session:
        with storing():
            writer = RecordWriter(run_dir, traced=self.trace)
        if self.trace:
            for seed, network in zip(self.scenario.seeds, parts.networks, strict=False):
                network.watch(Tracer(writer, seed))
        device = parts.arena.env.device
        return Session(
            parts=parts,
            writer=writer,
            identity=identity_of(self.scenario, device, custom_env=self.custom_env, traced=self.trace),
            signs=HealthChecks(lambda sign: self.warn(str(sign))),
            checkpoints=Checkpoints(run_dir),
            checkpoint_every_s=self.checkpoint_every_s,
            custom_env=self.make_env is not None,
            show=self.show,
        )


def _nobody(_: str) -> None:
    """Takes warnings that nobody wants."""
