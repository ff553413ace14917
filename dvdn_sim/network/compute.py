"""How long each agent works on an update before it can send."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from dvdn_sim.scenario import AnyCompute, LognormalTime, NormalTime
from netmodels.streams import Draws, stream

Sampler = Callable[[np.random.Generator, int], npt.NDArray[np.float64]]


def sampler(time: AnyCompute) -> Sampler:
    """Return the function that draws n times in seconds from a generator."""
    mean = time.mean
    match time:
        case NormalTime(jitter=jitter):
            return lambda generator, n: np.maximum(0.0, generator.normal(mean, jitter, n))
        case LognormalTime(jitter=jitter) if mean > 0.0:
            # With X = exp(μ + σZ): E X = exp(μ + σ²/2) and Var X = (exp(σ²) - 1) (E X)².
            sigma2 = float(np.log1p((jitter / mean) ** 2))
            mu = float(np.log(mean)) - sigma2 / 2
            return lambda generator, n: generator.lognormal(mu, sigma2**0.5, n)
        case _:
            return lambda _, n: np.full(n, mean)


class ComputeTimes:
    """Draws one time per agent and update, from a stream of each agent's own."""

    def __init__(self, time: AnyCompute, *, seed: int, agent_keys: Sequence[int]) -> None:
        """Open one stream per agent."""
        draw = sampler(time)

        def in_ns(key: int) -> Callable[[], Callable[[int], npt.NDArray[np.int64]]]:
            def opened() -> Callable[[int], npt.NDArray[np.int64]]:
                generator = stream(seed, "compute", key)
                return lambda n: np.rint(draw(generator, n) * 1e9).astype(np.int64)

            return opened

        self._draws = [Draws(in_ns(key)) for key in agent_keys]

    def state(self) -> list[int]:
        """How many times each agent has drawn."""
        return [draws.drawn for draws in self._draws]

    def restore(self, state: Sequence[int]) -> None:
        """Go on after so many."""
        if len(state) != len(self._draws):
            raise ValueError(f"compute: expected the times of {len(self._draws)} agents, got those of {len(state)}")
        for draws, drawn in zip(self._draws, state, strict=True):
            draws.advance_to(drawn)

    def next_ns(self) -> list[int]:
        """Nanoseconds that each agent takes over its next update, ``[N]``."""
        return [draws.take(1)[0] for draws in self._draws]
