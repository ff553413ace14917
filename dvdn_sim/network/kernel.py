"""`exchange.py` and `netmodels.links` once more, over plain memory: compiled, and equal to them to the last bit.

The same events in the same order, from the same named streams. Why something is done is said there; here is how.

All is in three arrays, so that functions call each other at no cost: `net`, what the links are; `real`, those of their
parameters that are no whole numbers; and `run`, one exchange. `net` and `run` begin with a heading: scalars, and where
each table begins. A table's rows are as long as `LINK` or `AGENT` says; the names before that are its columns. What
cannot be settled in these loops ends them with a status: the caller mends it and runs the exchange again.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

from dvdn_sim.compiled import compiled, inner
from netmodels import portable

Whole = Any
"""A number of Python's or of numpy's."""
Real = Any
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

for _each in (portable.log, portable.exp, portable.polynomial, portable.ratio, portable.normal, portable.exponential):
    register_jitable(_each)
exp, ratio, exponential, any_normal = portable.exp, portable.ratio, portable.exponential, portable.normal

DONE, STUCK, REFUSED, FULL, UNKNOWN = range(5)
"""How an exchange ended."""

# The heading of `net`, and its tables.
PLACES, SPECS, REGIMES, LINKS, DOWNS, STREAMS, SERVERS, WAITS = range(8)
NET = 8
# fmt: off
(MTU, FULL_BYTES, LIMIT, LIMIT_BYTES, BURST, RETRIES, RETRY_NS, FIFO, CONSTANT_NS, LOSS, DELAY, LOSS_AT, LOSS_LENGTH,
 LOSS_OFFSET, LOSS_PLACES, DELAY_AT, DELAY_LENGTH, DELAY_OFFSET, DELAY_PLACES, OF_LOSS, OF_CORRUPT, OF_DELAY,
 OF_DUPLICATE, OF_SECOND) = range(24)
SPEC = 24
FROM_NS, UNTIL_NS, OF_SPEC, FIRST_STREAM = range(4)
REGIME = 4
(SERVER, LATEST_NS, FIRST_REGIME, REGIMES_OF, FIRST_DOWN, NODE_DOWNS, LINK_DOWNS, KNOWN_FROM_NS,
 KNOWN_UNTIL_NS) = range(9)
LINK = 9
DOWN = 2  # from, until
STATE_HIGH, STATE_LOW, STEP_HIGH, STEP_LOW, DRAWN, OPENED, STANDS = range(7)
STREAM = 7
FREE_NS, SERVED_NS, HEAD, PACKETS, BYTES = range(5)
QUEUE = 5
WAIT = 2  # when a packet that waits leaves, and its bytes
RATE, CORRUPT, DUPLICATE, LOSS_P, LOSS_R, LOSS_GOOD, LOSS_BAD, BAD_FRACTION, DELAY_MEAN, DELAY_SPREAD = range(10)
FACTOR = 10  # of `real`, by spec; recordings come behind

# The heading of `run`, and its tables: agents, edges, phases, an edge and an agent in a phase, and so on.
(NOW, OPEN, WAITING, SCHEDULED, WIRE_BYTES, AIRTIME_NS, STATUS, ASKED_LINK, ASKED_UNTIL, BROADCAST, SHARE,
 N_AGENTS, N_EDGES, N_PHASES, N_EVENTS, MOST_EVENTS, N_NEXT, AGENTS, EDGES, PHASES, CELLS, TURNS, COUNTS, CRASHES,
 QUEUED, NEXT, MESSAGE, HEAP, EVENTS) = range(29)
RUN = 29
(PHASE, MISSING, STARTED_NS, START_NS, FIRST_OUT, FIRST_IN, FIRST_CRASH, SUSPENDED, GONE, INTERRUPTED,
 AGENT_ORDER) = range(11)
AGENT = 11  # there is a row more, where the last agent's edges and crashes end
ROW, RECEIVER, IN_TURN, INTO, NEWEST, EDGE_ORDER, SIZE, ACK_SIZE, PACKETS_OF = range(9)
SIZE_BYTES, COPIES, ROUND, ACKS = range(4)
PHASE_ROW = 4
ACTIVE, THERE, LATEST = range(3)
CELL = 3
WAIT_NS, CLOSED_NS = range(2)
TURN = 2
KIND, WHO, WHICH, SENT_NS = range(4)
EVENT = 4
KEY = 3  # of the heap: when, after what of that time, and which event
DRAW, WHOSE, IN_PHASE = range(3)
WAITER = 3  # who waits for the medium
HANDED = 2  # who hands over next, an edge or an agent, and in which phase
END_NS, ARRIVAL_NS, FATE = range(3)
PACKET = 3
CRASH = 3  # from, until, and whether what was held is lost
# fmt: on

# numba would compile a function anew for every number that it is given as such; not for an int64.
SENT, IN_FLIGHT, HELD, LATE, EXPIRED, DUPLICATES, OF_REASON = map(np.int64, range(7))
START, DEADLINE, ARRIVAL, HAND_OVER, TRANSITION = map(np.int64, range(5))
CRASHES_FIRST, STARTS_THEN, HAND_OVERS, ARRIVALS, DEADLINES = map(np.int64, range(1, 6))
"""What happens first of all that happens at one time; the latter three in every phase, as in `exchange.priority`."""
NEVER, NOBODY, NOWHERE = np.int64(-1), np.int64(-1), np.int64(-1)
NONE, ONCE = np.int64(0), np.int64(1)

BERNOULLI, GILBERT, PLAYED_LOSS = range(3)
CONSTANT, UNIFORM, NORMAL, LOGNORMAL, PARETO, EXPONENTIAL, EMPIRICAL, PLAYED_DELAY = range(8)
DELIVERED, LOST, CORRUPTED, QUEUE_FULL, LINK_DOWN, NODE_DOWN = range(6)
"""What becomes of packets; as in `netmodels.links.transfer`."""
INCOMPLETE = OF_REASON + NODE_DOWN + 1
COUNTED = INCOMPLETE + 1
EDGE = PACKETS_OF + 2 * COUNTED
OF_LINK, OF_NODE, OF_MEDIUM = range(3)

LATEST_LEAVE_NS = 2**61
FOREVER_NS = 2**62
MAX_DRAWN_S = 4.0e9


# Streams.

MULTIPLIER_HIGH, MULTIPLIER_LOW = np.uint64(2549297995355413924), np.uint64(4865540595714422341)
WORD_MASK, SIXTEEN, HALF = np.uint64(0xFFFFFFFF), np.uint64(16), np.uint64(32)
ROTATION, LAST_BIT, ELEVEN, TWO, ONE = map(np.uint64, (58, 63, 11, 2, 1))
FIRST_A, STEP_A, FIRST_B, STEP_B = map(np.uint64, (0x43B0D7E5, 0x931E8875, 0x8B51F9DD, 0x58F38DED))
MIX_LEFT, MIX_RIGHT = np.uint64(0xCA01F9DD), np.uint64(0x4973F715)


@inner
def raw(net: Ints, stream: Whole) -> Any:
    """Draw 64 bits: PCG64 as numpy has it (O'Neill 2014, XSL-RR 128/64)."""
    high, low = np.uint64(net[stream + STATE_HIGH]), np.uint64(net[stream + STATE_LOW])
    a, b = low >> HALF, low & WORD_MASK
    c, d = MULTIPLIER_LOW >> HALF, MULTIPLIER_LOW & WORD_MASK
    middle = b * c + (b * d >> HALF)
    other = a * d + (middle & WORD_MASK)
    carried = a * c + (middle >> HALF) + (other >> HALF)
    product = low * MULTIPLIER_LOW
    new_low = product + np.uint64(net[stream + STEP_LOW])
    new_high = carried + high * MULTIPLIER_LOW + low * MULTIPLIER_HIGH + np.uint64(net[stream + STEP_HIGH])
    if new_low < product:
        new_high += ONE
    net[stream + STATE_HIGH], net[stream + STATE_LOW] = np.int64(new_high), np.int64(new_low)
    mixed, turn = new_high ^ new_low, new_high >> ROTATION
    return (mixed >> turn) | (mixed << ((np.uint64(64) - turn) & LAST_BIT))


@inner
def hashed(value: Any, factor: Any, step: Any) -> Any:
    """Hash a word of 32 bits."""
    value = (value ^ factor) * (factor * step & WORD_MASK) & WORD_MASK
    return value ^ value >> SIXTEEN


@compiled
def seed(words: Any, net: Ints) -> None:
    """Set streams up as numpy does: PCG64s of the SeedSequences of these words, uint32 ``[streams, 4 or more]``."""
    pool, state = np.empty(4, np.uint64), np.empty(4, np.uint64)
    for row in range(len(words)):
        factor = FIRST_A
        for index in range(4):
            pool[index] = hashed(np.uint64(words[row, index]), factor, STEP_A)
            factor = factor * STEP_A & WORD_MASK
        for source in range(words.shape[1]):
            for target in range(4):
                if source != target:
                    word = pool[source] if source < 4 else np.uint64(words[row, source])
                    mixed = MIX_LEFT * pool[target] - MIX_RIGHT * hashed(word, factor, STEP_A) & WORD_MASK
                    pool[target] = mixed ^ mixed >> SIXTEEN
                    factor = factor * STEP_A & WORD_MASK
        factor = FIRST_B
        for index in range(4):
            low = hashed(pool[2 * index % 4], factor, STEP_B)
            factor = factor * STEP_B & WORD_MASK
            state[index] = low | hashed(pool[(2 * index + 1) % 4], factor, STEP_B) << HALF
            factor = factor * STEP_B & WORD_MASK
        stream = row * STREAM
        step_high, step_low = state[2] << ONE | state[3] >> LAST_BIT, state[3] << ONE | ONE
        low = step_low + state[1]
        high = step_high + state[0] + (ONE if low < state[1] else ONE - ONE)
        net[stream + STEP_HIGH], net[stream + STEP_LOW] = np.int64(step_high), np.int64(step_low)
        net[stream + STATE_HIGH], net[stream + STATE_LOW] = np.int64(high), np.int64(low)
        raw(net, stream)


@inner
def uniform(net: Ints, stream: Whole) -> Real:
    """Draw a number in [0, 1)."""
    return np.float64(raw(net, stream) >> ELEVEN) * (1.0 / 9007199254740992.0)


@inner
def normal(u: Real) -> Real:
    """Return what `portable.normal` does, without working out the tails for most."""
    q = u - 0.5
    return q * ratio(portable.CENTRAL, 0.180625 - q * q) if abs(q) <= 0.425 else any_normal(u)


@inner
def chance(net: Ints, stream: Whole, probability: Real) -> Whole:
    """Draw whether it happens."""
    net[stream + DRAWN] += 1
    return uniform(net, stream) < probability


@inner
def place(net: Ints, stream: Whole, length: Whole, places: Whole) -> Whole:
    """Return the next place in a recording; see `netmodels.recordings`."""
    if not net[stream + OPENED]:
        net[stream + OPENED] = 1
        net[stream + STANDS] = np.int64(uniform(net, stream) * length) if places else 0
    found = net[stream + STANDS]
    if places:
        jump, drawn = uniform(net, stream), uniform(net, stream)
        if jump * length < 1.0:
            found = np.int64(drawn * length)
    net[stream + STANDS] = (found + 1) % length
    return found


@inner
def lost(net: Ints, real: Floats, stream: Whole, s: Whole) -> Whole:
    """Draw whether a transmission is lost; see `netmodels.links.loss`."""
    spec, factor = net[SPECS] + s * SPEC, s * FACTOR
    net[stream + DRAWN] += 1
    if net[spec + LOSS] == BERNOULLI:
        return uniform(net, stream) < real[factor + LOSS_P]
    if net[spec + LOSS] == PLAYED_LOSS:
        length = net[spec + LOSS_LENGTH]
        at = place(net, stream, length, net[spec + LOSS_PLACES])
        return real[net[spec + LOSS_AT] + (at + net[spec + LOSS_OFFSET]) % length] == 1.0
    if not net[stream + OPENED]:
        net[stream + OPENED] = 1
        net[stream + STANDS] = np.int64(uniform(net, stream) < real[factor + BAD_FRACTION])
    move, luck = uniform(net, stream), uniform(net, stream)
    if net[stream + STANDS]:
        net[stream + STANDS] = np.int64(move < 1.0 - real[factor + LOSS_R])
        return luck < real[factor + LOSS_BAD]
    net[stream + STANDS] = np.int64(move < real[factor + LOSS_P])
    return luck < real[factor + LOSS_GOOD]


@inner
def delay_ns(net: Ints, real: Floats, stream: Whole, s: Whole) -> Whole:
    """Draw how long a packet travels; see `netmodels.links.delay`."""
    spec = net[SPECS] + s * SPEC
    kind, mean, spread = net[spec + DELAY], real[s * FACTOR + DELAY_MEAN], real[s * FACTOR + DELAY_SPREAD]
    net[stream + DRAWN] += 1
    if kind == CONSTANT:
        return net[spec + CONSTANT_NS]
    if kind == PLAYED_DELAY:
        length = net[spec + DELAY_LENGTH]
        at = place(net, stream, length, net[spec + DELAY_PLACES])
        drawn = real[net[spec + DELAY_AT] + (at + net[spec + DELAY_OFFSET]) % length]
    else:
        u = uniform(net, stream)
        if kind == UNIFORM:
            drawn = mean + (2.0 * u - 1.0) * spread
        elif kind == EMPIRICAL:
            drawn = real[net[spec + DELAY_AT] + np.int64(u * net[spec + DELAY_LENGTH])]
        elif kind == EXPONENTIAL:
            drawn = mean * exponential(u)
        elif kind == PARETO:
            drawn = mean * exp(exponential(u) / spread)
        else:
            drawn = mean + spread * normal(u)
            drawn = exp(drawn) if kind == LOGNORMAL else max(0.0, drawn)
    return np.int64(np.rint(min(drawn, MAX_DRAWN_S) * 1e9))


@compiled
def skip(net: Ints, real: Floats, row: Whole, s: Whole, purpose: Whole, drawn: Whole) -> None:
    """Read a stream on until so many values have been drawn."""
    stream = net[STREAMS] + row * STREAM
    while net[stream + DRAWN] < drawn:
        if purpose == OF_LOSS:
            lost(net, real, stream, s)
        elif purpose == OF_DELAY or purpose == OF_SECOND:
            delay_ns(net, real, stream, s)
        else:
            chance(net, stream, 0.0)


# Links.


@inner
def regime_at(net: Ints, link: Whole, now_ns: Whole) -> Whole:
    """Return where the parameters stand that a link has at a time: of those that hold the last, else the plain ones."""
    first = net[REGIMES] + net[link + FIRST_REGIME] * REGIME
    for index in range(net[link + REGIMES_OF] - 1, 0, -1):
        regime = first + index * REGIME
        if net[regime + FROM_NS] <= now_ns < net[regime + UNTIL_NS]:
            return regime
    return first


@inner
def after_ns(real: Floats, s: Whole, wire_bytes: Whole) -> Whole:
    """Return when bytes have left, after their start; later than any time where that is too late."""
    passed = np.rint(8 * wire_bytes * 1e9 / real[s * FACTOR + RATE])
    return FOREVER_NS if passed > LATEST_LEAVE_NS else np.int64(passed)


@inner
def down(net: Ints, run: Ints, link: Whole, start_ns: Whole, end_ns: Whole) -> Whole:
    """Return what takes a transmission down, or 0; see `netmodels.links.availability`."""
    if net[link + FIRST_DOWN] < 0:
        return 0
    if end_ns >= net[link + KNOWN_UNTIL_NS] or start_ns < net[link + KNOWN_FROM_NS]:
        if run[STATUS] == DONE:
            run[STATUS], run[ASKED_LINK], run[ASKED_UNTIL] = UNKNOWN, (link - net[LINKS]) // LINK, end_ns
        return 0
    first = net[link + FIRST_DOWN]
    for of_link in range(2):
        low, high = first, first + net[link + NODE_DOWNS + of_link]
        first = high
        while low < high:  # the first that ends later
            middle = (low + high) // 2
            if net[net[DOWNS] + middle * DOWN + 1] > start_ns:
                high = middle
            else:
                low = middle + 1
        begins_ns = net[net[DOWNS] + low * DOWN] if low < first else FOREVER_NS
        if begins_ns < end_ns or begins_ns <= start_ns:
            return LINK_DOWN if of_link else NODE_DOWN
    return 0


@inner
def admit(net: Ints, spec: Whole, server: Whole, now_ns: Whole, packets: Whole, last_bytes: Whole) -> Any:
    """Return how many full packets find room, and whether the last one; see `netmodels.links.queue`."""
    net[server + SERVED_NS] = now_ns
    if net[server + FREE_NS] <= now_ns and packets <= net[spec + BURST]:
        net[server + PACKETS] = net[server + BYTES] = 0
        return packets - 1, 1
    places, full_bytes = net[PLACES], net[spec + FULL_BYTES]
    waits = net[WAITS] + (server - net[SERVERS]) // QUEUE * places * WAIT
    while net[server + PACKETS] and net[waits + net[server + HEAD] * WAIT] <= now_ns:
        net[server + BYTES] -= net[waits + net[server + HEAD] * WAIT + 1]
        net[server + HEAD] = 0 if net[server + HEAD] + 1 == places else net[server + HEAD] + 1
        net[server + PACKETS] -= 1
    present = net[server + PACKETS]
    space = max(0, net[spec + LIMIT] + 1 - present)
    leading = min(packets - 1, space)
    if net[spec + LIMIT_BYTES] < 0:
        return leading, 1 if leading < space else 0
    waiting_bytes = net[server + BYTES] - net[waits + net[server + HEAD] * WAIT + 1] if present else 0
    room = max(0, net[spec + LIMIT_BYTES] - waiting_bytes)
    at_once = 0 if present else 1
    leading = min(leading, at_once + room // full_bytes)
    if leading == 0 and at_once:
        return 0, 1
    room -= full_bytes * (leading - at_once)
    return leading, 1 if leading < space and last_bytes <= room else 0


@inner
def serve(net: Ints, run: Ints, server: Whole, end_ns: Whole, packet_bytes: Whole) -> None:
    """Put a packet behind those that wait."""
    net[server + FREE_NS] = end_ns
    if end_ns <= net[server + SERVED_NS]:
        return
    places = net[PLACES]
    if net[server + PACKETS] == places:
        run[STATUS] = FULL
        return
    index = net[server + HEAD] + net[server + PACKETS]
    index -= places if index >= places else 0  # a division takes longer than all the rest
    waits = net[WAITS] + ((server - net[SERVERS]) // QUEUE * places + index) * WAIT
    net[waits], net[waits + 1] = end_ns, packet_bytes
    net[server + PACKETS] += 1
    net[server + BYTES] += packet_bytes


@inner
def drawn_fate(net: Ints, real: Floats, s: Whole, first: Whole) -> Whole:
    """Draw what becomes of a try if nothing is down."""
    spec, fate = net[SPECS] + s * SPEC, DELIVERED
    if net[spec + OF_CORRUPT] >= 0 and chance(net, first + net[spec + OF_CORRUPT] * STREAM, real[s * FACTOR + CORRUPT]):
        fate = CORRUPTED
    if net[spec + OF_LOSS] >= 0 and lost(net, real, first + net[spec + OF_LOSS] * STREAM, s):
        fate = LOST
    return fate


@inner
def emit(net: Ints, real: Floats, run: Ints, link: Whole, regime: Whole, size_bytes: Whole, tries: Whole) -> Any:
    """Put a message on the wire: its packets, full ones that found room, all that did, bytes, and when it starts.

    With tries, each packet is sent until it is through or its tries are used up, and the fates are known.
    """
    s, first = net[regime + OF_SPEC], net[STREAMS] + net[regime + FIRST_STREAM] * STREAM
    spec, server, now_ns = net[SPECS] + s * SPEC, net[SERVERS] + net[link + SERVER] * QUEUE, run[NOW]
    packets = (size_bytes + net[spec + MTU] - 1) // net[spec + MTU]
    full_bytes = net[spec + FULL_BYTES]
    last_bytes = size_bytes - packets * net[spec + MTU] + full_bytes
    if now_ns > LATEST_LEAVE_NS or now_ns < net[server + SERVED_NS]:
        run[STATUS] = REFUSED
        return packets, 0, 0, 0, now_ns
    leading, last = admit(net, spec, server, now_ns, packets, last_bytes)
    start = max(net[server + FREE_NS], now_ns)
    sent, wire_bytes, waited_ns = leading + last, NONE, NONE
    for index in range(sent):
        packet, packet_bytes = run[MESSAGE] + index * PACKET, full_bytes if index < leading else last_bytes
        if tries:
            fate, attempts = LOST, 0
            while (fate == LOST or fate == CORRUPTED) and attempts <= net[spec + RETRIES]:
                waited_ns += net[spec + RETRY_NS] if attempts else 0
                attempts += 1
                begin = start + after_ns(real, s, wire_bytes) + waited_ns
                wire_bytes += packet_bytes
                fate = drawn_fate(net, real, s, first)
                out = down(net, run, link, begin, start + after_ns(real, s, wire_bytes) + waited_ns)
                fate = out if out else fate
            run[packet + FATE] = fate
        else:
            wire_bytes += packet_bytes
        run[packet + END_NS] = start + after_ns(real, s, wire_bytes) + waited_ns
        if run[packet + END_NS] > LATEST_LEAVE_NS:
            run[STATUS] = REFUSED
            return packets, 0, 0, 0, now_ns
    for index in range(sent):
        end_ns = run[run[MESSAGE] + index * PACKET + END_NS]
        serve(net, run, server, end_ns, full_bytes if index < leading else last_bytes)
    run[WIRE_BYTES] += wire_bytes
    run[AIRTIME_NS] += after_ns(real, s, wire_bytes)
    return packets, leading, sent, wire_bytes, start


@inner
def receive(
    net: Ints, real: Floats, run: Ints, edge: Whole, p: Whole, regime: Whole, message: Any, tried: Whole
) -> None:
    """Lose, delay and deliver what was put on the wire, count it, and let it arrive."""
    packets, leading, sent, _, before = message
    e = at_edge(run, edge)
    link, s, kind = net[LINKS] + run[e + ROW] * LINK, net[regime + OF_SPEC], acks_of(run, p)
    spec, first = net[SPECS] + s * SPEC, net[STREAMS] + net[regime + FIRST_STREAM] * STREAM
    counts, of_link = run[COUNTS] + kind * COUNTED, e + PACKETS_OF + kind * COUNTED
    arrived, duplicates, reason = NONE, 0, QUEUE_FULL if sent < packets else DELIVERED
    complete_ns, latest_ns = NEVER, net[link + LATEST_NS]
    run[of_link + SENT] += packets
    run[of_link + OF_REASON + QUEUE_FULL] += packets - sent
    run[counts + SENT] += 1
    for index in range(sent):
        packet = run[MESSAGE] + index * PACKET
        end_ns, fate = run[packet + END_NS], run[packet + FATE]
        if not tried:
            fate = drawn_fate(net, real, s, first)
            out = down(net, run, link, before, end_ns)
            fate = out if out else fate
            before = end_ns
        travels_ns = net[spec + CONSTANT_NS]
        if net[spec + OF_DELAY] >= 0:
            travels_ns = delay_ns(net, real, first + net[spec + OF_DELAY] * STREAM, s)
        if net[spec + OF_DUPLICATE] >= 0:
            twice = chance(net, first + net[spec + OF_DUPLICATE] * STREAM, real[s * FACTOR + DUPLICATE])
            second_ns = delay_ns(net, real, first + net[spec + OF_SECOND] * STREAM, s)
            if twice:
                travels_ns = min(travels_ns, second_ns)
                duplicates += 1 if fate == DELIVERED else 0
        if fate:
            # The packets for which there was no room come before the last one.
            if reason == DELIVERED or (reason == QUEUE_FULL and index < leading):
                reason = fate
            run[of_link + OF_REASON + fate] += 1
            continue
        at_ns = end_ns + travels_ns
        if net[spec + FIFO]:
            latest_ns = max(at_ns, latest_ns)
            at_ns = latest_ns
        complete_ns = max(complete_ns, at_ns)
        run[run[MESSAGE] + arrived * PACKET + ARRIVAL_NS] = at_ns
        arrived += 1
    net[link + LATEST_NS] = latest_ns
    run[counts + DUPLICATES] += duplicates
    run[of_link + DUPLICATES] += duplicates
    if reason == DELIVERED:
        missed = missed_of(run, run[e + RECEIVER], arrived)
        if missed:
            reason = NODE_DOWN
            run[of_link + OF_REASON + NODE_DOWN] += missed
            arrived -= missed
    if reason:
        run[counts + OF_REASON + reason] += 1
        run[of_link + INCOMPLETE] += arrived
        return
    run[counts + IN_FLIGHT] += 1
    run[of_link + IN_FLIGHT] += packets
    run[e + SIZE + kind] = packets
    schedule(run, complete_ns, ARRIVALS + 3 * p, ARRIVAL, edge, p, run[NOW])


@inner
def missed_of(run: Ints, receiver: Whole, arrived: Whole) -> Whole:
    """Count the packets that arrive while their receiver is down."""
    first, last = run[at_agent(run, receiver) + FIRST_CRASH], run[at_agent(run, receiver + 1) + FIRST_CRASH]
    missed = 0
    for index in range(first, last):
        crash = run[CRASHES] + index * CRASH
        for packet in range(arrived):
            at_ns = run[run[MESSAGE] + packet * PACKET + ARRIVAL_NS]
            missed += 1 if run[crash] <= at_ns < run[crash + 1] else 0
    return missed


# Where things stand in `run`.


@inner
def at_agent(run: Ints, agent: Whole) -> Whole:
    """Return where an agent's row begins."""
    return run[AGENTS] + agent * AGENT


@inner
def at_edge(run: Ints, edge: Whole) -> Whole:
    """Return where an edge's row begins."""
    return run[EDGES] + edge * EDGE


@inner
def at_cell(run: Ints, p: Whole, edge: Whole) -> Whole:
    """Return where the row of an edge in a phase begins."""
    return run[CELLS] + (p * run[N_EDGES] + edge) * CELL


@inner
def at_turn(run: Ints, p: Whole, agent: Whole) -> Whole:
    """Return where the row of an agent in a phase begins."""
    return run[TURNS] + (p * run[N_AGENTS] + agent) * TURN


@inner
def acks_of(run: Ints, p: Whole) -> Whole:
    """Return 1 for a phase of acknowledgements, else 0."""
    return run[run[PHASES] + p * PHASE_ROW + ACKS]


# What is to happen.


@inner
def put(run: Ints, index: Whole, at_ns: Whole, order: Whole, row: Whole) -> None:
    """Write an event at a place of the heap: when, after what of that time, and where the rest is."""
    place = run[HEAP] + index * KEY
    run[place], run[place + 1], run[place + 2] = at_ns, order, row


@inner
def schedule(run: Ints, at_ns: Whole, urgency: Whole, kind: Whole, who: Whole, which: Whole, sent_ns: Whole) -> None:
    """Let something happen; of what is to happen at one time, by priority, then in the order of scheduling."""
    index, heap = run[N_EVENTS], run[HEAP]
    if index == run[MOST_EVENTS]:
        run[STATUS] = FULL
        return
    run[N_EVENTS] += 1
    row, order = run[heap + index * KEY + 2], (urgency << 44) + run[SCHEDULED]
    run[SCHEDULED] += 1
    event = run[EVENTS] + row * EVENT
    run[event + KIND], run[event + WHO], run[event + WHICH], run[event + SENT_NS] = kind, who, which, sent_ns
    while index:
        above = heap + (index - 1) // 2 * KEY
        if run[above] < at_ns or (run[above] == at_ns and run[above + 1] < order):
            break
        put(run, index, run[above], run[above + 1], run[above + 2])
        index = (index - 1) // 2
    put(run, index, at_ns, order, row)


@inner
def take_next(run: Ints) -> Whole:
    """Take what happens next off the heap; return which event it is."""
    run[N_EVENTS] -= 1
    heap, last, index = run[HEAP], run[N_EVENTS], NONE
    end = heap + last * KEY
    run[NOW], row = run[heap], run[heap + 2]
    at_ns, order, moved = run[end], run[end + 1], run[end + 2]
    while 2 * index + 1 < last:
        child = 2 * index + 1
        one, other = heap + child * KEY, heap + (child + 1) * KEY
        if child + 1 < last and (run[other] < run[one] or (run[other] == run[one] and run[other + 1] < run[one + 1])):
            child, one = child + 1, other
        if at_ns < run[one] or (at_ns == run[one] and order < run[one + 1]):
            break
        put(run, index, run[one], run[one + 1], run[one + 2])
        index = child
    put(run, index, at_ns, order, moved)
    run[end + 2] = row  # to be used again
    return row


# An agent's way through its phases.


@inner
def opens(net: Ints, run: Ints, agent: Whole) -> Whole:
    """Open an agent's next phase, and let its messages be handed over next; say if there was one."""
    run[at_agent(run, agent) + PHASE] += 1
    if run[at_agent(run, agent) + PHASE] == run[N_PHASES]:
        run[OPEN] -= 1
        return False
    send(net, run, agent, run[at_agent(run, agent) + PHASE])
    return True


@inner
def closes(run: Ints, agent: Whole) -> Whole:
    """Close an agent's phase if all is there, and say so; else let the agent wait."""
    a = at_agent(run, agent)
    p, missing = run[a + PHASE], 0
    for index in range(run[a + FIRST_IN], run[a + AGENT + FIRST_IN]):
        cell = at_cell(run, p, run[at_edge(run, index) + INTO])
        missing += 1 if run[cell + ACTIVE] and not run[cell + THERE] else 0
    run[a + MISSING] = missing
    if not missing:
        close(run, agent, p)
        return True
    wait_ns = run[at_turn(run, p, agent) + WAIT_NS]
    if wait_ns >= 0:
        schedule(run, run[NOW] + wait_ns, DEADLINES + 3 * p, DEADLINE, agent, p, NONE)
    return False


@inner
def close(run: Ints, agent: Whole, p: Whole) -> None:
    """Close a phase: what is there is held."""
    a, acks, k = at_agent(run, agent), acks_of(run, p), run[run[PHASES] + p * PHASE_ROW + ROUND]
    run[at_turn(run, p, agent) + CLOSED_NS] = run[NOW]
    for index in range(run[a + FIRST_IN], run[a + AGENT + FIRST_IN]):
        edge = run[at_edge(run, index) + INTO]
        e, cell = at_edge(run, edge), at_cell(run, p, edge)
        if run[cell + THERE]:
            settle(run, HELD, edge, p)
            if acks:
                run[cell + LATEST] = k
            else:
                run[e + NEWEST] = k
        if not acks:
            run[cell + LATEST] = run[e + NEWEST]


@inner
def settle(run: Ints, outcome: Whole, edge: Whole, p: Whole) -> None:
    """Count a message whose outcome is clear."""
    kind, e = acks_of(run, p), at_edge(run, edge)
    of_link, size, counts = e + PACKETS_OF + kind * COUNTED, run[e + SIZE + kind], run[COUNTS] + kind * COUNTED
    run[of_link + outcome] += size
    run[of_link + IN_FLIGHT] -= size
    run[counts + outcome] += 1
    run[counts + IN_FLIGHT] -= 1


# Messages.


@inner
def queue_up(net: Ints, run: Ints, row: Whole, whose: Whole, p: Whole) -> None:
    """Let an agent, or an edge, come to its transmitter, at a place that is drawn."""
    stream, queued = net[STREAMS] + row * STREAM, run[QUEUED] + run[WAITING] * WAITER
    net[stream + DRAWN] += 1
    run[queued + DRAW] = np.int64(raw(net, stream) >> TWO)
    run[queued + WHOSE], run[queued + IN_PHASE] = whose, p
    run[WAITING] += 1


@inner
def send(net: Ints, run: Ints, agent: Whole, p: Whole) -> None:
    """Let an agent hand over the messages of a phase next, or come to the medium with them."""
    a, number = at_agent(run, agent), 0
    first, last = run[a + FIRST_OUT], run[a + AGENT + FIRST_OUT]
    for edge in range(first, last):
        number += run[at_cell(run, p, edge) + ACTIVE]
    if not number:
        return
    copies, begins = run[run[PHASES] + p * PHASE_ROW + COPIES], run[WAITING]
    if run[SHARE] == OF_MEDIUM and not comes_already(run, p):
        schedule(run, run[NOW], HAND_OVERS + 3 * p, HAND_OVER, NONE, p, NONE)
    if run[BROADCAST]:
        if run[SHARE] == OF_MEDIUM:
            queue_up(net, run, run[a + AGENT_ORDER], agent, p)
        else:
            next_is(run, agent, p)
        return
    if run[SHARE] == OF_LINK or (run[SHARE] == OF_NODE and number == 1):
        for _ in range(copies):
            for edge in range(first, last):
                if run[at_cell(run, p, edge) + ACTIVE]:
                    next_is(run, edge, p)
        return
    for edge in range(first, last):
        if run[at_cell(run, p, edge) + ACTIVE]:
            queue_up(net, run, run[at_edge(run, edge) + EDGE_ORDER], edge, p)
    if run[SHARE] == OF_MEDIUM:
        return
    put_in_order(run, begins, run[WAITING])
    for _ in range(copies):
        for index in range(begins, run[WAITING]):
            next_is(run, run[run[QUEUED] + index * WAITER + WHOSE], p)
    run[WAITING] = begins


@inner
def next_is(run: Ints, whose: Whole, p: Whole) -> None:
    """Let an edge, or an agent that broadcasts, be the next to hand over."""
    handed = run[NEXT] + run[N_NEXT] * HANDED
    run[handed], run[handed + 1] = whose, p
    run[N_NEXT] += 1


@inner
def comes_already(run: Ints, p: Whole) -> Whole:
    """Say whether somebody waits for the medium in a phase."""
    for index in range(run[WAITING]):
        if run[run[QUEUED] + index * WAITER + IN_PHASE] == p:
            return True
    return False


@inner
def put_in_order(run: Ints, first: Whole, last: Whole) -> None:
    """Sort who waits by what was drawn, then by who it is."""
    for index in range(first + 1, last):
        at = index
        while at > first:
            one, other = run[QUEUED] + at * WAITER, run[QUEUED] + (at - 1) * WAITER
            if run[other] < run[one] or (run[other] == run[one] and run[other + WHOSE] < run[one + WHOSE]):
                break
            for column in range(WAITER):
                run[one + column], run[other + column] = run[other + column], run[one + column]
            at -= 1


@inner
def on_hand_over(run: Ints, p: Whole) -> None:
    """Let all that came to the medium for a phase hand over next, in the order that was drawn."""
    put_in_order(run, NONE, run[WAITING])
    kept, copies = 0, 1 if run[BROADCAST] else run[run[PHASES] + p * PHASE_ROW + COPIES]
    for index in range(run[WAITING]):
        queued, to = run[QUEUED] + index * WAITER, run[QUEUED] + kept * WAITER
        if run[queued + IN_PHASE] == p:
            for _ in range(copies):
                next_is(run, run[queued + WHOSE], p)
        else:
            for column in range(WAITER):
                run[to + column] = run[queued + column]
            kept += 1
    run[WAITING] = kept


@inner
def hand_over(net: Ints, real: Floats, run: Ints, whose: Whole, p: Whole) -> None:
    """Send a message over a link; or all copies of one that every neighbour of an agent may hear."""
    phase, first, last, slowest, copies = run[PHASES] + p * PHASE_ROW, whose, whose + 1, NOWHERE, ONCE
    if run[BROADCAST]:  # see `netmodels.Network.broadcast`
        first, last = run[at_agent(run, whose) + FIRST_OUT], run[at_agent(run, whose + 1) + FIRST_OUT]
        copies = run[phase + COPIES]
    for index in range(first, last):
        edge = run[at_edge(run, index) + IN_TURN] if run[BROADCAST] else index
        if run[at_cell(run, p, edge) + ACTIVE]:
            link = link_of(net, run, edge)
            if slowest < 0 or rate_of(net, real, run, link) < rate_of(net, real, run, slowest):
                slowest = link
    regime = regime_at(net, slowest, run[NOW])
    tries = not run[BROADCAST] and net[net[SPECS] + net[regime + OF_SPEC] * SPEC + RETRIES] > 0
    for _ in range(copies):
        message = emit(net, real, run, slowest, regime, run[phase + SIZE_BYTES], tries)
        for index in range(first, last):
            edge = run[at_edge(run, index) + IN_TURN] if run[BROADCAST] else index
            if run[STATUS] == DONE and run[at_cell(run, p, edge) + ACTIVE]:
                heard = regime_at(net, link_of(net, run, edge), run[NOW])
                receive(net, real, run, edge, p, heard, message, tries)


@inner
def link_of(net: Ints, run: Ints, edge: Whole) -> Whole:
    """Return where the link of an edge stands."""
    return net[LINKS] + run[at_edge(run, edge) + ROW] * LINK


@inner
def rate_of(net: Ints, real: Floats, run: Ints, link: Whole) -> Real:
    """Return how fast a link is now."""
    return real[net[regime_at(net, link, run[NOW]) + OF_SPEC] * FACTOR + RATE]


@inner
def on_arrival(run: Ints, edge: Whole, p: Whole) -> Whole:
    """Let a message be there; return the agent that goes on, if one does."""
    receiver, cell = run[at_edge(run, edge) + RECEIVER], at_cell(run, p, edge)
    a, closed_ns = at_agent(run, receiver), run[at_turn(run, p, receiver) + CLOSED_NS]
    current = run[a + PHASE]
    if run[cell + THERE] and (closed_ns == NEVER or closed_ns == run[NOW]):
        settle(run, HELD, edge, p)
    elif current == run[N_PHASES] or run[a + GONE]:
        settle(run, EXPIRED, edge, p)
    elif p < current:
        settle(run, LATE, edge, p)
        if not acks_of(run, p):
            e = at_edge(run, edge)
            run[e + NEWEST] = max(run[e + NEWEST], run[run[PHASES] + p * PHASE_ROW + ROUND])
    else:
        run[cell + THERE] = 1
        if p == current:
            run[a + MISSING] -= 1
            if not run[a + MISSING]:
                close(run, receiver, p)
                return receiver
    return NOBODY


# Crashes.


@inner
def schedule_transition(run: Ints, agent: Whole, index: Whole, up: Whole) -> None:
    """Let an agent crash, or come back; one thing at a time."""
    if index < run[at_agent(run, agent + 1) + FIRST_CRASH]:
        at_ns = run[run[CRASHES] + index * CRASH + up]
        if at_ns < FOREVER_NS:
            schedule(run, at_ns, CRASHES_FIRST, TRANSITION, agent, index, up)


@inner
def on_transition(run: Ints, agent: Whole, index: Whole, up: Whole) -> Whole:
    """Let an agent crash, or come back; return it if it goes on."""
    a = at_agent(run, agent)
    schedule_transition(run, agent, index + up, 1 - up)
    if not up:
        suspend(run, agent)
        if run[run[CRASHES] + index * CRASH + 2] and run[a + PHASE] < run[N_PHASES]:
            give_up(run, agent)
        return NOBODY
    if not run[a + SUSPENDED] or run[a + GONE]:
        return NOBODY
    run[a + SUSPENDED] = 0
    run[OPEN] += 1
    if run[a + INTERRUPTED]:
        run[a + INTERRUPTED] = 0
        if run[a + PHASE] < 0:
            run[a + STARTED_NS] = run[NOW]
            return agent
        schedule(run, run[NOW], DEADLINES + 3 * run[a + PHASE], DEADLINE, agent, run[a + PHASE], NONE)
    return NOBODY


@inner
def suspend(run: Ints, agent: Whole) -> None:
    """Let an agent be down, if it is not through."""
    a = at_agent(run, agent)
    if run[a + PHASE] < run[N_PHASES] and not run[a + SUSPENDED]:
        run[a + SUSPENDED] = 1
        run[OPEN] -= 1


@inner
def give_up(run: Ints, agent: Whole) -> None:
    """Let all that was there for an agent expire."""
    a = at_agent(run, agent)
    run[a + GONE] = 1
    for index in range(run[a + FIRST_IN], run[a + AGENT + FIRST_IN]):
        edge = run[at_edge(run, index) + INTO]
        for p in range(max(run[a + PHASE], 0), run[N_PHASES]):
            if run[at_cell(run, p, edge) + THERE]:
                run[at_cell(run, p, edge) + THERE] = 0
                settle(run, EXPIRED, edge, p)


@inner
def step(run: Ints) -> Whole:
    """Let the next event happen; return the agent that goes on to its next phase, if one does."""
    event = run[EVENTS] + take_next(run) * EVENT
    kind, who, which = run[event + KIND], run[event + WHO], run[event + WHICH]
    if kind == ARRIVAL:
        return on_arrival(run, who, which)
    if kind == HAND_OVER:
        on_hand_over(run, which)
        return NOBODY
    if kind == TRANSITION:
        return on_transition(run, who, which, run[event + SENT_NS])
    a = at_agent(run, who)
    if kind == DEADLINE and run[a + PHASE] != which:
        return NOBODY
    if run[a + SUSPENDED]:
        run[a + INTERRUPTED] = 1
        return NOBODY
    if kind == START:
        run[a + STARTED_NS] = run[NOW]
    else:
        close(run, who, which)
    return who


@inner
def begin(run: Ints, past_ns: Whole) -> None:
    """Let agents start when they are ready, and crash and come back when they do."""
    for agent in range(run[N_AGENTS]):
        start_ns = run[at_agent(run, agent) + START_NS]
        if start_ns >= 0:
            schedule(run, start_ns, STARTS_THEN, START, agent, NONE, NONE)
    for agent in range(run[N_AGENTS]):
        index, last = run[at_agent(run, agent) + FIRST_CRASH], run[at_agent(run, agent + 1) + FIRST_CRASH]
        while index < last and run[run[CRASHES] + index * CRASH + 1] < past_ns:
            index += 1
        is_down = index < last and run[run[CRASHES] + index * CRASH] < past_ns
        if is_down:
            suspend(run, agent)
        schedule_transition(run, agent, index, 1 if is_down else 0)


@inner
def goes_on(run: Ints) -> Whole:
    """Say whether the exchange is not over: somebody is under way, or something is due now."""
    return run[STATUS] == DONE and (run[OPEN] > 0 or (run[N_EVENTS] > 0 and run[run[HEAP]] == run[NOW]))


def prepare() -> None:
    """Compile all of it."""
    nothing = np.zeros(RUN, np.int64)
    nothing[HEAP] = RUN
    seed(np.zeros((0, 8), np.uint32), nothing)
    complete(nothing, np.zeros(0), nothing, 0)


@compiled
def complete(net: Ints, real: Floats, run: Ints, past_ns: Whole) -> Whole:
    """Bring an exchange to its end; return how it ended. Arrivals that are left stay on the heap."""
    begin(run, past_ns)
    while goes_on(run):
        if not run[N_EVENTS]:
            return STUCK
        agent, waits = step(run), False
        while not waits and run[STATUS] == DONE:
            waits = agent == NOBODY or not opens(net, run, agent)
            for index in range(run[N_NEXT]):
                if run[STATUS] == DONE:
                    handed = run[NEXT] + index * HANDED
                    hand_over(net, real, run, run[handed], run[handed + 1])
            run[N_NEXT] = 0
            waits = waits or not closes(run, agent)
    if run[STATUS] == DONE:
        for agent in range(run[N_AGENTS]):
            if run[at_agent(run, agent) + PHASE] < run[N_PHASES]:
                give_up(run, agent)
    return run[STATUS]
