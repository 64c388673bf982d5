"""From a file, flags and the environment to a `Config`, and from what does not fit to one sentence.

Rules: the first fault in the file is the one that is told; it names file, line and key, what was found and what was
expected, and the nearest name. A value that came from the environment is never shown, its `${NAME}` is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from onepath.config import document as doc
from onepath.config.risk import Risk, RiskLimits
from onepath.config.schema import Config, InstrumentConfig
from onepath.errors import ConfigError
from onepath.nearest import nearest

TEMPLATES = Path(__file__).parent.parent / "templates"
Details = Mapping[str, Any]
_EXPECTED = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "decimal_parsing": "a number",
    "decimal_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "keys with values",
    "mapping_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
    "union_tag_not_found": "the key `model`, to say which model",
}


def load(
    path: str | Path, sets: Sequence[str] = (), mode: str | None = None, env: Mapping[str, str] | None = None
) -> Config:
    """The configuration in the file at `path`, with `--set` overrides and a mode put over it. Raises ConfigError."""
    return loads(_text(Path(path)), name=str(path), sets=sets, mode=mode, env=env)


def loads(
    text: str,
    *,
    name: str = "configuration",
    sets: Sequence[str] = (),
    mode: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Config:
    """The configuration in `text`; `name` is what messages call it."""
    try:
        return _validated(_document(text, name, sets, mode, os.environ if env is None else env), name)
    except RecursionError:
        raise ConfigError(f"{name} is nested too deeply to be a configuration; take it for broken") from None


def part_of_execution(part: str, value: Any) -> Any:
    """One part of `execution`, given in Python as it would be written in a file. Raises ConfigError."""
    return getattr(_given({"execution": {part: value}}, "execution.", "").execution, part)


def limits_of_strategy(value: Any) -> RiskLimits:
    """`risk_limits` of a strategy, given in Python as `limits`. Raises ConfigError."""
    seat = {"name": "any", "capital": 1, "risk_limits": value}
    return _given({"strategies": [seat]}, "strategies.0.risk_limits", "limits").strategies[0].risk_limits


def risk_of_session(value: Any) -> Risk:
    """`risk`, given in Python as it would be written in a file. Raises ConfigError."""
    return _given({"risk": value}).risk


def instruments_of_data(value: Any) -> dict[str, InstrumentConfig]:
    """`data.instruments`, given in Python as `instruments`. Raises ConfigError."""
    return _given({"data": {"name": "any", "instruments": value}}, "data.instruments", "instruments").data.instruments


def _given(part: Mapping[str, Any], path: str = "", called: str = "") -> Config:
    """The configuration around one part; in what is said of it, its place `path` is `called` as in Python."""
    seats = [{"name": "any", "capital": 1}]
    values: dict[str, Any] = {"data": {"name": "any"}, "strategies": seats, **part}
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        said = _sentence(error, doc.Document(values, {}, {}, {}), "backtest").replace(" in this file)", ")")
        raise ConfigError(said.replace(path, called) if path else said) from None


def mode_asked(path: str | Path, sets: Sequence[str] = (), mode: str | None = None) -> str:
    """The mode that a file and flags ask for, before anything else of them is checked. Raises ConfigError."""
    document = _document(_text(Path(path)), str(path), sets, mode, os.environ)
    return str(document.values.get("mode", "backtest"))


def _document(
    text: str, name: str, sets: Sequence[str], mode: str | None, variables: Mapping[str, str]
) -> doc.Document:
    document = doc.read(text, name, variables)
    for assignment in sets:
        doc.override(document, assignment, variables)
    if mode is not None:
        document.values["mode"] = mode
        document.lines[("mode",)] = "--mode"
    return document


def json_schema() -> dict[str, Any]:
    """JSON Schema of a configuration file, for editors."""
    schema = Config.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "onepath-config", **schema}


def template(mode: str) -> str:
    """A commented configuration file for `mode`, as `onepath init` writes it."""
    return (TEMPLATES / "config" / f"{mode}.yaml").read_text(encoding="utf-8")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        beside = sorted(p.name for p in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
        raise ConfigError(f"there is no configuration file {path}{nearest(path.name, beside)}") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder; name the configuration file in it") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not a text file in UTF-8") from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None


def _validated(document: doc.Document, name: str) -> Config:
    try:
        config = Config.model_validate(document.values)
    except ValidationError as error:
        raise ConfigError(_sentence(error, document, name)) from None
    config._lines.update(document.lines)
    config._secrets.update(document.secrets)
    return config


def _sentence(error: ValidationError, document: doc.Document, name: str) -> str:
    """The first fault in file order, and how many more there are."""
    faults = [_Fault(details, document, name) for details in error.errors(include_url=False, include_input=False)]
    first = min(faults, key=lambda fault: fault.rank)
    more = len(faults) - 1
    return first.text() + (f" ({more} more {'faults' if more > 1 else 'fault'} in this file)" if more else "")


class _Fault:
    """One thing wrong: at which key, and what to say of it."""

    def __init__(self, details: Details, document: doc.Document, name: str) -> None:
        self._details = details
        self._document = document
        loc = _real(tuple(details["loc"]), document.values)
        # A model may be written as its name alone; then the name is the value and not a key below it.
        below = details["type"] == "union_tag_invalid" and isinstance(_at(loc, document.values), Mapping)
        self._path = (*loc, *_keys("model" if below else details.get("ctx", {}).get("key", "")))
        self._where = _line(self._path, document, name)

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """Flags first, then lines in order; what is missing last, for it is often there under a wrong name."""
        line = self._where.rpartition(":")[2]
        return (self._details["type"] == "missing", line.isdigit(), int(line) if line.isdigit() else 0)

    def text(self) -> str:
        key = ".".join(map(str, self._path)) or "the file"
        message = self._message(key)
        return f"{self._where}: {message.removeprefix(f'{key}: ') if self._where.endswith(f' {key}') else message}"

    def _message(self, key: str) -> str:
        kind = self._details["type"]
        if kind == "extra_forbidden":
            *_, last = self._path
            parent = ".".join(map(str, self._path[:-1]))
            known = _known(self._path[:-1], self._document.values)
            place = f" in {parent}" if parent else ""
            below = _known((*self._path[:-1], "params"), self._document.values) if "params" in known else []
            hint = f" (it belongs under {parent}.params)" if last in below else nearest(str(last), known)
            what = f"known keys: {', '.join(known)}" if known else "there is nothing to set"
            return f"unknown key {str(last)!r}{place}{hint}; {what}"
        if kind == "missing":
            return f"{key} is missing; expected {_meaning(self._path, self._document.values)}"
        return f"{key}: {self._found()}expected {self._expected()}"

    def _found(self) -> str:
        if self._path in self._document.raw:
            return f"found {self._document.raw[self._path]}, "
        value = _at(self._path, self._document.values)
        if isinstance(value, dict):
            return f"found the keys {', '.join(value)}, " if value else "found no keys, "
        if isinstance(value, list):
            return "found a list, "
        if value is None:
            return "found nothing, "
        return f"found {str(value)!r}, "

    def _expected(self) -> str:
        kind, context, message = self._details["type"], self._details.get("ctx", {}), str(self._details["msg"])
        value = _at(self._path, self._document.values)
        if kind == "literal_error":
            return f"{_listed(_quoted(context['expected']))}{nearest(str(value), _quoted(context['expected']))}"
        if kind == "union_tag_invalid":
            names = _quoted(context["expected_tags"])
            return f"{_listed(names)}{nearest(str(value), names)}"
        if kind == "parts":
            return f"{context['expected']}{nearest(str(value), context.get('names', ()))}"
        if kind == "value_error":
            return message.removeprefix("Value error, ")
        if kind == "string_pattern_mismatch":
            return "a name of letters, digits, _ and -"
        bound = message.removeprefix("Input should be ")
        return _EXPECTED.get(kind, f"a number {bound}" if "than" in bound else bound)


def _quoted(text: str) -> list[str]:
    return [part.strip(" '") for part in text.replace(" or ", ", ").split(",") if part.strip(" '")]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _keys(dotted: str) -> doc.Path:
    return tuple(int(part) if part.isdecimal() else part for part in dotted.split(".") if part)


def _real(loc: doc.Path, values: Any) -> doc.Path:
    """The path of a fault without the names of chosen models, which pydantic puts into it."""
    path: list[str | int] = []
    told = False
    for place, key in enumerate(loc):
        if isinstance(values, str) and key == values:
            continue
        follows = place + 1 < len(loc)  # a key may have the name of the model, as bps has
        if not told and isinstance(values, Mapping) and values.get("model") == key and (follows or key not in values):
            told = True
            continue
        told = False
        path.append(key)
        values = _at((key,), values)
    return tuple(path)


def _at(path: doc.Path, values: Any) -> Any:
    """What stands at `path`; None where there is nothing."""
    for key in path:
        if isinstance(values, Mapping):
            values = values.get(str(key))
        elif isinstance(values, list) and isinstance(key, int) and key < len(values):
            values = values[key]
        else:
            return None
    return values


def _line(path: doc.Path, document: doc.Document, name: str) -> str:
    """Where a key stands, or the nearest thing around it."""
    while path and path not in document.lines:
        path = path[:-1]
    return document.lines.get(path, name)


def _model(path: doc.Path, values: Any) -> type[BaseModel] | None:
    """The model whose keys stand at `path`."""
    model: type[BaseModel] | None = Config
    named = False
    for depth, key in enumerate(path):
        if isinstance(key, int) or model is None:
            continue
        if named:  # a name of the user's own, such as a symbol
            named = False
            continue
        field = next((f for n, f in model.model_fields.items() if (f.alias or n) == key), None)
        chosen = _at(path[: depth + 1], values)
        chosen = chosen.get("model") if isinstance(chosen, Mapping) else chosen
        model = None if field is None else _choose(_models(field.annotation), chosen)
        named = field is not None and getattr(field.annotation, "__origin__", None) is dict
    return model


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models(part)]


def _choose(models: list[type[BaseModel]], name: Any) -> type[BaseModel] | None:
    """The model of a union that is called `name`."""
    if len(models) < 2:
        return models[0] if models else None
    return next((m for m in models if name in m.model_fields["model"].annotation.__args__), models[0])  # type: ignore[union-attr]


def _known(path: doc.Path, values: Any) -> list[str]:
    """The keys that may stand at `path`."""
    model = _model(path, values)
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _meaning(path: doc.Path, values: Any) -> str:
    """What a key is for, from the schema."""
    model = _model(path[:-1], values)
    fields = model.model_fields.items() if model else ()
    found = next((field.description for name, field in fields if (field.alias or name) == path[-1]), None)
    return found or "a value"
