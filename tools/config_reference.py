"""Write docs/configuration.md from the JSON Schema of a configuration: `python tools/config_reference.py`.

Rules: the schema is the one source; `--check` writes nothing and ends with exit code 1 where the page differs. The test
of the docs compares them too, so a key cannot be added without its line here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pages

from onepath.config import json_schema

PAGE = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"
Schema = Mapping[str, Any]

HEAD = """\
# Configuration

<!-- Made by tools/config_reference.py from the schema; do not edit by hand. -->

A session is described by one YAML file. `onepath init` writes one for each mode; `onepath config check FILE` checks one;
`onepath config schema` prints the JSON Schema that this page is made from, for editors that complete and check.

```yaml
mode: backtest
data:
  name: us10
  symbols: [AAPL, MSFT]
strategies:
  - name: sma_cross
    capital: 100000
    params: {fast: 10, slow: 30}
```

## Rules

- An unknown key is an error; the message names file, line and key, and suggests the nearest name.
- A key without a value means its default (where `null` has a meaning of its own, the table has it).
- `${NAME}` puts in an environment variable, `${NAME:-default}` one with a default. A value that came from a variable whose
  name looks like a secret (KEY, SECRET, TOKEN, PASS, ...) stands in the manifest as `${NAME}`, never as itself.
- Flags win over the file: `--mode paper`, `--set clock.end_date=2020-12-31`, `--set strategies.0.params.fast=10`,
  `--set strategies.my_strategy.capital=5000`. Lists take an index or the name of an item.
- Text stays text until the schema asks for a number: `NO` is a symbol, `1e3` a number where one is wanted.
- Paths are relative to the workspace, the folder that holds the marker `.onepath`; without one, to the current folder.

## Which parts a mode is made of

| mode | clock.type | data.type | execution.type |
|---|---|---|---|
| backtest | historical | historical, session | simulated |
| paper | realtime | realtime | simulated |
| live | realtime | realtime | broker |
| collect | realtime | realtime | simulated |

The types that a mode implies may be left out. This version runs `backtest` with `data.type: historical`; the other
files load and are checked, and running them says in one sentence that it is not built yet. `features.cache` and
`features.compute_on_demand` are read and have no effect yet.
"""


def page() -> str:
    """The whole page."""
    schema = json_schema()
    return "\n".join((HEAD, *_sections(schema, "", schema, {}))).rstrip() + "\n"


def _sections(schema: Schema, path: str, model: Schema, shown: dict[str, str]) -> Iterator[str]:
    """A table of the model's keys, then a section for each model below it; `shown`: where a model was written before."""
    yield f"## `{path}`\n" if path else "## The file\n"
    text = str(model.get("description", ""))
    if path and text:
        yield f"{text}\n"
    first = shown.setdefault(json.dumps(model, sort_keys=True), path)
    if first != path:
        yield f"The keys are those of [`{first}`](#{_anchor(first)}).\n"
        return
    yield from _table(schema, path, model)
    seen: set[str] = set()
    for key, field in model.get("properties", {}).items():
        below = f"{path}.{key}" if path else key
        for place, part in _models(schema, below, field, seen):
            yield from _sections(schema, place, part, shown)


def _anchor(path: str) -> str:
    return "".join(letter for letter in path.lower() if letter.isalnum() or letter in "-_")


def _models(schema: Schema, path: str, field: Schema, seen: set[str]) -> Iterator[tuple[str, Schema]]:
    """The models that may stand behind a key, and where their keys are written; of optional neighbours that are alike, the
    first."""
    for ref in _optional(field):
        if ref not in seen:
            seen.add(ref)
            yield path, _target(schema, ref)
    if "$ref" in field:
        yield path, _target(schema, field["$ref"])
    elif "$ref" in field.get("items", {}):
        yield f"{path}[]", _target(schema, field["items"]["$ref"])


def _optional(field: Schema) -> list[str]:
    """The models that may stand there or not, or under a name of the user's own."""
    arms = [*field.get("anyOf", ()), field.get("additionalProperties")]
    return [arm["$ref"] for arm in arms if isinstance(arm, dict) and "$ref" in arm]


def _table(schema: Schema, path: str, model: Schema) -> Iterator[str]:
    wanted = set(model.get("required", ()))
    yield "| key | value | default | meaning |\n|---|---|---|---|"
    for key, field in model.get("properties", {}).items():
        yield _row(key, _value(field), "**required**" if key in wanted else _default(field), field)
        shown: dict[str, str] = {}
        for name, below in _choices(schema, field):
            yield from _params(schema, key, name, below, shown)
    yield ""


def _row_value(field: Schema) -> str:
    """What may stand for a parameter; a list of keys is written out, because it has no section of its own."""
    return _list(field["items"]) if "$ref" in field.get("items", {}) else _value(field)


def _params(schema: Schema, key: str, name: str, model: Schema, shown: dict[str, str]) -> Iterator[str]:
    """The parameters of one named model, or which model before it has the same."""
    params = _target(schema, model["properties"]["params"]["$ref"])
    properties = params.get("properties", {})
    what = _cell(str(model.get("description", "")))
    if not properties:
        yield f"| `{key}.model: {name}` | | | {what} |"
        return
    first = shown.setdefault(json.dumps(properties, sort_keys=True), name)
    if first != name:
        yield f"| `{key}.model: {name}` | with `params` of `{first}` | | {what} |"
        return
    yield f"| `{key}.model: {name}` | with `params`: | | {what} |"
    for param, field in properties.items():
        required = param in params.get("required", ())
        default = "**required**" if required else _default(field)
        yield _row(f"{key}.params.{param}", _row_value(field), default, field)


def _choices(schema: Schema, field: Schema) -> list[tuple[str, Schema]]:
    found = field.get("discriminator", {}).get("mapping", {})
    return sorted(((name, _target(schema, ref)) for name, ref in found.items()), key=lambda pair: pair[0] != "none")


def _target(schema: Schema, ref: str) -> Schema:
    target: Schema = schema["$defs"][ref.rpartition("/")[2]]
    return target


def _row(key: str, value: str, default: str, field: Schema) -> str:
    return f"| `{key}` | {value} | {default} | {_cell(str(field.get('description', '')))} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _value(field: Schema) -> str:
    """What may stand there, in words."""
    if "discriminator" in field:
        return "a model: its name, or `model` and `params`"
    if isinstance(field.get("additionalProperties"), dict) and _optional(field):
        return "names, each with keys, see below"
    if "$ref" in field or _optional(field):
        return "keys, see below"
    if "$ref" in field.get("items", {}):
        return "a list, see below"
    arms = field.get("anyOf", [field])
    if any(arm.get("type") == "number" for arm in arms):
        arms = [arm for arm in arms if arm != {"type": "string"}]
    return " or ".join(dict.fromkeys(_arm(arm, field) for arm in arms if arm.get("type") != "null"))


_FORMATS = {"date": "a day", "date-time": "a moment"}
_TYPES = {"string": "text", "boolean": "true or false", "number": "number", "integer": "whole number", "object": "keys"}


def _arm(arm: Schema, field: Schema) -> str:
    if "enum" in arm:
        return " or ".join(f"`{choice}`" for choice in arm["enum"])
    if "const" in arm:
        return f"`{arm['const']}`"
    if arm.get("type") == "array":
        return _list(arm.get("items", {}))
    if "format" in arm:
        return _FORMATS[arm["format"]]
    return _TYPES[str(arm["type"])] + _bounds(arm)


def _list(items: Schema) -> str:
    if "$ref" in items:
        return f"list of `{{{', '.join(_target(json_schema(), items['$ref'])['properties'])}}}`"
    return "list of numbers" if items.get("type") in ("number", "integer") else "list of text"


_BOUNDS = (
    ("minimum", ">= {}"),
    ("exclusiveMinimum", "> {}"),
    ("maximum", "<= {}"),
    ("maxLength", "at most {} characters"),
)


def _bounds(arm: Schema) -> str:
    found = [text.format(f"{arm[name]:g}") for name, text in _BOUNDS if name in arm]
    return f" {', '.join(found)}" if found else ""


def _default(field: Schema) -> str:
    value = field.get("default", "")
    if value is None or value in ("", [], {}) or isinstance(value, dict):
        return "as below" if isinstance(value, dict) and "discriminator" not in field else _plain(value)
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _plain(value: Any) -> str:
    return f"`{value['model']}`" if isinstance(value, dict) and "model" in value else "-"


if __name__ == "__main__":
    sys.exit(pages.put(PAGE, page))
