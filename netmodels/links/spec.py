"""The parameters of one directed link; and the kinds of delay and loss that it may have."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Annotated, get_type_hints

from pydantic import Field, GetCoreSchemaHandler
from pydantic.dataclasses import dataclass
from pydantic_core import CoreSchema, core_schema

from netmodels.links.delay import Constant, DelayTrace, Empirical, Exponential, Lognormal, Normal, Pareto, Uniform
from netmodels.links.loss import Bernoulli, GilbertElliott, LossTrace
from netmodels.links.queue import Server
from netmodels.links.theory import (
    completion_quantile,
    retry_weights,
    whole_probability,
    whole_then_none_probability,
)
from netmodels.units import (
    CLOSED,
    PROBABILITY,
    SIZE,
    TIME,
    Bare,
    Flag,
    Natural,
    Probability,
    Rate,
    Size,
    Spec,
    Time,
    bit_rate,
    checked_probability,
    count,
    kinds_of,
    milliseconds,
    or_own,
)

AnyDelay = Annotated[
    Constant
    | Uniform
    | Normal
    | Lognormal
    | Pareto
    | Exponential
    | Empirical
    | DelayTrace,
    Field(discriminator="kind"),
    Bare("constant", "mean", TIME),
    or_own("quantile"),
]  # fmt: skip
"""A delay model, a mapping with ``kind``, or a quantity, which is constant."""
DELAYS = kinds_of(AnyDelay)

AnyLoss = Annotated[
    Bernoulli
    | GilbertElliott
    | LossTrace,
    Field(discriminator="kind"),
    Bare("bernoulli", "p", PROBABILITY),
    or_own("transmit"),
]  # fmt: skip
"""A loss model, a mapping with ``kind``, or a probability of independent losses."""
LOSSES = kinds_of(AnyLoss)


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class LinkSpec(Spec):
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

    >>> spec = LinkSpec(rate="20 Mbit/s", delay="5 ms", loss="10%")
    >>> spec.rate, spec.delay, spec.loss
    (20000000.0, Constant(mean=0.005), Bernoulli(p=0.1))
    """

    rate: Rate
    delay: AnyDelay
    loss: AnyLoss = Bernoulli(p=0.0)
    corrupt: Probability = 0.0
    retries: Annotated[Natural, Field(le=1000)] = 0
    retry_delay: Time | None = None
    duplicate: Probability = 0.0
    mtu: Annotated[int, SIZE, Field(ge=1)] = 1472
    overhead: Size = 28
    limit: Annotated[Natural, Field(le=10**9)] = 1000
    limit_bytes: Size | None = None
    fifo: Flag = True

    def __post_init__(self) -> None:
        if self.retries > 0 and self.retry_delay is None:
            raise ValueError(f"retry_delay: expected a time, since retries is {self.retries}, got None")

    def changed(self, change: Mapping[str, object]) -> "LinkSpec":
        """Return the same with other values for some parameters.

        >>> LinkSpec(rate="1 Mbit/s", delay="1 ms").changed({"loss": "5%"}).loss
        Bernoulli(p=0.05)
        """
        replace: Callable[..., LinkSpec] = dataclasses.replace
        return replace(self, **change)

    @property
    def full_bytes(self) -> int:
        """Wire size of a full packet."""
        return self.mtu + self.overhead

    def packets(self, message_bytes: int) -> int:
        """Return the number of packets of a message, ⌈payload / mtu⌉.

        Raises:
            ValueError: for a payload that is no whole number, or less than 1; so do the methods below.

        >>> LinkSpec(rate="1 Mbit/s", delay="1 ms").packets(6400)
        5
        """
        return -(-count(message_bytes, "message_bytes", minimum=1) // self.mtu)

    def wire_bytes(self, message_bytes: int) -> int:
        """Return the bytes of a message with the headers of all its packets."""
        return message_bytes + self.packets(message_bytes) * self.overhead

    def serialisation_ns(self, wire_bytes: int) -> int:
        """Return the time that bytes take on the wire: round(bits · 10⁹ / rate) nanoseconds, 0 at unlimited rate."""
        return round(8 * wire_bytes * 1e9 / self.rate)

    def fits(self, message_bytes: int) -> bool:
        """Return whether an idle link's queue has room for a whole message; if not, it can never arrive whole.

        >>> small = LinkSpec(rate="1 Mbit/s", delay="1 ms", limit=4)
        >>> small.fits(5 * 1472), small.fits(5 * 1472 + 1)
        (True, False)
        """
        packets = self.packets(message_bytes)
        last = message_bytes + self.overhead - (packets - 1) * self.mtu
        admitted = Server().admit(0, packets, self.full_bytes, last, limit=self.limit, limit_bytes=self.limit_bytes)
        return math.isinf(self.rate) or admitted == (packets - 1, True)

    def delivery_probability(self, message_bytes: int) -> float:
        """Return the probability that a message arrives whole on an idle link that is up.

        Exact, for a loss process in the state in which messages find it in the long run.

        >>> round(LinkSpec(rate="1 Mbit/s", delay="1 ms", loss="10%").delivery_probability(6400), 5)    # 0.9⁵
        0.59049
        """
        if not self.fits(message_bytes):
            return 0.0
        return whole_probability(self.loss, self.corrupt, self.retries, self.packets(message_bytes))

    def silence_probability(self, message_bytes: int, next_bytes: int, copies: int) -> float:
        """Return the probability that a message arrives whole, and no copy of another one sent right after it.

        Exact, as `delivery_probability`; so an acknowledgement that is sent several times may still be missing.

        >>> link = LinkSpec(rate="1 Mbit/s", delay="1 ms", loss="10%")
        >>> round(link.silence_probability(100, 26, 3), 5)    # 0.9 · 0.1³
        0.0009
        """
        if not self.fits(message_bytes):
            return 0.0
        if not self.fits(next_bytes):
            return self.delivery_probability(message_bytes)
        return whole_then_none_probability(
            self.loss,
            self.corrupt,
            self.retries,
            packets=self.packets(message_bytes),
            packets_of_each=self.packets(next_bytes),
            copies=copies,
        )

    def completion_quantile(self, message_bytes: int, probability: float) -> float:
        """Return by when a message is complete on an idle link, given that it arrives whole.

        In seconds after hand-over. Exact without retries and duplicates, and with a constant delay and packets of one
        size; else never too early, if the delays of its packets are independent (those of a trace are not). Infinite
        if no time is enough, or the message cannot arrive whole.

        >>> LinkSpec(rate="12 Mbit/s", delay="5 ms").completion_quantile(2944, 0.999)
        0.007
        """
        checked_probability(probability)
        if self.delivery_probability(message_bytes) == 0.0:
            return math.inf
        packets = self.packets(message_bytes)
        cumulated = [self.full_bytes * k for k in range(1, packets)] + [self.wire_bytes(message_bytes)]
        ends = [self.serialisation_ns(wire_bytes) / 1e9 for wire_bytes in cumulated]
        held = (self.retry_delay or 0.0) + self.serialisation_ns(self.full_bytes) / 1e9
        weights = retry_weights(self.loss, self.corrupt, self.retries, packets)
        return completion_quantile(self.delay, ends, weights, held, probability)

    def completion_is_exact(self, message_bytes: int) -> bool:
        """Return whether `completion_quantile` is exact, and no bound.

        >>> LinkSpec(rate="1 Mbit/s", delay="1 ms", retries=1, retry_delay="1 ms").completion_is_exact(2000)
        False
        """
        packets = self.packets(message_bytes)
        if self.retries or self.duplicate:
            return isinstance(self.delay, Constant) and (not self.retries or message_bytes == packets * self.mtu)
        return packets == 1 or not isinstance(self.delay, DelayTrace)

    def describe(self, *message_sizes: int) -> str:
        """Say what the link does, and what messages of these payloads (6.4 kB and 212 kB) will experience on it.

        >>> print(LinkSpec(rate="20 Mbit/s", delay="5 ms", loss="1%").describe(6400))
        20 Mbit/s, delay constant 5 ms, loses 1% of packets independently.
        A message of 6.4 kB takes 5 packets and 2.616 ms on the wire; 95.1% arrive whole, within 7.616 ms.
        """
        parts = [bit_rate(self.rate), f"delay {self.delay.describe()}", self.loss.describe()]
        parts += [f"corrupts {100 * self.corrupt:.3g}%"] if self.corrupt else []
        parts += [f"up to {self.retries} retries"] if self.retries else []
        parts += [f"duplicates {100 * self.duplicate:.3g}%"] if self.duplicate else []
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


class _FrozenMapping(dict[str, object]):
    """A mapping with a hash, whose representation does not depend on the order of its keys."""

    def __repr__(self) -> str:
        return repr(dict(sorted(self.items())))

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(repr(self))


@dataclasses.dataclass(frozen=True, eq=False)
class SomeOf:
    """Marks a mapping of some fields of a spec, each of the type that it has there; it is frozen once built."""

    cls: type
    names: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate each value as the spec does."""
        hints = get_type_hints(self.cls, include_extras=True)
        fields = {
            name: core_schema.typed_dict_field(handler.generate_schema(hints[name]), required=False)
            for name in self.names
        }
        schema = core_schema.typed_dict_schema(fields, extra_behavior="forbid")
        return core_schema.no_info_after_validator_function(_FrozenMapping, schema)


KEYS = tuple(field.name for field in dataclasses.fields(LinkSpec))
DEGRADABLE = ("rate", "delay", "loss", "corrupt", "retries", "retry_delay", "duplicate", "fifo")
"""What a degradation can change; packet size and queue belong to the sender's interface and stay."""

LinkChange = Annotated[Mapping[str, object], SomeOf(LinkSpec, KEYS)]
"""Some parameters of a link; the others stay."""
LinkDegradation = Annotated[Mapping[str, object], SomeOf(LinkSpec, DEGRADABLE)]
"""Some parameters of a link that can change while it is in use."""
