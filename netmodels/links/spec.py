"""The parameters of one directed link."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from netmodels.links.delay import DelayModel
from netmodels.links.kinds import delay_model, loss_model
from netmodels.links.loss import LossModel
from netmodels.units import bits_per_second, count, size_bytes


@dataclass(frozen=True, kw_only=True)
class LinkSpec:
    """What a link does to messages. Numbers are in SI units; strings carry theirs.

    Attributes:
        rate: bits/s, ``"20 Mbit/s"``, or ``"unlimited"``. Required.
        delay: a delay model, a mapping with ``kind``, or a quantity, which is constant. Required.
        loss: a loss model, a mapping with ``kind``, or a probability, which is Bernoulli.
        mtu: most payload bytes in a packet.
        overhead: bytes of headers added to each packet. The defaults of both are UDP/IPv4 in a 1500-byte frame.
        limit: packets that may wait beside the one in service.
        limit_bytes: wire bytes that may wait beside the one in service; ``None`` for any.
        fifo: packets arrive in the order in which they were sent.

    Raises:
        ValueError: naming the parameter and the value that does not fit.

    >>> spec = LinkSpec(rate="20 Mbit/s", delay="5 ms", loss="10%")
    >>> spec.rate, spec.delay, spec.loss
    (20000000.0, Constant(mean=0.005), Bernoulli(p=0.1))
    """

    rate: float | str
    delay: DelayModel | Mapping[str, object] | float | str
    loss: LossModel | Mapping[str, object] | float | str = 0.0
    mtu: int | str = 1472
    overhead: int | str = 28
    limit: int = 1000
    limit_bytes: int | str | None = None
    fifo: bool = True

    def __post_init__(self) -> None:
        fixed: dict[str, object] = {
            "rate": bits_per_second(self.rate, "rate"),
            "delay": delay_model(self.delay),
            "loss": loss_model(self.loss),
            "mtu": count(size_bytes(self.mtu, "mtu"), "mtu", minimum=1),
            "overhead": size_bytes(self.overhead, "overhead"),
            "limit": count(self.limit, "limit"),
            "limit_bytes": None if self.limit_bytes is None else size_bytes(self.limit_bytes, "limit_bytes"),
        }
        if not isinstance(self.fifo, bool):
            raise ValueError(f"fifo: expected true or false, got {self.fifo!r}")  # noqa: TRY004  (one kind of error for bad input)
        for name, value in fixed.items():
            object.__setattr__(self, name, value)

    @property
    def delay_model(self) -> DelayModel:
        """The delay, as the model that it became."""
        return cast("DelayModel", self.delay)

    @property
    def loss_model(self) -> LossModel:
        """The loss, as the model that it became."""
        return cast("LossModel", self.loss)

    def packets(self, message_bytes: int) -> int:
        """Count the packets of a message.

        Args:
            message_bytes: payload, at least 1.

        Returns:
            ⌈payload / mtu⌉.

        >>> LinkSpec(rate="1 Mbit/s", delay="1 ms").packets(6400)
        5
        """
        return -(-message_bytes // cast("int", self.mtu))

    def wire_bytes(self, message_bytes: int) -> int:
        """Count the bytes of a message with the headers of all its packets.

        Args:
            message_bytes: payload, at least 1.

        Returns:
            Bytes.

        >>> LinkSpec(rate="1 Mbit/s", delay="1 ms").wire_bytes(6400)
        6540
        """
        return message_bytes + self.packets(message_bytes) * cast("int", self.overhead)

    def serialisation_ns(self, wire_bytes: int) -> int:
        """Return the time that bytes take on the wire.

        Args:
            wire_bytes: headers included.

        Returns:
            round(bits · 10⁹ / rate) nanoseconds, 0 at unlimited rate.

        >>> LinkSpec(rate="12 Mbit/s", delay="1 ms").serialisation_ns(1500)
        1000000
        """
        rate = float(self.rate)
        return 0 if math.isinf(rate) else round(8 * wire_bytes * 10**9 / rate)
