"""Steps whose state stays in the processor's registers while they run compiled over a column.

Rules: what a step reaches by a written number, `state[1]`, is a local variable of the compiled loop; what it reaches by a
computed one, `state[place]`, stays in memory. The same source makes both, so the numbers are the same to the last bit; the
source is read from the file and used only if it gives the very code that runs. A step that uses both kinds must say, with
`@in_registers(count)`, that its computed indices and the functions it hands its state to never touch the first `count`
numbers, and are never negative, so that nobody has to ask; a step that uses written numbers alone need not say anything.
Limits: keep divisions that could meet zero out of a step, or ask first (`a / b if b != 0.0 else ...`): where a division may
raise, the state goes back to memory, and a step takes 10 ns more. A step that is not of this form, or whose source is not to be
had, stays as it is: the same numbers, slower.
Cost: 1 to 3 ns a value where state in memory takes 3 to 15, because a number written to memory is back only 5 cycles later.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from functools import cache
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from onepath.features.definition import Step

FORMAT = "5"
"""Raised when steps are rewritten differently, so that what was compiled of an older form is not used."""
_SAID: dict[Step, int] = {}
_MOST = 24
"""numbers held; registers are sixteen, and what does not fit goes to memory again, but not through it"""


class Held(NamedTuple):
    """A step that takes the first numbers of its state after `state` and returns them after its value."""

    step: Any
    numbers: int


def in_registers(count: int) -> Callable[[Step], Step]:
    """Say of a step that computed indices, and what it hands its state to, leave the first `count` numbers alone, and that no
    index is negative."""

    def decorate(step: Step) -> Step:
        _SAID[step] = count
        return step

    return decorate


@cache
def held(step: FunctionType) -> Held | None:
    """The step with its state in registers; None where that cannot be done, or would not be the same."""
    tree = _source(step)
    if tree is None or len(tree.args.args) < 2 or _nested(tree):
        return None
    state = tree.args.args[0].arg
    count = _SAID.get(step)
    if count is None:
        count = _count(tree, state)
    if not 0 < count <= _MOST:
        return None
    _Holding(state, count).rewrite(tree)
    return Held(_made(tree, step, unsigned=step in _SAID), count)


def _made(tree: ast.FunctionDef, step: FunctionType, *, unsigned: bool) -> FunctionType:
    """The function that `tree` is now; `unsigned`: its indices, and those of what it calls, are never negative."""
    names = step.__globals__
    if unsigned:
        _Placing(tree.args.args[0].arg).visit(tree)
        called = {name: names[name] for name in step.__code__.co_names if isinstance(names.get(name), FunctionType)}
        names = {**names, **{name: _placed(one) for name, one in called.items()}}
    return FunctionType(_compiled(tree, step), names, step.__name__, step.__defaults__)


def _placed(function: FunctionType) -> FunctionType:
    """A function that a step hands its state to, so; any other as it is."""
    tree = _source(function)
    if tree is None or not tree.args.args or tree.args.args[0].arg != "state" or _nested(tree):
        return function
    return _made(tree, function, unsigned=True)


class _Placing(ast.NodeTransformer):
    """`state[E]` becomes `state[_place(E)]`, an index without sign: one with a sign might count from the end, and is asked."""

    def __init__(self, state: str) -> None:
        self._state = state

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        named = isinstance(node.value, ast.Name) and node.value.id == self._state
        if named and not isinstance(node.slice, ast.Constant):
            node.slice = ast.Call(ast.Name("_place", ast.Load()), [node.slice], [])
        return node


def loop(inputs: int, count: int) -> CodeType:
    """The loop over history around such a step; see `loops` for the one it takes the place of.

    `odd` is no number as soon as one of the values is none, or infinite: these alone are worth a second look.
    """
    columns = [f"column_{n}" for n in range(inputs)]
    numbers = _names(count)
    text = f"""
def over_{inputs}_held_{count}(state, out, columns, arguments):
    {", ".join(columns)}, = columns
    {", ".join(numbers)}, = {", ".join(f"state[{n}]" for n in range(count))},
    odd = 0.0
    for i in range(len(out)):
        value, {", ".join(numbers)} = step(state, {", ".join([*numbers, *(f"{c}[i]" for c in columns)])}, *arguments)
        out[i] = value
        odd += value - value
    {"; ".join(f"state[{n}] = {name}" for n, name in enumerate(numbers))}
    if odd != 0.0:
        for i in range(len(out)):
            out[i] = out[i] if out[i] - out[i] == 0.0 else nan
"""
    return _function(compile(text, __file__, "exec", dont_inherit=True))


def _names(count: int) -> list[str]:
    return [f"_held_{n}" for n in range(count)]


def _source(step: FunctionType) -> ast.FunctionDef | None:
    """The step's definition, if the file still says what runs."""
    own = step.__code__
    try:
        text = "".join(inspect.findsource(step)[0])
        module, whole = ast.parse(text), compile(text, own.co_filename, "exec", own.co_flags & _FUTURE, True)
    except (OSError, TypeError, SyntaxError):
        return None
    for tree in ast.walk(module):
        if isinstance(tree, ast.FunctionDef) and tree.name == step.__name__ and _first(tree) == own.co_firstlineno:
            return tree if own in _within(whole) and not step.__closure__ else None
    return None


def _first(tree: ast.FunctionDef) -> int:
    """The line a function begins at, decorators included, as code objects count."""
    return min(tree.lineno, *(part.lineno for part in tree.decorator_list), tree.lineno)


def _within(code: CodeType) -> Iterator[CodeType]:
    """All functions' code in a module's; equal code objects have the same instructions, constants, names and first line."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _within(constant)


def _compiled(tree: ast.FunctionDef, step: FunctionType) -> CodeType:
    tree.decorator_list = []
    for argument in tree.args.args:
        argument.annotation = None
    tree.returns = None
    module = ast.fix_missing_locations(ast.Module([tree], []))
    return _function(compile(module, step.__code__.co_filename, "exec", dont_inherit=True))


_FUTURE = 0x1000000
"""the flag of `from __future__ import annotations`"""


def _function(module: CodeType) -> CodeType:
    return next(constant for constant in module.co_consts if isinstance(constant, CodeType))


_SCOPES = (ast.FunctionDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.ClassDef)


def _nested(tree: ast.FunctionDef) -> bool:
    """Whether there is a function within, which could not change what is held."""
    return any(isinstance(node, _SCOPES) for part in tree.body for node in ast.walk(part))


def _count(tree: ast.FunctionDef, state: str) -> int:
    """How many numbers a step of written indices alone has; 0 where there are others."""
    found = [_number(node, state) for node in ast.walk(tree) if isinstance(node, ast.Subscript)]
    known = [number for number in found if number is not None]
    uses = sum(isinstance(node, ast.Name) and node.id == state for node in ast.walk(tree))
    return max(known, default=-1) + 1 if len(known) == uses else 0


def _number(node: ast.Subscript, state: str) -> int | None:
    """k of `state[k]`, None of anything else."""
    index = node.slice
    if isinstance(node.value, ast.Name) and node.value.id == state and isinstance(index, ast.Constant):
        return index.value if type(index.value) is int else None
    return None


class _Holding(ast.NodeTransformer):
    """`state[1] = E` becomes `_held_1 = float(E)`, and `return E` hands the held numbers out too."""

    def __init__(self, state: str, count: int) -> None:
        self._state, self._count = state, count

    def rewrite(self, tree: ast.FunctionDef) -> None:
        tree.body = [self.visit(part) for part in tree.body]
        tree.args.args[1:1] = [ast.arg(name) for name in _names(self._count)]

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        number = _number(node, self._state)
        if number is None or number >= self._count:
            return node
        return ast.Name(f"_held_{number}", node.ctx)

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        self.generic_visit(node)
        if any(isinstance(target, ast.Name) and target.id.startswith("_held_") for target in node.targets):
            node.value = _float(node.value)  # as memory would make it one
        return node

    def visit_Return(self, node: ast.Return) -> ast.Return:
        self.generic_visit(node)
        numbers: list[ast.expr] = [ast.Name(name, ast.Load()) for name in _names(self._count)]
        return ast.Return(ast.Tuple([_float(node.value or ast.Constant(None)), *numbers], ast.Load()))


def _float(value: ast.expr) -> ast.expr:
    return ast.Call(ast.Name("float", ast.Load()), [value], [])
