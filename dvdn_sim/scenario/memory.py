"""Whether the replay buffer, the largest part of nearly every run, fits into the machine's memory."""

import os
from contextlib import suppress
from pathlib import Path

from dvdn_sim.errors import Mistake, ScenarioError
from dvdn_sim.scenario.scenario import Scenario
from dvdn_sim.wording import size_text

CONTAINER = Path("/sys/fs/cgroup")
NVIDIA = Path("/proc/driver/nvidia/gpus")


def memory_limit() -> int | None:
    """Return the bytes of the machine's memory, or of its container's share; None where the system does not say."""
    limits = []
    with suppress(AttributeError, ValueError, OSError):  # not everywhere, such as on Windows
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for name in ("memory.max", "memory/memory.limit_in_bytes"):  # control groups, version 2 and 1
        with suppress(ValueError, OSError):  # `max` where there is no limit, which is no number
            limits.append(int((CONTAINER / name).read_text(encoding="ascii")))
    return min(limits, default=None)


def has_gpu() -> bool:
    """Return whether there seems to be an NVIDIA GPU, without asking torch, which takes seconds."""
    return NVIDIA.is_dir() and any(NVIDIA.iterdir())


def replay_bytes(scenario: Scenario, sizes: tuple[int, int, int] | None = None) -> int:
    """Return the bytes of the ring of episodes, `EpisodeReplay.size_bytes`.

    Args:
        scenario: what would run.
        sizes: N, T and D of the environment, if it is not the scenario's.
    """
    env = scenario.env
    n, t, d = sizes or (env.n_agents, env.longest_episode, env.obs_dim)
    observations, actions, rewards, timed_out, length = n * (t + 1) * d * 4, n * t * 2, n * t * 4, 1, 8
    episode = observations + actions + rewards + timed_out + length
    return len(scenario.seeds) * scenario.training.buffer * episode


def refuse_oversized_replay(
    scenario: Scenario,
    sizes: tuple[int, int, int] | None = None,
    *,
    limit_bytes: int | None = None,
    where: str = "this machine",
    source: str = "",
) -> None:
    """Refuse a replay buffer that the memory cannot hold.

    Args:
        scenario: what would run.
        sizes: as in `replay_bytes`.
        limit_bytes: the memory; by default this machine's.
        where: whose memory it is, for the message.
        source: what to call the scenario in the error; its name by default.

    Raises:
        ScenarioError: it is larger.
    """
    limit, size = memory_limit() if limit_bytes is None else limit_bytes, replay_bytes(scenario, sizes)
    if limit is not None and size > limit:
        most = scenario.training.buffer * limit // size
        message = f"the replay buffer takes {size_text(size)}, and {where} has {size_text(limit)}"
        mistake = Mistake("training.buffer", None, message, f"at most {most}, or fewer `seeds` at a time")
        raise ScenarioError.of(source or scenario.name, (mistake,))
