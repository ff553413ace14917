"""The parameters of one directed link."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from netmodels.links.closed_forms import (
    completion_quantile,
    retry_weights,
    whole_probability,
    whole_then_none_probability,
)
from netmodels.links.delay import DelayModel, checked_probability
from netmodels.links.kinds import delay_model, loss_model
from netmodels.links.loss import LossModel
from netmodels.links.queue import Server
from netmodels.units import bit_rate, bits_per_second, count, milliseconds, probability, seconds, size_bytes


@dataclass(frozen=True, kw_only=True)
class LinkSpec:
    """What a link does to messages. Numbers are in SI units; strings carry theirs.

    Attributes:
        rate: bits/s, ``"20 Mbit/s"``, or ``"unlimited"``. Required.
        delay: a delay model, a mapping with ``kind``, or a quantity, which is constant. Required.
        loss: a loss model, a mapping with ``kind``, or a probability, which is Bernoulli.
        corrupt: probability that a packet's checksum fails at the receiver; it counts as lost.
        retries: how often a packet that was lost or corrupted is sent again by the link layer, stop-and-wait.
        retry_delay: wait before each retry, with the server held; required if there are retries.
        duplicate: probability that a second copy arrives, with its own delay.
        mtu: most payload bytes in a packet.
        overhead: bytes of headers added to each packet. The defaults of both are UDP/IPv4 in a 1500-byte frame.
        limit: packets that may wait beside the one in service.
        limit_bytes: wire bytes that may wait beside the one in service; ``None`` for any.
        fifo: packets arrive in the order in which they were sent.
        reassembly: ``whole``: one missing packet loses the message.

    Raises:
        ValueError: naming the parameter and the value that does not fit.

    >>> spec = LinkSpec(rate="20 Mbit/s", delay="5 ms", loss="10%")
    >>> spec.rate, spec.delay, spec.loss
    (20000000.0, Constant(mean=0.005), Bernoulli(p=0.1))
    """

    rate: float | str
    delay: DelayModel | Mapping[str, object] | float | str
    loss: LossModel | Mapping[str, object] | float | str = 0.0
    corrupt: float | str = 0.0
    retries: int = 0
    retry_delay: float | str | None = None
    duplicate: float | str = 0.0
    mtu: int | str = 1472
    overhead: int | str = 28
    limit: int = 1000
    limit_bytes: int | str | None = None
    fifo: bool = True
    reassembly: str = "whole"

    def __post_init__(self) -> None:
        fixed: dict[str, object] = {
            "rate": bits_per_second(self.rate, "rate"),
            "delay": delay_model(self.delay),
            "loss": loss_model(self.loss),
            "corrupt": probability(self.corrupt, "corrupt"),
            "retries": count(self.retries, "retries"),
            "retry_delay": None if self.retry_delay is None else seconds(self.retry_delay, "retry_delay"),
            "duplicate": probability(self.duplicate, "duplicate"),
            "mtu": count(size_bytes(self.mtu, "mtu"), "mtu", minimum=1),
            "overhead": size_bytes(self.overhead, "overhead"),
            "limit": count(self.limit, "limit"),
            "limit_bytes": None if self.limit_bytes is None else size_bytes(self.limit_bytes, "limit_bytes"),
        }
        if not isinstance(self.fifo, bool):
            raise ValueError(f"fifo: expected true or false, got {self.fifo!r}")  # noqa: TRY004  (one kind of error for bad input)
        for name, value in fixed.items():
            object.__setattr__(self, name, value)
        if self.retries > 0 and self.retry_delay is None:
            raise ValueError(f"retry_delay: expected a time, since retries is {self.retries}, got None")
        if self.reassembly != "whole":
            raise ValueError(f"reassembly: expected whole (partial is for later), got {self.reassembly!r}")

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

        Raises:
            ValueError: for a payload that is no whole number, or less than 1; so do the methods below.

        >>> LinkSpec(rate="1 Mbit/s", delay="1 ms").packets(6400)
        5
        """
        return -(-count(message_bytes, "message_bytes", minimum=1) // cast("int", self.mtu))

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
        return 0 if math.isinf(rate) else round(8 * wire_bytes * 1e9 / rate)

    def fits(self, message_bytes: int) -> bool:
        """Say whether an idle link's queue has room for a whole message; if not, it can never arrive whole.

        Args:
            message_bytes: payload, at least 1.

        Returns:
            Whether it does; always at unlimited rate, where nothing waits.

        >>> small = LinkSpec(rate="1 Mbit/s", delay="1 ms", limit=4)
        >>> small.fits(5 * 1472), small.fits(5 * 1472 + 1)
        (True, False)
        """
        packets, overhead = self.packets(message_bytes), cast("int", self.overhead)
        full = cast("int", self.mtu) + overhead
        last = message_bytes + overhead - (packets - 1) * cast("int", self.mtu)
        limit_bytes = cast("int | None", self.limit_bytes)
        admitted = Server().admit(0, packets, full, last, limit=self.limit, limit_bytes=limit_bytes)
        return math.isinf(float(self.rate)) or admitted == (packets - 1, True)

    def delivery_probability(self, message_bytes: int) -> float:
        """Work out the probability that a message arrives whole on an idle link that is up.

        Exact, for a loss process in the state in which messages find it in the long run.

        Args:
            message_bytes: payload, at least 1.

        Returns:
            The probability.

        >>> round(LinkSpec(rate="1 Mbit/s", delay="1 ms", loss="10%").delivery_probability(6400), 5)    # 0.9⁵
        0.59049
        """
        if not self.fits(message_bytes):
            return 0.0
        return whole_probability(self.loss_model, float(self.corrupt), self.retries, self.packets(message_bytes))

    def silence_probability(self, message_bytes: int, next_bytes: int, copies: int) -> float:
        """Work out the probability that a message arrives whole, and no copy of another one sent right after it.

        Exact, as `delivery_probability`; so an acknowledgement that is sent several times may still be missing.

        Args:
            message_bytes: payload of the first message, at least 1.
            next_bytes: payload of the other, likewise.
            copies: how often that is sent.

        Returns:
            The probability.

        >>> link = LinkSpec(rate="1 Mbit/s", delay="1 ms", loss="10%")
        >>> round(link.silence_probability(100, 26, 3), 5)    # 0.9 · 0.1³
        0.0009
        """
        if not self.fits(message_bytes):
            return 0.0
        if not self.fits(next_bytes):
            return self.delivery_probability(message_bytes)
        return whole_then_none_probability(
            self.loss_model,
            float(self.corrupt),
            self.retries,
            packets=self.packets(message_bytes),
            packets_of_each=self.packets(next_bytes),
            copies=copies,
        )

    def completion_quantile(self, message_bytes: int, probability: float) -> float:
        """Work out by when a message is complete on an idle link, given that it arrives whole.

        Args:
            message_bytes: payload, at least 1.
            probability: in [0, 1].

        Returns:
            Seconds after hand-over. Exact without retries and duplicates, and with a constant delay and packets of
            one size; else never too early, if the delays of its packets are independent (those of a trace are not).
            Infinite if no time is enough, or the message cannot arrive whole.

        Raises:
            ValueError: for a probability outside [0, 1].

        >>> LinkSpec(rate="12 Mbit/s", delay="5 ms").completion_quantile(2944, 0.999)
        0.007
        """
        checked_probability(probability)
        if self.delivery_probability(message_bytes) == 0.0:
            return math.inf
        packets, overhead = self.packets(message_bytes), cast("int", self.overhead)
        full = cast("int", self.mtu) + overhead
        cumulated = [full * k for k in range(1, packets)] + [message_bytes + packets * overhead]
        ends = [self.serialisation_ns(wire_bytes) / 1e9 for wire_bytes in cumulated]
        held = (0.0 if self.retry_delay is None else float(self.retry_delay)) + self.serialisation_ns(full) / 1e9
        weights = retry_weights(self.loss_model, float(self.corrupt), self.retries, packets)
        return completion_quantile(self.delay_model, ends, weights, held, probability)

    def describe(self, *message_sizes: int) -> str:
        """Say what the link does, and what messages will experience on it.

        Args:
            message_sizes: payloads in bytes; 6.4 kB and 212 kB if none is given.

        Returns:
            One sentence for the link and one for each size.

        >>> print(LinkSpec(rate="20 Mbit/s", delay="5 ms", loss="1%").describe(6400))
        20 Mbit/s, delay constant 5 ms, loses 1% of packets independently.
        A message of 6.4 kB takes 5 packets and 2.616 ms on the wire; 95.1% arrive whole, within 7.616 ms.
        """
        parts = [
            bit_rate(float(self.rate)),
            f"delay {self.delay_model.describe()}",
            self.loss_model.describe(),
        ]
        parts += [f"corrupts {100 * float(self.corrupt):.3g}%"] if self.corrupt else []
        parts += [f"up to {self.retries} retries"] if self.retries else []
        parts += [f"duplicates {100 * float(self.duplicate):.3g}%"] if self.duplicate else []
        return "\n".join([", ".join(parts) + ".", *map(self._experience, message_sizes or (6400, 212_000))])

    def _experience(self, message_bytes: int) -> str:
        subject = f"A message of {message_bytes / 1e3:.4g} kB takes {self.packets(message_bytes)} packets"
        if not self.fits(message_bytes):
            return f"{subject}, more than the queue has room for, and never arrives whole."
        airtime = milliseconds(self.serialisation_ns(self.wire_bytes(message_bytes)) / 1e9)
        whole = self.delivery_probability(message_bytes)
        if whole == 0.0:
            return f"{subject} and {airtime} on the wire; it never arrives whole."
        half, most = (milliseconds(self.completion_quantile(message_bytes, share)) for share in (0.5, 0.999))
        shares = f"within {half}" if half == most else f"half of them within {half} and 99.9% within {most}"
        arrives = f"{100 * whole:.3g}% arrive whole, {shares}"
        return f"{subject} and {airtime} on the wire; {arrives}."


def checked_spec(value: object, name: str) -> LinkSpec:
    """Refuse what is no spec.

    Args:
        value: a spec.
        name: parameter named in the error.

    Returns:
        The same.

    Raises:
        ValueError: for anything else.

    >>> checked_spec("fast", "spec")
    Traceback (most recent call last):
    ValueError: spec: expected a LinkSpec, got 'fast'
    """
    if not isinstance(value, LinkSpec):
        raise ValueError(f"{name}: expected a LinkSpec, got {value!r}")  # noqa: TRY004  (one kind of error for bad input)
    return value
