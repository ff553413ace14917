"""Memory of a run: whether there is as much, before anything is written, and what takes it, should it run out."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from dvdn_sim.errors import OutOfMemoryError
from dvdn_sim.scenario import Scenario
from dvdn_sim.scenario.machine import memory_limit
from dvdn_sim.scenario.memory import Memory, refuse_if_too_large, size_text
from dvdn_sim.scenario.shapes import Sizes
from dvdn_sim.training.environments import MakeEnv, batches_of

REFUSALS = ("can't allocate memory", "out of memory", "not enough memory")
"""What torch's allocators say in a RuntimeError of no type of its own."""


def fitting_memory(
    scenario: Scenario, device: torch.device, make_env: MakeEnv | None = None, episode_limit: int | None = None
) -> Memory:
    """What a run takes, if the machine has as much, and its GPU, if it trains there.

    Args:
        scenario: What to run.
        device: Where learners live.
        make_env: Makes the environment that stands in for the scenario's; one copy is made.
        episode_limit: Steps after which its episodes are cut.

    Raises:
        ScenarioError: There is less; the largest parts are named, and what makes them fit.
    """
    sizes = sizes_of(scenario, make_env, episode_limit)
    if device.type == "cuda":
        size_bytes = torch.cuda.get_device_properties(device).total_memory
        refuse_if_too_large(scenario, sizes, place="GPU", limit_bytes=size_bytes)
    return refuse_if_too_large(scenario, sizes, place="host" if device.type == "cuda" else "machine")


def sizes_of(scenario: Scenario, make_env: MakeEnv | None, episode_limit: int | None) -> Sizes:
    """What memory depends on of the environment: the scenario's, or one that stands in for it."""
    if make_env is None:
        return Sizes.of(scenario.env)
    env = batches_of(scenario.env, make_env, episode_limit)([0], torch.device("cpu"))
    return Sizes(env.n_agents, env.obs_dim, env.n_actions, env.episode_limit)


@contextmanager
def naming_what_is_large(memory: Memory) -> Iterator[None]:
    """Say what takes the memory, if it runs out, whoever finds that: Python, numpy or torch.

    Raises:
        OutOfMemoryError: It ran out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _is_for_memory(error):
            raise
        limit = memory_limit()
        has = "" if limit is None else f" of {size_text(limit)} that this machine has"
        keys = ", ".join(f"`{key}`" for key in memory.keys)
        raise OutOfMemoryError(
            f"no memory left ({_first_line(error)}): the run takes about {memory.text()}{has}; make {keys} smaller, or"
            " leave more memory to it"
        ) from error


def _is_for_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(refusal in str(error) for refusal in REFUSALS)


def _first_line(error: BaseException) -> str:
    """What the allocator says, without where in torch's source it does."""
    said = str(error).strip().partition("\n")[0]
    return said.rpartition("DefaultCPUAllocator: ")[2].rstrip(".") or type(error).__name__
