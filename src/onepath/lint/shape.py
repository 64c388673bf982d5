"""Whether a class is a strategy as the engine calls it: its callbacks, its orders, what it wants of the context."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from typing import get_type_hints

from onepath.context import Context, Sized
from onepath.lint.rules import Finding
from onepath.lint.source import Function, Idea, Source, words
from onepath.nearest import nearest
from onepath.strategy import Strategy

CALLBACKS = {
    name: tuple(inspect.signature(method).parameters)
    for name, method in inspect.getmembers(Strategy, inspect.isfunction)
    if name.startswith("on_") or name == "generate_orders"
}
ELSEWHERE = {
    **dict.fromkeys(("initialize", "init", "setup", "start", "on_init", "on_begin"), "on_start"),
    **dict.fromkeys(
        ("handle_data", "on_data", "on_tick", "on_trade_tick", "on_quote_tick", "on_market_data"), "on_market_event"
    ),
    **dict.fromkeys(("on_quote", "on_trade", "on_candle", "on_kline", "on_event"), "on_market_event"),
    **dict.fromkeys(("next", "generate_signals", "populate_entry_trend", "trade", "rebalance"), "generate_orders"),
    **dict.fromkeys(("notify_order", "on_order", "on_fill", "on_order_filled", "on_order_event"), "on_order_update"),
    **dict.fromkeys(("on_end", "on_finish", "teardown", "on_exit", "on_shutdown", "stop"), "on_stop"),
}
"""what other frameworks call it"""
_ORDERS = words("buy sell short cover close target replace cancel cancel_all oco")
_SIZED = words("buy sell short cover close target")
_TERMS = frozenset({*get_type_hints(Sized), "quantity", "symbol", "weight", "band"})
_INTENTS = frozenset({"onepath.OrderIntent", "onepath.CancelIntent", "onepath.ReplaceIntent"})


@cache
def attributes() -> frozenset[str]:
    """What a context has: its methods and what its constructor sets."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(Context.__init__)))
    stored = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
    return frozenset(name for name in {*dir(Context), *stored} if not name.startswith("_"))


def of_callbacks(source: Source) -> Iterator[Finding]:
    """Names and arguments of methods that the engine calls, or does not."""
    for idea in source.ideas:
        used = {n.attr for m in idea.methods.values() for n in ast.walk(m) if isinstance(n, ast.Attribute)}
        for method in (m for m in idea.node.body if isinstance(m, Function)):
            if method.name in CALLBACKS:
                yield from _of_callback(source, method)
            elif method.name not in used and not method.name.startswith("_"):
                yield from _of_stranger(source, idea, method)


def _of_stranger(source: Source, idea: Idea, method: Function) -> Iterator[Finding]:
    """A method that nobody calls."""
    meant = ELSEWHERE.get(method.name, "")
    if meant and meant not in idea.methods:
        yield source.find("OP121", method, f"{method.name} is never called; onepath calls {meant}")
        return
    hint = nearest(method.name, CALLBACKS, 0.5 if method.name.startswith("on_") else 0.8)
    if hint or method.name.startswith("on_"):
        yield source.find("OP121", method, f"{method.name} is never called{hint}; there are {', '.join(CALLBACKS)}")


def _of_callback(source: Source, method: Function) -> Iterator[Finding]:
    wanted = CALLBACKS[method.name]
    if isinstance(method, ast.AsyncFunctionDef):
        yield source.find("OP123", method, f"async def {method.name}: nobody awaits it; write def {method.name}")
    decorators = {d.id for d in method.decorator_list if isinstance(d, ast.Name)}
    given = method.args
    names = [a.arg for a in (*given.posonlyargs, *given.args)]
    number = len(wanted) - ("staticmethod" in decorators)
    least = len(names) - len(given.defaults)
    needs = any(default is None for default in given.kw_defaults)
    if needs or least > number or (len(names) < number and given.vararg is None):
        yield source.find("OP122", method, f"{method.name}({', '.join(names)}) is called with ({', '.join(wanted)})")


def of_trading(source: Source) -> Iterator[Finding]:
    """No generate_orders; orders that are thrown away."""
    for idea in source.ideas:
        if idea.whole and "generate_orders" not in idea.methods:
            yield source.find(
                "OP124", idea.node, f"{idea.node.name} has no generate_orders, the only method that trades"
            )
        yield from _of_self(source, idea)
    for node in source.nodes:
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
            continue
        called = node.value.func
        if isinstance(called, ast.Attribute) and called.attr in _ORDERS and is_context(source, called.value):
            said = f"context.{called.attr}(...) sends nothing by itself"
            yield source.find("OP125", node, f"{said}: return its list from generate_orders")
        elif source.dotted(called) in _INTENTS:
            yield source.find("OP125", node, "an intent sends nothing by itself: return it from generate_orders")


def _of_self(source: Source, idea: Idea) -> Iterator[Finding]:
    """`self.buy(...)`, as other frameworks have it."""
    nodes = [n for m in idea.methods.values() if source.parents.get(m) is idea.node for n in ast.walk(m)]
    own = {n.attr for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)} | set(idea.methods)
    for node in nodes if idea.whole else ():
        called = node.func if isinstance(node, ast.Call) else None
        if not isinstance(called, ast.Attribute) or called.attr not in _ORDERS - own:
            continue
        if isinstance(called.value, ast.Name) and called.value.id == "self":
            yield source.find("OP114", called, f"a strategy has no {called.attr}; return context.{called.attr}(...)")


def of_context(source: Source) -> Iterator[Finding]:
    """What the context is asked for."""
    for node in source.nodes:
        if isinstance(node, ast.Attribute):
            root = _root(node)
            if (
                node.attr.startswith("_")
                and not node.attr.startswith("__")
                and root is not None
                and is_context(source, root)
            ):
                yield source.find(
                    "OP113", node, f"{ast.unparse(node)} is the engine's own; use what the context offers"
                )
            elif is_context(source, node.value) and node.attr not in attributes() and not node.attr.startswith("_"):
                hint = nearest(node.attr, attributes())
                yield source.find("OP114", node, f"the context has no {node.attr}{hint}")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _SIZED:
            strange = [k.arg for k in node.keywords if k.arg is not None and k.arg not in _TERMS]
            for word in strange if is_context(source, node.func.value) else ():
                yield source.find("OP115", node, f"{node.func.attr} does not know {word!r}{nearest(word, _TERMS)}")


INSIDES = words(
    """onepath.engine onepath.desk onepath.loop onepath.seat onepath.agenda onepath.blotter onepath.ledger onepath.gate
    onepath.session onepath.build onepath.replay onepath.recording onepath.journal onepath.feeds onepath.streams onepath.clock
    onepath.simulator.venue onepath.simulator.house onepath.simulator.barpit onepath.simulator.tickpit onepath.snapshot
    onepath.isolation onepath.watchdog onepath.localvenue onepath.cli onepath.config onepath.registry onepath.workspace
    onepath.monitor"""
)


def of_insides(source: Source) -> Iterator[Finding]:
    """Modules of the engine that running code speaks of."""
    for node, name in source.names():
        found = next((i for i in INSIDES if name == i or name.startswith(f"{i}.")), None)
        if found is not None:
            yield source.find("OP113", node, f"{found} is the engine's own; use what the context offers")


def is_context(source: Source, node: ast.expr) -> bool:
    """Whether a name is a context: called so, and an argument; or the last argument of a callback."""
    if not isinstance(node, ast.Name):
        return False
    function = source.function(node)
    if function is None:
        return False
    arguments = [*function.args.posonlyargs, *function.args.args]
    for argument in arguments:
        if argument.arg == node.id:
            typed = argument.annotation
            if typed is not None and source.dotted(typed) in {"onepath.Context", "onepath.context.Context"}:
                return True
            last = argument is arguments[-1] and len(arguments) == len(CALLBACKS.get(function.name, ()))
            return node.id == "context" or last
    return False


def _root(node: ast.expr) -> ast.expr | None:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node if isinstance(node, ast.Name) else None
