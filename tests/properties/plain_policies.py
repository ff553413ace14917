"""Every policy as docs/method.md has it: agent by agent, message by message, in fractions, without rounding."""

from fractions import Fraction

from dvdn_sim.consensus import Facts

Edge = tuple[int, int]
Numbers = list[Fraction]


class Plain:
    """Facts as books that can be looked up: `edges[k]` of the round's graph, `newest[k, (j, i)]`, `confirmed`."""

    def __init__(self, facts: Facts, weights: str) -> None:
        edges = [(j, i) for j, i in facts.edges.tolist()]
        self.agents, self.rounds, self.weights = range(facts.n_agents), range(facts.rounds), weights
        self.edges = [[edge for e, edge in enumerate(edges) if facts.active[k, e]] for k in self.rounds]
        self.newest = {(k, edge): int(facts.latest[k, e]) for k in self.rounds for e, edge in enumerate(edges)}
        self.confirmed = {(k, edge) for k in self.rounds for e, edge in enumerate(edges) if facts.confirmed[k, e]}
        self.degree = [[sum(j == i for j, _ in self.edges[k]) for i in self.agents] for k in self.rounds]

    def neighbours(self, k: int, i: int) -> list[int]:
        """Whose messages may come to i in round k."""
        return [j for j, receiver in self.edges[k] if receiver == i]

    def heard(self, k: int, i: int) -> list[int]:
        """H_i."""
        return [j for j in self.neighbours(k, i) if self.newest[k, (j, i)] == k]

    def weight(self, k: int, i: int, j: int) -> Fraction:
        """w_ij."""
        degrees = self.degree[k]
        if self.weights == "max_degree":
            return Fraction(1, 1 + max(degrees))
        weight = Fraction(1, 1 + max(degrees[i], degrees[j]))
        return weight / 2 if self.weights == "lazy" else weight

    def own_weight(self, k: int, i: int) -> Fraction:
        """w_ii."""
        return 1 - sum((self.weight(k, i, j) for j in self.neighbours(k, i)), Fraction(0))


def rounds_of(name: str, facts: Facts, weights: str, x: Numbers) -> list[Numbers]:
    """What agents hold after every round."""
    plain = Plain(facts, weights)
    if name == "push_sum":
        return _push_sum(plain, x)
    if name == "running_sum":
        return running_sum(plain, x)[0]
    before, rule = [x], RULES[name]
    for k in plain.rounds:
        before.append([rule(plain, k, i, before) for i in plain.agents])
    return before[1:]


def _self(plain: Plain, k: int, i: int, before: list[Numbers]) -> Fraction:
    x = before[k]
    return x[i] + sum(plain.weight(k, i, j) * (x[j] - x[i]) for j in plain.heard(k, i))


def _renormalize(plain: Plain, k: int, i: int, before: list[Numbers]) -> Fraction:
    weights = {j: plain.weight(k, i, j) for j in plain.heard(k, i)} | {i: plain.own_weight(k, i)}
    return sum(weight * before[k][j] for j, weight in weights.items()) / sum(weights.values())


def _symmetric(plain: Plain, k: int, i: int, before: list[Numbers]) -> Fraction:
    x = before[k]
    known = [j for j in plain.heard(k, i) if (k, (j, i)) in plain.confirmed]
    return x[i] + sum(plain.weight(k, i, j) * (x[j] - x[i]) for j in known)


def _stale(plain: Plain, k: int, i: int, before: list[Numbers]) -> Fraction:
    newest = {j: plain.newest[k, (j, i)] for j in plain.neighbours(k, i)}
    x = before[k]
    return x[i] + sum(plain.weight(k, i, j) * (before[r][j] - x[i]) for j, r in newest.items() if r >= 0)


def _zero_fill(plain: Plain, k: int, i: int, before: list[Numbers]) -> Fraction:
    x = before[k]
    return plain.own_weight(k, i) * x[i] + sum(plain.weight(k, i, j) * x[j] for j in plain.heard(k, i))


RULES = {"self": _self, "renormalize": _renormalize, "symmetric": _symmetric, "stale": _stale, "zero_fill": _zero_fill}


def _push_sum(plain: Plain, x: Numbers) -> list[Numbers]:
    y, zeta, estimates = list(x), [Fraction(1) for _ in x], []
    for k in plain.rounds:
        share = [Fraction(1, 1 + degree) for degree in plain.degree[k]]
        y, zeta = (
            [sum(share[j] * mass[j] for j in [i, *plain.heard(k, i)]) for i in plain.agents] for mass in (y, zeta)
        )
        estimates.append([a / b for a, b in zip(y, zeta, strict=True)])
    return estimates


Books = list[tuple[Numbers, Numbers, dict[Edge, Fraction], dict[Edge, Fraction]]]


def running_sum(plain: Plain, x: Numbers) -> tuple[list[Numbers], Books]:
    """Estimates; and y, ζ, and σ - ρ of both, after each round."""
    y, zeta, estimates, books = list(x), [Fraction(1) for _ in x], [], []
    nothing = (Fraction(0), Fraction(0))
    total, taken, newest, sent = {}, {}, {}, {}
    for k in plain.rounds:
        share = [Fraction(1, 1 + degree) for degree in plain.degree[k]]
        for i, j in plain.edges[k]:
            a, b = total.get((i, j), nothing)
            sent[k, (i, j)] = total[i, j] = (a + share[i] * y[i], b + share[i] * zeta[i])
        y, zeta = ([share[i] * mass[i] for i in plain.agents] for mass in (y, zeta))
        for (at, edge), r in plain.newest.items():
            if at == k and r > newest.get(edge, -1):
                (a, b), (c, d) = sent[r, edge], taken.get(edge, nothing)
                y[edge[1]] += a - c
                zeta[edge[1]] += b - d
                taken[edge], newest[edge] = sent[r, edge], r
        estimates.append([a / b for a, b in zip(y, zeta, strict=True)])
        flying = [{edge: total[edge][of] - taken.get(edge, nothing)[of] for edge in total} for of in (0, 1)]
        books.append((y, zeta, *flying))
    return estimates, books
