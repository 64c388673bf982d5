"""`onepath init`: a workspace to begin in.

Rules: no file that exists is written over; either everything is written or nothing. A `.gitignore` that is there stays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onepath.cli.printing import say
from onepath.errors import ConfigError

TEMPLATES = Path(__file__).parent.parent / "templates"
MARKER_TEXT = "This folder is a workspace of onepath: sessions and data are kept here.\n"

IGNORED = """\
# What onepath makes and can make again, and records of runs.
/.cache/
/checks/
/sessions/
/trials.db*
__pycache__/
# What you import; it may be large.
/data/
"""


def init(folder: Annotated[Path, typer.Argument(help="Where; created if it does not exist.")] = Path()) -> None:
    """Make a workspace to begin in.

    Configurations for every mode, a strategy, and sample data by name.

    Example:  onepath init my-folder
    """
    files = {folder / source.relative_to(TEMPLATES): source.read_text(encoding="utf-8") for source in _sources()}
    _refuse_to_overwrite([folder / ".onepath", *files])
    ignoring = folder / ".gitignore"
    unseen = {} if ignoring.exists() else {ignoring: IGNORED}
    for path, text in {folder / ".onepath": MARKER_TEXT, **unseen, **files}.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    say(f"{folder.resolve()} is a workspace now: {', '.join(str(p.relative_to(folder)) for p in files)}")
    enter = "" if folder == Path() else f"cd {folder} && "
    say(f"Next:  {enter}onepath run config/backtest.yaml")


def _sources() -> list[Path]:
    return sorted(path for path in TEMPLATES.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _refuse_to_overwrite(paths: list[Path]) -> None:
    for path in paths:
        for place in (path, *path.parents):
            if place.exists():
                if place == path or not place.is_dir():
                    raise ConfigError(f"{place} exists, and `onepath init` writes nothing over: choose another folder")
                break
