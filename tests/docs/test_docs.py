"""The documentation is true: its Python and SQL run, its commands exist, its links lead somewhere, its tables are current.

Python blocks of a page are one program, in order: a reader who copies from the top gets what is written. Other code
(`text`, `yaml`) is looked at where it can be.
"""

from __future__ import annotations

import importlib.util
import inspect
import io
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from typer.testing import CliRunner

import onepath
from onepath import rules
from onepath.cli import app
from onepath.config import loads
from onepath.config.schema import PARTS
from onepath.examples.mean_reversion import MeanReversion
from onepath.journal import schema
from onepath.journal.codec import KINDS
from onepath.simulator.schedules import PUBLISHED

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
EXECUTED = tuple(str(page.relative_to(ROOT)) for page in PAGES if page.name != "architecture.md")
"""(the Python of the architecture page is the loop, and is compared)"""
RULES_PAGE = "docs/rules.md"
GROUPS = tuple(group.name for group in app.registered_groups)
BASE = {
    "mode": "mode: backtest\n",
    "data": "data: {name: us10}\n",
    "strategies": "strategies: [{name: sma_cross, capital: 100000}]\n",
}
"""what a piece of a configuration needs to be a whole one"""
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def blocks(page: str, language: str) -> Iterator[tuple[int, str]]:
    """Line and text of each block of a page in one language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        if found[1] == language:
            yield text[: found.start()].count("\n") + 1, found[2]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the file `prices.csv` that the pages speak of: AAPL as a user might have it."""
    monkeypatch.chdir(tmp_path)
    rows = pd.read_parquet(ROOT / "src/onepath/data/samples/us10/AAPL.parquet")
    rows.insert(0, "date", pd.to_datetime(rows["start"]).dt.date)
    rows.drop(columns=["start", "at"]).to_csv("prices.csv", index=False)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in EXECUTED if any(blocks(page, "python"))])
@pytest.mark.usefixtures("here")
def test_the_python_of_a_page_runs(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python block of the page runs after those above it, and what it asserts holds."""
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    for line, code in blocks(page, "python"):
        program = compile("\n" * line + code, str(ROOT / page), "exec", dont_inherit=True)
        with redirect_stdout(io.StringIO()):
            exec(program, vars(module))  # noqa: S102 - that is the claim


def test_a_first_strategy_is_short() -> None:
    """The first strategy of the README, import and call included, has fewer than 15 lines of code."""
    _, first = next(blocks("README.md", "python"))
    assert "onepath.backtest(" in first
    assert len([line for line in first.splitlines() if line.strip()]) < 15


@cache
def help_of(command: str) -> str:
    told = CliRunner().invoke(app, [*command.split(), "--help"])
    assert told.exit_code == 0, f"onepath {command} --help: {told.output}"
    return told.output


def commands() -> Iterator[tuple[str, str, str]]:
    """Page, command and the rest of its line, wherever a page writes `onepath ...` as code."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        code = [found[2] for found in _BLOCK.finditer(text) if found[1] in ("sh", "text")]
        code += re.findall(r"`(onepath [^`]+)`", text)
        for line in "\n".join(code).splitlines():
            for part in re.split(r"&&|#", line):
                found = re.match(r"\s*onepath ([a-z].*)", part)
                if found:
                    command, rest = _split(found[1].split())
                    yield page.name, command, rest


def _split(words: list[str]) -> tuple[str, str]:
    size = 2 if words[0] in GROUPS and len(words) > 1 else 1
    return " ".join(words[:size]), " ".join(words[size:])


def test_commands_that_pages_name_exist() -> None:
    """Every `onepath ...` in a page is a command, and knows every --option that is written behind it."""
    found = list(commands())
    assert len(found) > 25
    for page, command, rest in found:
        told = help_of(command)
        for option in re.findall(r"(?<!\S)--[a-z-]+", rest):
            assert option in told, f"{page}: onepath {command} has no {option}"


def test_the_readme_names_every_command() -> None:
    """No command of the command line is missing in the README."""
    named = {command for page, command, _ in commands() if page == "README.md"}
    every = {command.name for command in app.registered_commands}
    for group in app.registered_groups:
        every |= {
            f"{group.name} {command.name or command.callback.__name__}"
            for command in group.typer_instance.registered_commands
        }
    assert named == every


def test_commands_of_the_readme_run(here: Path) -> None:
    """The README's block of commands, run in order as a new user would, ends well line by line."""
    (line, block) = next((n, b) for n, b in blocks("README.md", "sh") if "onepath init" in b)
    first, *rest = [text.partition("#")[0].strip() for text in block.splitlines()]
    assert first == "onepath init my-folder && cd my-folder", line
    _run(here, first.partition(" && ")[0])
    (here / "prices.csv").rename(here / "my-folder" / "prices.csv")
    for command in rest:
        _run(here / "my-folder", command.replace(" --open", ""))


def test_commands_of_the_data_page_run(here: Path) -> None:
    """Every `onepath` line of the data page, in order, with files as the page describes them."""
    sample = ROOT / "src/onepath/data/samples/btcusdt_quotes"
    for kind in ("quotes", "trades"):
        rows = pd.read_parquet(sample / f"BTCUSDT.{kind}.parquet").rename(columns={"at": "local_ts_ns"})
        rows.to_parquet(f"{kind}.parquet")
    _run(here, "onepath init .")
    lines = "".join(block for _, block in blocks("docs/data.md", "sh")).splitlines()
    assert len(lines) >= 4
    for command in lines:
        _run(here, command)


def _run(folder: Path, command: str) -> None:
    words = [sys.executable, "-m", "onepath.cli", *shlex.split(command)[1:]]
    told = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    found = int(command.startswith(("onepath features drift", "onepath universe check")))  # both find something there
    assert told.returncode == found, f"{command}: {told.stdout}{told.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Each link of a page is a file of the repository, and its anchor a heading there."""
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {_anchor(heading) for heading in headings}, f"{page.name}: {target}"


def test_files_and_tests_that_pages_name_exist() -> None:
    """Every `folder/file.py`, `file.py` and `test_...` that a page writes as code is there."""
    files = [
        path for top in ("src", "tests", "tools", "benchmarks", "notebooks") for path in (ROOT / top).rglob("*.py")
    ]
    there = {str(path.relative_to(ROOT)) for path in files}
    claims = {
        found for path in files for found in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES if page.name != "CHANGELOG.md")
    named = set(re.findall(r"`((?:[\w-]+/)*\w+\.py)`", text)) - {"my_strategy.py", "my_bracket.py", "my_features.py"}
    assert len(named) > 50
    assert [name for name in sorted(named) if not any(f"/{path}".endswith(f"/{name}") for path in there)] == []
    assert set(re.findall(r"`(test_\w+)`", text)) <= claims


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_sql_of_the_architecture_page_runs(here: Path) -> None:
    """Every query of the page runs on a journal, and those that tell of fills, profit and curves give rows."""
    onepath.backtest(MeanReversion, data="us10", symbols=["AAPL", "MSFT"], commission=0.0005, journal="run.db")
    queries = [sql for _, sql in blocks("docs/architecture.md", "sql") if "SELECT" in sql]
    assert len(queries) >= 5
    with sqlite3.connect(here / "run.db") as connection:
        empty = [sql for sql in queries if not connection.execute(sql).fetchall()]
    assert all("order_events" in sql for sql in empty)


@pytest.mark.parametrize("page", ["docs/execution.md", "docs/corporate-actions.md"])
def test_sql_of_a_page_runs(page: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its query gives rows on the journal that the page's own Python has written."""
    test_the_python_of_a_page_runs(page, monkeypatch)
    (journal,) = here.glob("*.db")
    with sqlite3.connect(journal) as connection:
        for _, sql in blocks(page, "sql"):
            assert connection.execute(sql).fetchall()


def test_the_architecture_page_knows_every_module() -> None:
    """Each module at the top of the package has its room in the table, and no other."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    named = set()
    for room in ("words", "core", "edges", "joints", "windows"):
        (row,) = re.findall(rf"^\| {room} \| ([^|]*) \|", text, re.MULTILINE)
        named |= {name.strip("/") for name in re.findall(r"`([^`]+)`", row)}
    there = {
        path.stem
        for path in (ROOT / "src/onepath").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert named == there - {"__init__"}


def test_the_architecture_page_knows_every_kind_of_row() -> None:
    """Each kind that a journal may hold is explained, and each view is named."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"`{kind}`" not in text] == []
    assert [view for view in re.findall(r"CREATE VIEW (\w+)", schema.TABLES) if f"`{view}`" not in text] == []


def test_every_published_schedule_has_its_row_and_its_pages() -> None:
    """The page on costs names each schedule, and links each page that its figures are from."""
    text = (ROOT / "docs/costs.md").read_text(encoding="utf-8")
    for name, sources in PUBLISHED.items():
        assert f"| `{name}` |" in text
        assert [source.url for source in sources if source.url not in text] == []


def test_every_control_has_its_line() -> None:
    """The page on risk names each code that an order can be denied with."""
    text = (ROOT / "docs/risk.md").read_text(encoding="utf-8")
    source = (ROOT / "src/onepath/risk/checks.py").read_text(encoding="utf-8")
    codes = set(re.findall(r'Denied\(\s*order,\s*f?"(\w+)"', source))
    assert len(codes) > 15
    assert [code for code in sorted(codes) if f"`{code}`" not in text] == []


def test_tables_of_the_architecture_page_are_the_journals(here: Path) -> None:
    """The page shows the journal's tables with the columns they have."""
    onepath.backtest(MeanReversion, data="us10", symbols=["AAPL"], journal="run.db")
    (shown,) = [sql for _, sql in blocks("docs/architecture.md", "sql") if "CREATE TABLE" in sql]
    with sqlite3.connect(here / "run.db") as real, sqlite3.connect(":memory:") as written:
        written.executescript(shown)
        for table in ("journal", "session"):
            query = f"PRAGMA table_info({table})"
            assert written.execute(query).fetchall() == real.execute(query).fetchall()


@pytest.mark.parametrize("page", [page for page in EXECUTED if page != RULES_PAGE and any(blocks(page, "yaml"))])
def test_yaml_of_a_page_loads(page: str) -> None:
    """Every YAML block of a page is a configuration, or a part of one; with a key `entry`, a rule file."""
    for line, text in blocks(page, "yaml"):
        keys = re.findall(r"^(\w+):", text, re.MULTILINE)
        if "entry" in keys:
            rules.loads(rule_file(text), f"{page}:{line}")
            continue
        loads("".join(value for key, value in BASE.items() if key not in keys) + text, name=f"{page}:{line}")


RULE_PARTS = {
    "features": "features: {trend: sma(3), rsi: rsi(3), range: atr(3), fast: sma(2), slow: sma(4)}\n",
    "entry": "entry: close > 1\n",
    "size": "size: {quantity: 1}\n",
}


def rule_file(text: str) -> str:
    """A part of a rule file, made whole."""
    keys = re.findall(r"^(\w+):", text, re.MULTILINE)
    keys += ["entry"] if "long" in keys else []
    return "".join(part for key, part in RULE_PARTS.items() if key not in keys) + text


def test_yaml_of_the_rules_page_is_rules() -> None:
    """Every YAML block of the page of rules is a rule file, or a part of one; so is every cell of its tables that is one."""
    found = list(blocks(RULES_PAGE, "yaml"))
    assert len(found) >= 4
    for line, text in found:
        rules.loads(rule_file(text), f"{RULES_PAGE}:{line}")
    page = (ROOT / RULES_PAGE).read_text(encoding="utf-8")
    cells = [cell for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for cell in re.findall(r"`([^`]+)`", row)]
    parts = [cell for cell in cells if re.match(r"(stop_loss|order|time_in_force): ", cell)]
    sizes = [f"size: {cell}" for cell in cells if re.match(r"\{(weight|notional|quantity|risk)|20%", cell)]
    assert len(parts) >= 8
    assert len(sizes) >= 7
    for cell in [*parts, *sizes]:
        key = cell.partition(":")[0]
        part = f"order: {{{cell}}}" if key == "time_in_force" else cell
        also = "stop_loss: 5%\n" if "risk" in cell else ""
        rules.loads(rule_file(f"{also}{part}\n"), cell)


def test_models_that_orders_md_writes_in_yaml_load() -> None:
    """Every `key: value` of the table of market models is a right part of `execution`."""
    text = (ROOT / "docs/orders.md").read_text(encoding="utf-8")
    table = text[text.index("## Market models") : text.index("A strategy never learns")]
    found = [cell for cell in re.findall(r"`(\w+: [^`]+)`", table) if "..." not in cell]
    assert len(found) >= 9
    for cell in found:
        loads("".join(BASE.values()) + f"execution: {{{cell}}}\n", name=cell)


def test_the_table_of_modes_is_the_schemas() -> None:
    """The parts of each mode on the configuration page are those that the schema checks."""
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    for mode, parts in PARTS.items():
        row = " | ".join(", ".join(parts[part]) for part in ("clock", "data", "execution"))
        assert f"| {mode} | {row} |" in text


@pytest.mark.parametrize(
    "tool", ["config_reference", "statistics_reference", "loop_reference", "orders_reference", "lint_reference"]
)
def test_generated_pages_are_current(tool: str) -> None:
    """What a tool would write is what is committed; if not, run `python tools/<name>.py`."""
    made = _tool(tool)
    assert made.PAGE.read_text(encoding="utf-8") == made.page()


def _tool(name: str) -> ModuleType:
    sys.path.insert(0, str(ROOT / "tools"))  # as when it is run
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_statistic_has_its_line() -> None:
    """The statistics page has a line for each statistic of a result."""
    text = (ROOT / "docs/statistics.md").read_text(encoding="utf-8")
    result = onepath.backtest(onepath.Strategy, data="us10", symbols=["AAPL"])
    assert [key for key in result.stats if f"| `{key}` |" not in text] == []


def test_the_guide_tells_the_columns_of_every_table() -> None:
    """Each table of a result has a row in the guide, which names its columns and no others."""
    text = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
    result = onepath.backtest(MeanReversion, data="us10", symbols=["AAPL"])
    for table in ("trades", "orders", "denied", "signals", "fills", "equity"):
        (row,) = re.findall(rf"^\| `result\.{table}` \| [^|]* \| (.*) \|$", text, re.MULTILINE)
        named = set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", row)))
        assert named == set(getattr(result, table).columns), table


def test_every_public_name_says_what_it_is() -> None:
    """Each name of `onepath` has a docstring of its own, and so has each public method of what a strategy meets. (What the
    methods of market models do is said by their protocols.)"""
    of_models = {"share", "typical", "fee", "book", "rate", "join", "outward", "homeward", "step"}
    unions = {"CorporateAction", "Intent"}
    for name in set(onepath.__all__) - unions:
        thing = getattr(onepath, name)
        assert thing.__doc__, name
        methods = vars(thing).items() if inspect.isclass(thing) else ()
        silent = [m for m, f in methods if _is_public(m, f) and not f.__doc__]
        assert set(silent) <= of_models, f"{name}: {silent}"


def _is_public(name: str, thing: object) -> bool:
    return not name.startswith("_") and (inspect.isfunction(thing) or isinstance(thing, property))


def test_every_public_name_of_the_guide_is_public() -> None:
    """What the guide imports from onepath is in `onepath.__all__`."""
    imported = re.findall(
        r"^from onepath import (.+)$", (ROOT / "docs/guide.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    names = {name.strip() for line in imported for name in line.split(",")}
    assert names <= set(onepath.__all__)
