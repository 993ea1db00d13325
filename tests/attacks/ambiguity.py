"""Tells from a regular expression alone whether some text makes matching it slow.

A backtracking matcher takes time that grows exponentially when a state of the automaton can come back to itself in two ways
over one word, and polynomially when a loop can hand over to another loop, both over one word (Weber and Seidl 1991). Both are
read off the expression, so nothing is timed. What is not read exactly is read as more than it is, counts above `EXACT` as any
number, anchors and looking around as nothing, so that a fault may be reported where there is none, and not the other way round.
Only a count that ends at `BOUND` or sooner is no loop where the square is asked for: it costs so much at each place, no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from re import _constants as codes  # the parser's own names; the standard library offers no others
from re import _parser as parser
from typing import Any, NamedTuple

EXACT = 8
BOUND = 1000
PLAIN = [chr(code) for code in range(128)] + ["\u00e9", "\u017f", "\u0663", "\u212a", "\u2028", "\u3000", "\U0001d49c"]
"""One character of every kind that classes tell apart."""

Characters = frozenset[str]
ALL = frozenset({"fullmatch", "search"})
REPEATS = {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}


class Verdict(NamedTuple):
    """What matching may cost.

    Attributes:
        exponential: some text doubles the work with each character.
        polynomial: some text makes the work grow with the square of its length, or worse.
    """

    exponential: bool
    polynomial: bool


class Edge(NamedTuple):
    """A way of reading one character; two that look alike are still two ways."""

    number: int
    source: int
    characters: Characters
    target: int


class Automaton:
    """What an expression accepts, built as Thompson did."""

    def __init__(self, pattern: str, flags: int = 0, *, bound: int = EXACT) -> None:
        tree = parser.parse(pattern, flags)
        self.bound = bound
        self.flags = tree.state.flags
        self.alphabet = sorted({*PLAIN, *_literals(tree)})
        self.silent: list[list[tuple[int, bool]]] = []
        self.reading: list[list[tuple[Characters, int]]] = []
        self.inner: list[Any] = []
        self.start = self.new()
        self.anchored = bool(tree) and _is_beginning(*tree[0], self.flags)
        self.end = self.sequence(tree, self.start)

    def new(self) -> int:
        self.silent.append([])
        self.reading.append([])
        return len(self.silent) - 1

    def pass_on(self, source: int, target: int, *, guarded: bool = False) -> None:
        self.silent[source].append((target, guarded))

    def sequence(self, nodes: Iterable[Any], state: int) -> int:
        for operation, argument in nodes:
            state = self.node(operation, argument, state)
        return state

    def node(self, operation: Any, argument: Any, state: int) -> int:
        """Add a node after a state, and return the state after it."""
        end = self.new()
        if operation in REPEATS:
            least, most, body = argument
            self.pass_on(self.repeat(body, least, most, state), end)
        elif operation is codes.BRANCH:
            for branch in argument[1]:
                entry = self.new()
                self.pass_on(state, entry)
                self.pass_on(self.sequence(branch, entry), end)
        elif operation is codes.SUBPATTERN:
            self.pass_on(self.sequence(argument[3], state), end)
        elif operation is codes.ATOMIC_GROUP:
            self.pass_on(self.sequence(argument, state), end)
        elif operation in {codes.ASSERT, codes.ASSERT_NOT}:
            self.inner.append(argument[1])
            self.pass_on(state, end, guarded=True)
        elif operation is codes.AT:
            self.pass_on(state, end, guarded=True)
        else:
            self.reading[state].append((self.characters(operation, argument), end))
        return end

    def repeat(self, body: Any, least: int, most: Any, state: int) -> int:
        endless = most is codes.MAXREPEAT or (most > self.bound and least != most)
        for _ in range(least if least == most else min(least, EXACT)):
            state = self.sequence(body, state)
        end = self.new()
        self.pass_on(state, end)
        if endless:
            entry = self.new()
            self.pass_on(state, entry)
            again = self.sequence(body, entry)
            self.pass_on(again, entry)
            self.pass_on(again, end)
            return end
        for _ in range(0 if least == most else min(most, EXACT) - min(least, EXACT)):
            entry = self.new()
            self.pass_on(state, entry)
            state = self.sequence(body, entry)
            self.pass_on(state, end)
        return end

    def characters(self, operation: Any, argument: Any) -> Characters:
        """Return which characters a node reads."""
        if operation is codes.ANY:
            return frozenset(one for one in self.alphabet if self.flags & re.DOTALL or one != "\n")
        if operation is codes.IN:
            return self.named(argument)
        if operation is codes.NOT_LITERAL:
            return frozenset(self.alphabet) - self.named([(codes.LITERAL, argument)])
        if operation is codes.LITERAL:
            return self.named([(operation, argument)])
        raise ValueError(f"an expression with {operation} cannot be judged")

    def named(self, items: Sequence[Any]) -> Characters:
        negated = items[0][0] is codes.NEGATE
        found = {one for one in self.alphabet for item in items[negated:] for cased in self.cases(one) if _is(cased, *item)}
        return frozenset(self.alphabet) - found if negated else frozenset(found)

    def cases(self, one: str) -> set[str]:
        return {one, one.lower()[:1], one.upper()[:1]} if self.flags & re.IGNORECASE else {one}

    def ways(self, state: int) -> Iterator[tuple[Characters, int]]:
        """Yield how a character can be read from a state on, once for each silent way there."""
        stack = [(state, frozenset({state}))]
        while stack:
            at, seen = stack.pop()
            yield from self.reading[at]
            stack += [(following, seen | {following}) for following, _ in self.silent[at] if following not in seen]

    def accepting(self, state: int) -> bool:
        """Tell whether a match may end at a state whatever follows."""
        stack, seen = [state], {state}
        while stack:
            at = stack.pop()
            for following, guarded in self.silent[at]:
                if not guarded and following not in seen:
                    seen.add(following)
                    stack.append(following)
        return self.end in seen

    def edges(self, *, searched: bool) -> list[Edge]:
        """Return the ways of reading that the start leads to; when searched, after any text."""
        found: list[Edge] = []
        waiting, seen = [self.start], {self.start}
        if searched and not self.anchored:
            before = self.new()
            self.pass_on(before, self.start)
            self.reading[before].append((frozenset(self.alphabet), before))
            waiting, seen = [before], {before}
        while waiting:
            state = waiting.pop()
            for characters, target in self.ways(state):
                found.append(Edge(len(found), state, characters, target))
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)
        return found


def judge(pattern: str, flags: int = 0, *, used: frozenset[str] = ALL) -> Verdict:
    """Judge an expression.

    Args:
        pattern: the expression.
        flags: as for `re.compile`.
        used: the methods it is used by; without ``fullmatch`` and ``match`` alone, it is looked for at every place of a text.

    Raises:
        ValueError: it holds something that cannot be judged, such as a reference to a group.
    """
    loops = Automaton(pattern, flags)
    exponential = _exponential(loops.edges(searched=False))
    bounded = Automaton(pattern, flags, bound=BOUND)
    edges = bounded.edges(searched=not used <= {"fullmatch", "match"})
    ends = frozenset(edge.target for edge in edges if bounded.accepting(edge.target))
    polynomial = bool(used - {"fullmatch"}) and _polynomial(edges, ends)
    polynomial = polynomial or ("fullmatch" in used and _polynomial(bounded.edges(searched=False), frozenset()))
    for inner in loops.inner:
        verdict = _judge_inner(inner, loops.flags)
        exponential, polynomial = exponential or verdict.exponential, polynomial or verdict.polynomial
    return Verdict(exponential, polynomial)


def _judge_inner(tree: Any, flags: int) -> Verdict:
    """Judge what an expression looks for ahead or behind."""
    inside = Automaton("", flags)
    inside.alphabet = sorted({*PLAIN, *_literals(tree)})
    inside.end = inside.sequence(tree, inside.start)
    edges = inside.edges(searched=False)
    return Verdict(_exponential(edges), _polynomial(edges, frozenset()))


def _exponential(edges: Sequence[Edge]) -> bool:
    """Tell whether a state comes back to itself in two ways over one word."""
    after = _by_source(edges)
    graph: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
    split: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
    waiting = [(state, state) for state in after]
    while waiting:
        pair = waiting.pop()
        if pair in graph:
            continue
        graph[pair] = set()
        for one in after.get(pair[0], ()):
            for other in after.get(pair[1], ()):
                if one.characters & other.characters:
                    following = (one.target, other.target)
                    graph[pair].add(following)
                    waiting.append(following)
                    if one.number != other.number:
                        split.add((pair, following))
    component = _components(graph)
    on_diagonal = {component[pair] for pair in graph if pair[0] == pair[1]}
    return any(component[one] == component[other] and component[one] in on_diagonal for one, other in split)


def _polynomial(edges: Sequence[Edge], harmless: frozenset[int]) -> bool:
    """Tell whether one loop hands over to another over a word that both read.

    Where a loop passes a state in which matching may end, no more than one round of it is ever taken back.
    """
    after = _by_source(edges)
    component = _components({(edge.source,): {(other.target,) for other in after[edge.source]} for edge in edges})
    inside = {
        state: [edge for edge in found if component.get((edge.target,)) == component[(state,)]]
        for state, found in after.items()
    }
    lasting = {state: [edge for edge in found if edge.target not in harmless] for state, found in inside.items()}
    return any(
        _hands_over(first, second, inside, after, lasting)
        for first, found in inside.items()
        for second, others in lasting.items()
        if found and others and first != second
    )


def _hands_over(
    first: int, second: int, inside: dict[int, list[Edge]], after: dict[int, list[Edge]], lasting: dict[int, list[Edge]]
) -> bool:
    goal = (first, second, second)
    waiting, seen = [(first, first, second)], set()
    while waiting:
        at = waiting.pop()
        for one in inside.get(at[0], ()):
            for between in after.get(at[1], ()):
                common = one.characters & between.characters
                if not common:
                    continue
                for other in lasting.get(at[2], ()):
                    following = (one.target, between.target, other.target)
                    if common & other.characters and following not in seen:
                        if following == goal:
                            return True
                        seen.add(following)
                        waiting.append(following)
    return False


def _by_source(edges: Sequence[Edge]) -> dict[int, list[Edge]]:
    found: dict[int, list[Edge]] = {}
    for edge in edges:
        found.setdefault(edge.source, []).append(edge)
    return found


def _components(graph: dict[tuple[int, ...], set[tuple[int, ...]]]) -> dict[tuple[int, ...], int]:
    """Return the number of each node's strongly connected component (Kosaraju's algorithm)."""
    order: list[tuple[int, ...]] = []
    seen: set[tuple[int, ...]] = set()
    for root, children in graph.items():
        stack = [(root, iter(children))] if root not in seen else []
        seen.add(root)
        while stack:
            node, following = stack[-1]
            for child in following:
                if child not in seen:
                    seen.add(child)
                    stack.append((child, iter(graph.get(child, ()))))
                    break
            else:
                order.append(node)
                stack.pop()
    back: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for node, children in graph.items():
        for child in children:
            back.setdefault(child, []).append(node)
    number: dict[tuple[int, ...], int] = {}
    for place, root in enumerate(reversed(order)):
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if node not in number:
                number[node] = place
                waiting += [before for before in back.get(node, ()) if before not in number]
    return number


def _is_beginning(operation: Any, argument: Any, flags: int) -> bool:
    """Tell whether a node stands for the beginning of the text, so that nothing can come before it."""
    if operation is not codes.AT:
        return False
    return argument is codes.AT_BEGINNING_STRING or (argument is codes.AT_BEGINNING and not flags & re.MULTILINE)


def _literals(tree: Any) -> Iterator[str]:
    """Yield the characters that an expression names."""
    for item in tree if isinstance(tree, list | tuple | parser.SubPattern) else ():
        if isinstance(item, tuple) and len(item) == 2 and item[0] in {codes.LITERAL, codes.NOT_LITERAL}:
            yield chr(item[1])
        elif isinstance(item, tuple) and len(item) == 2 and item[0] is codes.RANGE:
            yield from (chr(end) for end in item[1])
        elif isinstance(item, list | tuple | parser.SubPattern):
            yield from _literals(item)


def _is(one: str, operation: Any, argument: Any) -> bool:
    if operation is codes.LITERAL:
        return ord(one) == argument
    if operation is codes.RANGE:
        return bool(argument[0] <= ord(one) <= argument[1])
    if operation is codes.CATEGORY:
        return re.fullmatch(CATEGORIES[argument], one) is not None
    raise ValueError(f"a set with {operation} cannot be judged")


CATEGORIES = {
    codes.CATEGORY_DIGIT: r"\d",
    codes.CATEGORY_NOT_DIGIT: r"\D",
    codes.CATEGORY_SPACE: r"\s",
    codes.CATEGORY_NOT_SPACE: r"\S",
    codes.CATEGORY_WORD: r"\w",
    codes.CATEGORY_NOT_WORD: r"\W",
}
