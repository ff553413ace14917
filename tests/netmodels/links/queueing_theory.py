"""Mean waits of Poisson messages at one server (Pollaczek and Khinchine); ρ = arrival rate · mean service time.

A link that carries a message now and then waits for nobody; these say what happens as it fills.
"""

from netmodels.units import probability, seconds


def mm1_mean_wait(service: float | str, utilisation: float | str) -> float:
    """Mean wait before service, exponential service times: ρ s/(1 - ρ).

    Args:
        service: mean service time s, in seconds or with a unit.
        utilisation: ρ, at least 0 and below 1.

    Returns:
        Seconds.

    Raises:
        ValueError: naming the parameter and the value that does not fit.

    Source: Kleinrock, Queueing Systems I, 1975 (M/M/1), recalled.

    >>> mm1_mean_wait("1 ms", 0.5)
    0.001
    """
    mean = seconds(service, "service")
    busy = probability(utilisation, "utilisation")
    if busy == 1.0:
        raise ValueError(f"utilisation: expected less than 1, where the wait has no mean, got {utilisation!r}")
    return busy * mean / (1.0 - busy)


def md1_mean_wait(service: float | str, utilisation: float | str) -> float:
    """Mean wait before service, constant service times: half of M/M/1's, ρ s/(2(1 - ρ)).

    Args:
        service: service time s, in seconds or with a unit.
        utilisation: ρ, at least 0 and below 1.

    Returns:
        Seconds.

    Raises:
        ValueError: naming the parameter and the value that does not fit.

    Source: Pollaczek-Khinchine formula (M/D/1), recalled.

    >>> md1_mean_wait("1 ms", 0.5)
    0.0005
    """
    return mm1_mean_wait(service, utilisation) / 2.0
