"""From a rule file to the class of a strategy, which then is one like any other.

Rules: the class lives in a module of its own, named after the file, so that a snapshot finds it again; the manifest has
the hash of the file's text. A file that has changed gives a new class. Complaints are StrategyErrors; a file that is not
there is a ConfigError.
"""

from __future__ import annotations

import copyreg
import hashlib
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import msgspec

from onepath.errors import ConfigError, StrategyError
from onepath.nearest import nearest
from onepath.rules.sheet import TYPES, Param, Sheet
from onepath.rules.strategy import OfRules, RuleStrategy
from onepath.strategy import Params, Strategy

ENDINGS = (".yaml", ".yml")
FOLDER = "strategies"
"""where in a workspace rule files are that can be named without their path"""


def load(path: str | Path) -> type[Strategy]:
    """The strategy that a rule file describes; see `onepath.rules.load`."""
    path = Path(path)
    return made(_text(path, str(path)), path.name if path.is_absolute() else path.as_posix())


def inside(text: str, folder: Path) -> type[Strategy]:
    """The strategy of a file in a workspace, whose path `text` must not lead out of it."""
    path = (folder / text).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ConfigError(f"rule file {text} leads out of {folder}: it must lie inside")
    if not path.is_file():
        beside = sorted(p.name for p in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
        raise ConfigError(f"there is no rule file {text} in {folder}{nearest(path.name, beside)}")
    return made(_text(path, text), path.relative_to(folder.resolve()).as_posix(), folder.resolve())


def files(folder: Path) -> dict[str, Path]:
    """The rule files in the folder `strategies` of a workspace, by the name they can be asked for by."""
    found = sorted(path for path in (folder / FOLDER).glob("*") if path.suffix in ENDINGS and path.is_file())
    return {path.stem: path for path in found}


def is_rules(path: Path) -> bool:
    """Whether a YAML file is meant to be rules rather than a configuration: by its first keys."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return False
    keys = set(re.findall(r"(?m)^([a-z_]+)\s*:", text))
    ours = {"features", "entry", "signal", "long", "short", "close", "size"}
    return bool(keys & ours) and not keys & {"data", "strategies", "mode"}


def _text(path: Path, shown: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        beside = sorted(p.name for p in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
        raise ConfigError(f"there is no rule file {shown}{nearest(path.name, beside)}") from None
    except UnicodeDecodeError:
        raise StrategyError(f"{shown} is not a text file in UTF-8") from None
    except OSError as error:
        raise ConfigError(f"cannot read {shown}: {error.strerror}") from None


def made(text: str, path: str, home: Path = Path()) -> type[Strategy]:
    """The class of a text; the same one as long as text and path are the same. Raises StrategyError."""
    place = str(home.resolve()) if ".py:" in text else ""  # the text alone does not tell what is in those files
    digest = hashlib.sha256(f"{place}\n{text}".encode(errors="surrogatepass")).hexdigest()
    module = f"onepath_rules_{re.sub(r'[^A-Za-z0-9]', '_', path)}_{digest[:12]}"
    known = sys.modules.get(module)
    if known is None:
        from onepath.rules.reading import read

        known = _module(module, read(text, path, home), home)
    found: type[Strategy] = known.strategy
    return found


def _module(name: str, sheet: Sheet, home: Path) -> ModuleType:
    module = ModuleType(name, f"The rules of {sheet.path}.")
    title = "".join(part[:1].upper() + part[1:] for part in re.split(r"[_\-]+", sheet.name)) or "Rules"
    about: dict[str, Any] = {
        "__module__": name,
        "__qualname__": title,
        "__doc__": sheet.description or f"The rules of {sheet.path}.",
        "version": sheet.version,
        "sheet": sheet,
        "source_text": sheet.text,
        "source_path": sheet.path,
        "home": home,
    }
    about["Params"] = msgspec.defstruct(
        "Params",
        [(param.name, _annotated(param), param.default) for param in sheet.params],
        bases=(Params,),
        module=name,
        kw_only=True,
        frozen=True,
        forbid_unknown_fields=True,
    )
    strategy: type[RuleStrategy] = OfRules(title, (RuleStrategy,), about)  # type: ignore[assignment]
    strategy()  # with the defaults everything must fit
    vars(module).update({title: strategy, "strategy": strategy})
    sys.modules[name] = module
    return module


def _again(kind: Any) -> Any:
    """How another process gets such a class: the one of all of them by its name, the others from their text."""
    return kind.__qualname__ if kind is RuleStrategy else (made, (kind.source_text, kind.source_path, kind.home))


copyreg.pickle(OfRules, _again)


def _annotated(param: Param) -> Any:
    kind: Any = TYPES[param.type]
    if param.least is None and param.most is None and not param.description:
        return kind
    return Annotated[kind, msgspec.Meta(ge=param.least, le=param.most, description=param.description or None)]
