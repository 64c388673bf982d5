"""From the text of a rule file to a `Sheet`, or to the one sentence that says what is wrong with it.

Rules: the whole file is read before anything runs. A complaint names file, line and key, what was found, what was expected
and the nearest name; it is a StrategyError, whatever the text. Keys beside `long` and `short` hold for both sides; without
these two everything is long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path as Place
from typing import Any, NoReturn

from onepath.errors import ConfigError, StrategyError
from onepath.nearest import nearest
from onepath.orders import TimeInForce
from onepath.rules import words
from onepath.rules.asked import Asked
from onepath.rules.language import MOST_BARS, Scope, Wrong, amount, condition
from onepath.rules.sheet import (
    NUMBER,
    TEXT,
    TRUTH,
    TYPES,
    WHOLE,
    Entry,
    Guard,
    Param,
    Rule,
    Sheet,
    Side,
    Size,
    Wanted,
)
from onepath.rules.words import Count, Negative, Node, Number

Path = tuple[str | int, ...]
_ABOUT = ("name", "version", "description", "params", "features", "long", "short", "cooldown", "max_positions")
_SECTIONS = ("signal", "entry", "cancel", "emergency_exit", "close")
_SIDE = (*_SECTIONS, "size", "order", "stop_loss", "take_profit")
KEYS = (*_ABOUT, *_SIDE)
"""what may stand in a file"""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TITLE = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]{0,63}")
_SIZES = ("weight", "quantity", "notional", "risk")
_GUARDS = ("percent", "distance", "price", "money")
_ORDERS = ("market", "limit", "stop")
_IN_FORCE = tuple(str(kind) for kind in TimeInForce if kind is not TimeInForce.GTD)
_MEANT = {"exit": "close", "sell": "close", "buy": "entry", "stop": "stop_loss", "target": "take_profit"}
"""what people call sections elsewhere"""


def read(text: str, path: str, home: Place) -> Sheet:
    """The sheet that `text` says; `path` is what complaints call the file, `home` where files of features are looked for.

    Raises StrategyError.
    """
    from onepath.config import document

    try:
        found = document.read(text, path, {}, "a rule file needs at least `entry` and `size`", "entry: rsi < 30")
        return _Reader(found.values, found.lines, text, path, home).sheet()
    except ConfigError as error:
        raise StrategyError(str(error)) from None
    except RecursionError:
        raise StrategyError(f"{path} is nested too deeply to be a rule file; take it for broken") from None


class _Reader:
    """One file's values and where they stand."""

    def __init__(self, values: Mapping[str, Any], lines: Mapping[Path, str], text: str, path: str, home: Place) -> None:
        self._values = values
        self._lines = lines
        self._text = text
        self._path = path
        self._home = home
        self._scope = Scope((), {})

    def sheet(self) -> Sheet:
        values = self._values
        self._known(values, (), KEYS)
        params = self._params()
        defaults = {param.name: param.default for param in params}
        self._scope = Scope((), defaults)
        features = self._features(defaults)
        self._scope = Scope(tuple(wanted.name for wanted in features), defaults)
        stem = re.sub(r"\W", "_", self._path.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]) or "rules"
        stem = stem if _TITLE.fullmatch(stem) else f"rules_{stem}"[:64]
        name = self._words("name", stem)
        if not _TITLE.fullmatch(name):
            self._fail(("name",), f"found {name!r}, expected letters, digits, _ and -, beginning with a letter")
        most = self._whole(("max_positions",), 1) if values.get("max_positions") is not None else None
        return Sheet(
            name=name,
            version=self._words("version", "1"),
            description=self._words("description", ""),
            params=params,
            features=features,
            sides=self._sides(),
            cooldown=self._whole(("cooldown",), 0) if values.get("cooldown") is not None else 0,
            max_positions=most,
            text=self._text,
            path=self._path,
        )

    # -- complaints, and small things

    def _fail(self, path: Path, said: str) -> NoReturn:
        """Complain about what stands at `path`."""
        key = ".".join(map(str, path))
        raise StrategyError(f"{self._where(path)}: {key}: {said}" if key else f"{self._where(path)}: {said}")

    def _where(self, path: Path) -> str:
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, self._path)

    def _known(self, given: Mapping[str, Any], path: Path, keys: Sequence[str]) -> None:
        for key in given:
            if key not in keys:
                if path and given[key] is None and not _TITLE.fullmatch(key):  # YAML cut a text in two at its comma
                    said = f"inside braces a text with a comma needs quotes (it was cut before {key!r})"
                    raise StrategyError(f"{self._where((*path, key))}: {'.'.join(map(str, path))}: {said}")
                meant = _MEANT.get(key)
                hint = f" (did you mean {meant!r}?)" if meant in keys else nearest(key, keys)
                hint = " (it belongs into order: {type: ..., time_in_force: ...})" if key == "time_in_force" else hint
                place = f" in {'.'.join(map(str, path))}" if path else ""
                where = self._where((*path, key))
                raise StrategyError(f"{where}: unknown key {key!r}{place}{hint}; known keys: {', '.join(keys)}")

    def _mapping(self, value: Any, path: Path, keys: Sequence[str], expected: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self._fail(path, f"found {_found(value)}, expected {expected}")
        self._known(value, path, keys)
        return value

    def _words(self, key: str, default: str) -> str:
        value = self._values.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            self._fail((key,), f"found {_found(value)}, expected text")
        return " ".join(value.split())

    def _whole(self, path: Path, least: int, value: Any = None) -> Count:
        """A whole number, or the parameter that is one."""
        value = self._values[str(path[0])] if value is None else value
        text = value.strip() if isinstance(value, str) else ""
        expected = f"a whole number from {least} to {MOST_BARS}, or a parameter that is one"
        if text in self._scope.params:
            if type(self._scope.params[text]) is not int:
                self._fail(path, f"found the parameter {text}, which is no whole number, expected {expected}")
            return text
        if not text.isdecimal() or not text.isascii() or len(text) > 6 or not least <= int(text) <= MOST_BARS:
            hint = nearest(text, self._scope.params) if _NAME.fullmatch(text) else ""
            self._fail(path, f"found {_found(value)}, expected {expected}{hint}")
        return int(text)

    def _reckoned(self, value: Any, path: Path, what: str) -> Node:
        """A number, or an expression of one."""
        if not isinstance(value, str):
            self._fail(path, f"found {_found(value)}, expected {what}")
        return self._parsed(amount, value, path)

    def _parsed(self, parse: Callable[[str, Scope], Node], text: str, path: Path) -> Node:
        try:
            return parse(text, self._scope)
        except Wrong as wrong:
            self._fail(path, str(wrong))

    def _free(self, names: Iterable[str], kind: str) -> None:
        """Refuse names that cannot be written in a condition, or that mean something already."""
        for name in names:
            if not _NAME.fullmatch(name):
                self._fail((kind, name), f"found {name!r}, expected a name of letters, digits and underscores")
            if name in words.TAKEN or name.startswith("_"):
                self._fail((kind, name), f"the name {name!r} means something already; take another")
            if kind == "features" and name in self._scope.params:
                self._fail((kind, name), f"{name!r} is a parameter already; take another name")

    # -- parameters and features

    def _params(self) -> tuple[Param, ...]:
        given = self._values.get("params")
        if given is None:
            return ()
        if not isinstance(given, Mapping):
            self._fail(("params",), f"found {_found(given)}, expected names with their values, such as window: 14")
        self._free(given, "params")
        return tuple(self._param(name, value) for name, value in given.items())

    def _param(self, name: str, value: Any) -> Param:
        from onepath.config.document import resolve

        path: Path = ("params", name)
        spec: Mapping[str, Any] = {"default": value}
        if isinstance(value, Mapping):
            spec = self._mapping(value, path, ("default", "type", "min", "max", "description"), "a value")
        default: Any = resolve(spec.get("default"))
        if type(default) not in TYPES.values():
            self._fail(path, f"found {_found(spec.get('default'))}, expected a number, a text, true or false")
        kind = self._type(spec, default, path)
        if kind == NUMBER and type(default) is int:
            default = float(default)
        fits = type(default) is TYPES[kind]
        if not fits:
            self._fail((*path, "default"), f"found {default!r}, expected a {kind}")
        least, most = (self._bound(spec, key, kind, path) for key in ("min", "max"))
        inside = kind == TEXT or not ((least is not None and default < least) or (most is not None and default > most))
        if not inside:
            self._fail((*path, "default"), f"found {default!r}, which is outside of min and max")
        return Param(name, kind, default, least, most, str(spec.get("description") or ""))

    def _type(self, spec: Mapping[str, Any], default: Any, path: Path) -> str:
        known = {bool: TRUTH, int: WHOLE, float: NUMBER, str: TEXT}[type(default)]
        kind = spec.get("type")
        if kind is None:
            return known
        if kind not in TYPES:
            found, hint = _found(kind), nearest(str(kind), TYPES)
            self._fail((*path, "type"), f"found {found}, expected one of {', '.join(TYPES)}{hint}")
        return str(kind)

    def _bound(self, spec: Mapping[str, Any], key: str, kind: str, path: Path) -> float | None:
        from onepath.config.document import resolve

        value: Any = resolve(spec.get(key))
        if value is None:
            return None
        if kind in (TEXT, TRUTH):
            self._fail((*path, key), f"a parameter that is a {kind} has no {key}; leave it out")
        if type(value) not in (int, float):
            self._fail((*path, key), f"found {_found(spec.get(key))}, expected a number")
        return float(value) if type(value) is float else int(value)

    def _features(self, defaults: Mapping[str, Any]) -> tuple[Wanted, ...]:
        given = self._values.get("features")
        if given is None:
            return ()
        if not isinstance(given, Mapping):
            self._fail(("features",), f"found {_found(given)}, expected names with features, such as rsi: rsi(14)")
        self._free(given, "features")
        found: list[Wanted] = []
        for name, text in given.items():
            path = ("features", name)
            if not isinstance(text, str):
                self._fail(path, f"found {_found(text)}, expected the text of a feature, such as sma(20)")
            found.append(Wanted(name, " ".join(text.split()), self._where(path)))
        Asked(tuple(found), self._home).made(defaults)  # with the defaults every one must be there
        return tuple(found)

    # -- sides

    def _sides(self) -> tuple[Side, ...]:
        values = self._values
        named = [name for name in ("long", "short") if name in values]
        if not named:
            return (self._side("long", {}, ()),)
        for name in named:
            self._mapping(values[name], (name,), _SIDE, "the sections of that side, such as entry and close")
        for key in ("signal", "entry"):
            if key in values and len(named) == 2:
                self._fail((key,), "it stands beside long and short, expected it within each of them")
            if key in values and key in values[named[0]]:
                self._fail((key,), f"it stands beside {named[0]} and within it; keep one of them")
        return tuple(self._side(name, values[name], (name,)) for name in named)

    def _side(self, name: str, own: Mapping[str, Any], at: Path) -> Side:
        def given(key: str) -> tuple[Any, Path]:
            if own.get(key) is not None:
                return own[key], (*at, key)
            if key in own:
                self._fail((*at, key), "found nothing, expected a value; leave the key out where there is none")
            if key in self._values and self._values[key] is None:
                self._fail((key,), "found nothing, expected a value; leave the key out where there is none")
            return self._values.get(key), (key,)

        rules = {key: self._rule(key, *given(key)) for key in _SECTIONS}
        if rules["entry"] is None and rules["signal"] is None:
            said = f"{'.'.join(map(str, (*at, 'entry')))} is missing; expected a condition, such as entry: rsi < 30"
            raise StrategyError(f"{self._where(at)}: {said}")
        size, where = given("size")
        if size is None:
            key = ".".join(map(str, (*at, "size")))
            raise StrategyError(
                f"{self._where(at)}: {key} is missing; expected how much, such as size: {{weight: 0.2}}"
            )
        stop, profit = self._guard(*given("stop_loss")), self._guard(*given("take_profit"))
        made = self._size(size, where)
        if made.kind == "risk" and (stop is None or stop.kind == "money"):
            self._fail(
                where, "risk is a share of equity up to the stop; expected a stop_loss (percent, distance or price)"
            )
        if made.rebalance is not None and (stop or profit):
            self._fail((*where, "rebalance"), "a size that is set right again has no stop_loss and no take_profit")
        return Side(
            name=name,
            size=made,
            order=self._order(*given("order")),
            stop_loss=stop,
            take_profit=profit,
            **rules,
        )

    def _rule(self, key: str, value: Any, path: Path) -> Rule | None:
        if value is None:
            return None
        lasts: Count = 1
        cooldown: Count | None = None
        extra = {"signal": "lasts", "emergency_exit": "cooldown"}.get(key)
        if isinstance(value, Mapping) and ("when" in value or (extra is not None and extra in value)):
            also = () if extra is None else (extra,)
            self._known(value, path, ("when", *also))
            if extra is not None and extra in value:
                bars = self._whole((*path, extra), 1, "" if value[extra] is None else value[extra])
                lasts, cooldown = (bars, None) if extra == "lasts" else (1, bars)
            value, path = value.get("when"), (*path, "when")
        node, parts = self._condition(value, path)
        return Rule(key, node, tuple(parts), lasts, cooldown)

    def _condition(self, value: Any, path: Path) -> tuple[Node, list[tuple[str, Node]]]:
        """The nodes of a condition, and its parts as they were written."""
        if isinstance(value, str):
            node = self._parsed(condition, value, path)
            return node, [(" ".join(value.split()), node)]
        if isinstance(value, list):
            return self._group(words.All, value, path)
        if not isinstance(value, Mapping):
            self._fail(path, f"found {_found(value)}, expected a condition, such as rsi < 30, or a list of them")
        self._known(value, path, ("all", "any", "not"))
        if len(value) != 1:
            self._fail(path, f"found the keys {', '.join(value) or 'none'}, expected one of all, any, not")
        ((key, inner),) = value.items()
        if key == "not":
            node, parts = self._condition(inner, (*path, key))
            node = words.Not(node)
            return node, [(f"not ({' and '.join(text for text, _ in parts)})", node)]
        return self._group(words.All if key == "all" else words.Any, inner, (*path, key))

    def _group(self, kind: Any, value: Any, path: Path) -> tuple[Node, list[tuple[str, Node]]]:
        if not isinstance(value, list) or not value:
            self._fail(path, f"found {_found(value)}, expected a list of conditions")
        items = [self._condition(item, (*path, index)) for index, item in enumerate(value)]
        parts = [part for _, inner in items for part in inner]
        return (items[0][0] if len(items) == 1 else kind(tuple(node for node, _ in items))), parts

    def _size(self, value: Any, path: Path) -> Size:
        keys = (*_SIZES, "max_weight", "rebalance")
        expected = "one of weight, quantity, notional, risk with its amount, such as {weight: 0.2}"
        if isinstance(value, str):
            node = self._reckoned(value, path, expected)
            if not (isinstance(node, Number) and node.percent):
                self._fail(path, f"found {value!r}, expected {expected}")
            return Size("weight", node)
        given = self._mapping(value, path, keys, expected)
        kinds = [key for key in _SIZES if key in given]
        if len(kinds) != 1:
            self._fail(path, f"found {' and '.join(kinds) or 'none of them'}, expected {expected}")
        kind = kinds[0]
        for key, of in (("max_weight", "risk"), ("rebalance", "weight")):
            if key in given and kind != of:
                self._fail((*path, key), f"it goes with {of}; leave it out with {kind}")
        found = {
            key: self._reckoned(given[key], (*path, key), "a number or an expression of one")
            for key in keys
            if key in given
        }
        return Size(kind, found[kind], found.get("max_weight"), found.get("rebalance"))

    def _order(self, value: Any, path: Path) -> Entry:
        if value is None:
            return Entry()
        expected = "market, or keys such as {type: limit, price: close * 99%}"
        given = {"type": value} if isinstance(value, str) else value
        given = self._mapping(given, path, ("type", "price", "time_in_force"), expected)
        kind = str(given.get("type", "limit" if "price" in given else "market"))
        if kind not in _ORDERS:
            self._fail((*path, "type"), f"found {kind!r}, expected one of {', '.join(_ORDERS)}{nearest(kind, _ORDERS)}")
        force = str(given.get("time_in_force", "gtc"))
        if force not in _IN_FORCE:
            hint = nearest(force, _IN_FORCE)
            self._fail((*path, "time_in_force"), f"found {force!r}, expected one of {', '.join(_IN_FORCE)}{hint}")
        if force in ("at_open", "at_close") and kind == "stop":
            self._fail(
                (*path, "time_in_force"), f"found {force!r}, which a stop order does not take; expected day or gtc"
            )
        if (kind == "market") == ("price" in given):
            said = "a market order has no price; leave it out" if kind == "market" else f"a {kind} order needs a price"
            self._fail((*path, "price") if "price" in given else path, said)
        price = self._reckoned(given["price"], (*path, "price"), "a price") if "price" in given else None
        return Entry(kind, price, force)

    def _guard(self, value: Any, path: Path) -> Guard | None:
        if value is None:
            return None
        expected = "5%, a distance such as 2 * atr, or one of percent, distance, price, money with its amount"
        if isinstance(value, str):
            node = self._reckoned(value, path, expected)
            percent = _percent(node)
            if percent is not None:
                return self._reachable(Guard("percent", Number(percent)), path)
            return self._reachable(Guard("distance", node), path)
        given = self._mapping(value, path, (*_GUARDS, "trailing"), expected)
        kinds = [key for key in _GUARDS if key in given]
        if len(kinds) != 1:
            self._fail(path, f"found {' and '.join(kinds) or 'none of them'}, expected {expected}")
        kind = kinds[0]
        node = self._reckoned(given[kind], (*path, kind), "a number or an expression of one")
        if kind == "percent" and isinstance(node, Number) and node.percent:
            self._fail(
                (*path, kind), f"found {given[kind]!r}, expected the number alone: percent: {node.value * 100:g}"
            )
        return self._reachable(Guard(kind, node, self._trails(given, path, kind)), (*path, kind))

    def _reachable(self, guard: Guard, path: Path) -> Guard:
        """A price that can be: one that lies away from the entry, and for what is bought above zero."""
        amount = guard.amount
        below = isinstance(amount, Negative) or (isinstance(amount, Number) and amount.value <= 0)
        if below and guard.kind != "price":  # which may be below zero, as those of spreads
            self._fail(path, "it is not above zero; expected how far from the price, whichever side that is")
        buys = "short" not in path and ("long" in self._values or "short" not in self._values)
        if (
            guard.kind == "percent"
            and "stop_loss" in path
            and buys
            and isinstance(amount, Number)
            and amount.value >= 100
        ):
            self._fail(path, f"{amount.value:g} % below the price there is no price; expected less than 100 %")
        return guard

    def _trails(self, given: Mapping[str, Any], path: Path, kind: str) -> bool:
        from onepath.config.document import resolve

        trailing = resolve(given.get("trailing", False))
        if not isinstance(trailing, bool):
            self._fail((*path, "trailing"), f"found {_found(given['trailing'])}, expected true or false")
        if trailing and (path[-1] != "stop_loss" or kind not in ("percent", "distance")):
            self._fail((*path, "trailing"), "a stop_loss by percent or distance can trail; nothing else does")
        return trailing


def _percent(node: Node) -> float | None:
    """What was written with a %, times a hundred; -5% too."""
    if isinstance(node, Negative):
        inside = _percent(node.inner)
        return None if inside is None else -inside
    return node.value * 100 if isinstance(node, Number) and node.percent else None


def _found(value: Any) -> str:
    """What stood there, in words."""
    if isinstance(value, Mapping):
        return f"the keys {', '.join(value)}" if value else "no keys"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return "nothing" if value is None else repr(str(value))
