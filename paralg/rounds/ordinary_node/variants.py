r"""The families of algorithms, as programs and rules, and what turns one kind into another.

A program's radii are its rounds of messages; a rule's those of the first ball that fixes the
output. ``me`` is a `NodeStart`, ``round`` counts from 1, ``inbox`` has a message a port.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from paralg.core import checks
from paralg.rounds.ordinary_node.gapfill import fill_gaps
from paralg.rounds.ordinary_node.lcl import LCL, lexicographically_first
from paralg.rounds.ordinary_node.local import NodeProgram, NodeStart
from paralg.rounds.ordinary_node.theory import linial_steps
from paralg.rounds.ordinary_node.views import Ball, breadth_first

__all__ = [
    "COLLISION", "ColeVishkin", "ColourByOrder", "Linial", "LubyMIS", "MISByOrder",
    "MatchingByOrder", "OrientByID", "TrialColouring", "capped", "cole_vishkin_step", "delayed",
    "derandomised", "gap_filled", "gathered", "largest_id", "linial_step", "randomised", "replayed",
    "smallest_free", "two_colouring",
]  # fmt: skip

COLLISION = "collision"  # output of a node that sees two equal identifiers


def smallest_free(taken: Sequence) -> int:
    """Return the least colour that is not taken."""
    return next(c for c in range(len(taken) + 1) if c not in taken)


# ---- rules: global problems


def largest_id(ball: Ball) -> bool | None:
    """Tell whether the centre of the ``ball`` is the maximum of all: False once one is larger."""
    checks.instance("ball", ball, Ball)
    if max(ball.ids) > ball.ids[0]:
        return False
    return True if ball.whole else None


def two_colouring(ball: Ball) -> int | None:
    """Colour by the parity of the distance to the smallest identifier, once the ``ball`` has it."""
    checks.instance("ball", ball, Ball)
    return ball.distance[ball.ids.index(min(ball.ids))] % 2 if ball.whole else None


# ---- programs: identifiers break symmetry


class ColourByOrder(NodeProgram):
    """Take the least free colour once all neighbours with larger identifiers have one."""

    def send(self, port: int) -> object:
        return self.me.id, self.output

    def receive(self, round: int, inbox: Sequence) -> None:
        if self.output is None:
            self.output = self.decide([output for other, output in inbox if other > self.me.id])

    def decide(self, larger: list) -> int | None:
        """Return the output, or None if it must wait for one of the larger neighbours."""
        return None if None in larger else smallest_free(larger)


class MISByOrder(ColourByOrder):
    """Join once all larger neighbours have said no; say no as soon as one of them says yes."""

    def decide(self, larger: list) -> int | None:
        if 1 in larger:
            return 0
        return None if None in larger else 1


class MatchingByOrder(NodeProgram):
    """Match the ends of an edge that both prefer; the larger its two identifiers, the better.

    The output is the partner's port, or -1 if no neighbour is open.
    """

    target: int | None = None

    def send(self, port: int) -> object:
        return self.me.id, self.output is None, self.target

    def receive(self, round: int, inbox: Sequence) -> None:
        if self.output is not None:
            return
        for port, (other, _, theirs) in enumerate(inbox):
            if self.target == other and theirs == self.me.id:
                self.output = port
                return
        edges = [(max(u, self.me.id), min(u, self.me.id), u) for u, is_open, _ in inbox if is_open]
        self.target = max(edges)[2] if edges else None
        if not edges:
            self.output = -1


class OrientByID(NodeProgram):
    """Direct every edge to the larger identifier; the output tells of each port if it leaves."""

    def send(self, port: int) -> object:
        return self.me.id

    def receive(self, round: int, inbox: Sequence) -> None:
        self.output = tuple(other > self.me.id for other in inbox)


class _Reducing(NodeProgram):
    """Shrink a palette in ``steps`` rounds, then give the colours from ``few`` on away, in turn.

    A node stops as soon as its colour is final: after the last step if it is one of the few.
    """

    def __init__(self, me: NodeStart, steps: int, few: int):
        super().__init__(me)
        self.colour, self.steps, self.few = me.id, steps, few
        self.output = me.id if not steps and me.id < few else None

    def send(self, port: int) -> object:
        return self.colour

    def receive(self, round: int, inbox: Sequence) -> None:
        if self.output is not None:
            return
        if round <= self.steps:
            self.colour = self.step(round, inbox)
        elif self.colour == self.few + round - self.steps - 1:
            self.colour = smallest_free(inbox)
        if round >= self.steps and self.colour < self.few:
            self.output = self.colour


def cole_vishkin_step(own: int, successor: int) -> int:
    """Return twice the lowest place where two numbers differ in binary, plus the own bit there."""
    i = ((own ^ successor) & -(own ^ successor)).bit_length() - 1
    return 2 * i + (own >> i & 1)


class ColeVishkin(_Reducing):
    """Three colours on oriented cycles, identifiers of ``bits`` bits [cole-1986-deterministic]."""

    def __init__(self, me: NodeStart, bits: int = 32):
        palette, steps = 1 << checks.integer("bits", bits, 1, 64), 0
        checks.integer("id", me.id, 0, palette - 1), checks.integer("degree", me.degree, 2, 2)
        while palette > 6 or not steps:
            palette, steps = 2 * (palette - 1).bit_length(), steps + 1
        super().__init__(me, steps, 3)

    def step(self, round: int, inbox: Sequence) -> int:
        return cole_vishkin_step(self.colour, inbox[0])  # the successor is behind port 0


def linial_step(own: int, others: Sequence[int], q: int, k: int) -> int:
    """Return the colour ``x q + f(x)`` for the least ``x`` at which the own polynomial is alone.

    A colour's digits in base ``q`` are the coefficients of its polynomial of degree ``k``.
    """

    def value(colour, x):
        return sum(colour // q**i % q * x**i for i in range(k + 1)) % q

    x = next(x for x in range(q) if value(own, x) not in [value(u, x) for u in others])
    return x * q + value(own, x)


class Linial(_Reducing):
    """Palette reduction on graphs of maximum degree ``degree`` [linial-1992-locality]."""

    def __init__(self, me: NodeStart, bits: int = 32, degree: int = 2):
        self.schedule = linial_steps(1 << checks.integer("bits", bits, 1, 64), degree)
        checks.integer("id", me.id, 0, (1 << bits) - 1)
        checks.integer("degree of a node", me.degree, 0, degree)
        super().__init__(me, len(self.schedule), degree + 1)

    def step(self, round: int, inbox: Sequence) -> int:
        return linial_step(self.colour, inbox, *self.schedule[round - 1])


# ---- programs: random tapes break symmetry


class LubyMIS(NodeProgram):
    """Luby's set [luby-1986-simple]: in each phase of two rounds the largest draws join.

    Winners of phase ``t`` stop in round ``2 t - 1``, their neighbours in ``2 t``.
    """

    def __init__(self, me: NodeStart):
        super().__init__(me)
        self.key = me.draw(0), me.id

    def send(self, port: int) -> object:
        return self.key if self.output is None else None, self.output == 1

    def receive(self, round: int, inbox: Sequence) -> None:
        if self.output is not None:
            return
        if round % 2:
            if all(key is None or key < self.key for key, _ in inbox):
                self.output = 1
        elif any(joined for _, joined in inbox):
            self.output = 0
        else:
            self.key = self.me.draw(round // 2), self.me.id


class TrialColouring(NodeProgram):
    """Try a random free one of ``degree + 1`` colours in every round, keep it if it is alone."""

    def __init__(self, me: NodeStart):
        super().__init__(me)
        self.free = list(range(me.degree + 1))
        self.trial = self.pick(0)

    def pick(self, counter: int) -> int:
        """Return a colour that no stopped neighbour is known to have."""
        return self.free[int(self.me.draw(counter) * len(self.free))]

    def send(self, port: int) -> object:
        return self.trial, self.output is not None

    def receive(self, round: int, inbox: Sequence) -> None:
        if self.output is not None:
            return
        if all(colour != self.trial for colour, _ in inbox):
            self.output = self.trial
            return
        self.free = [c for c in self.free if (c, True) not in inbox]
        self.trial = self.pick(round)


# ---- what turns one kind into another


def replayed(program: Callable[[NodeStart], NodeProgram]) -> Callable[[Ball], object]:
    """Return the rule that runs a ``program`` inside the ball.

    In round ``t`` nodes at distance at most ``radius - t`` receive; no others reach the centre.
    """
    checks.instance("program", program, Callable)

    def rule(ball: Ball) -> object:
        nodes = [program(start) for start in ball.starts]
        for t in range(1, ball.radius + 1):
            sent = [[node.send(q) for q in range(node.me.degree)] for node in nodes]
            for i, node in enumerate(nodes):
                if ball.distance[i] + t <= ball.radius:
                    node.receive(t, [sent[u][ball.ports[u].index(i)] for u in ball.ports[i]])
        return nodes[0].output

    return rule


def gathered(rule: Callable[[Ball], object]) -> type[NodeProgram]:
    """Return the program that floods what it knows, and asks the ``rule`` after every round."""
    checks.instance("rule", rule, Callable)

    class Gathering(NodeProgram):
        def __init__(self, me: NodeStart):
            super().__init__(me)
            self.starts, self.behind = {me.id: me}, {}
            self.output = rule(self.ball(0))

        def ball(self, radius: int) -> Ball:
            def ports(v):
                return [self.behind.get((v, q)) for q in range(self.starts[v].degree)]

            return breadth_first(self.me.id, radius, ports, self.starts.__getitem__)

        def send(self, port: int) -> object:
            return self.me.id, port, dict(self.starts), dict(self.behind)

        def receive(self, round: int, inbox: Sequence) -> None:
            for port, (other, back, starts, behind) in enumerate(inbox):
                self.starts |= starts
                self.behind |= behind | {(self.me.id, port): other, (other, back): self.me.id}
            if self.output is None:
                self.output = rule(self.ball(round))

    return Gathering


def capped(rule: Callable[[Ball], object]) -> Callable[[Ball], object]:
    """Return the ``rule`` that answers at the latest when the ball shows the whole graph."""
    checks.instance("rule", rule, Callable)

    def early(ball: Ball) -> object:
        radii = range(ball.radius, 4 * len(ball.ids) + 9) if ball.whole else (ball.radius,)
        answers = (rule(ball.around(0, r)) for r in radii)
        return next((one for one in answers if one is not None), None)

    return early


def delayed(program: Callable, wait: Callable[[int], int]) -> type[NodeProgram]:
    """Return the ``program`` that sends the same, and stops in round ``wait(id)`` or later."""
    checks.instance("program", program, Callable)
    checks.instance("wait", wait, Callable)

    class Delayed(NodeProgram):
        def __init__(self, me: NodeStart):
            super().__init__(me)
            self.inner = program(me)
            self.send = self.inner.send

        def receive(self, round: int, inbox: Sequence) -> None:
            self.inner.receive(round, inbox)
            if round >= wait(self.me.id):
                self.output = self.inner.output

    return Delayed


def randomised(rule: Callable[[Ball], object], space: int) -> Callable[[Ball], object]:
    """Return the ``rule`` on identifiers that nodes draw from ``0 .. space - 1`` for themselves.

    A node that sees two equal ones says `COLLISION`: the run is then drawn again.
    """
    checks.instance("rule", rule, Callable)
    checks.integer("space", space, 1, 1 << 53)

    def drawn(ball: Ball) -> object:
        starts = tuple(replace(one, id=int(one.draw(0) * space)) for one in ball.starts)
        collides = len({one.id for one in starts}) < len(starts)
        return COLLISION if collides else rule(replace(ball, starts=starts))

    return drawn


def derandomised(program: Callable[[NodeStart], NodeProgram]) -> Callable[[NodeStart], NodeProgram]:
    """Return the ``program`` whose random tape is a fixed function of the identifier, hashed."""
    checks.instance("program", program, Callable)
    return lambda me: program(replace(me, tape=(0, me.id)))


# ---- gap filling as a rule


def gap_filled(problem: LCL, rule: Callable[[Ball], object]) -> Callable[[Ball], object]:
    """Return the gap-filled form of a ``rule`` for a ``problem``, itself a rule on balls."""
    checks.instance("problem", problem, LCL)
    checks.instance("rule", rule, Callable)

    def filled(ball: Ball) -> object:
        if ball.whole:
            ring = [0, *_walk(ball, 0)]
            runs = [_answer(rule, ball, i, len(ring) // 2) for i in ring]
            return fill_gaps(problem, *zip(*runs, strict=True)).outputs[0]
        ends = [_side(rule, ball, port) for port in (1, 0)]
        if None in ends:
            return None
        (a, before), (b, after) = ends
        inner = lexicographically_first(problem, a, b, before + after - 1) if before else [a]
        return inner[before - 1]

    return filled


def _walk(ball: Ball, port: int) -> list[int]:
    """Return the nodes of a ball behind the centre in one direction."""
    found, v = [], ball.ports[0][port]
    while v not in (0, None):
        found.append(v)
        v = ball.ports[v][port]
    return found


def _answer(rule, ball: Ball, i: int, horizon: int):
    """Return output and radius of the rule at a node of a ball, None if not within a horizon."""
    tries = ((rule(ball.around(i, r)), r) for r in range(horizon + 1))
    return next((one for one in tries if one[0] is not None), None)


def _side(rule, ball: Ball, port: int):
    """Return label and distance of the nearest anchor on a side, None if that is not yet known."""
    ring, horizon = [*_walk(ball, 1)[::-1], 0, *_walk(ball, 0)], ball.radius
    runs = [_answer(rule, ball, i, horizon - ball.distance[i]) for i in ring]
    for k in range(horizon + 1):
        x = ring.index(0) + (k if port == 0 else -k)
        known = [(y - x, abs(y - x) + run[1]) for y, run in enumerate(runs) if run is not None]
        sides = [min((t for d, t in known if d * s >= 0), default=horizon + 1) for s in (1, -1)]
        if max(sides) + k > horizon:
            return None
        if runs[x] is not None and runs[x][1] == max(sides):
            return runs[x][0], k
    return None
