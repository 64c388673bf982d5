"""What a strategy takes from outside of the session, so that a replay cannot give it back: clocks, networks, files, the
environment, randomness, the order of sets; and what holds a session up."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from onepath.lint.rules import Finding
from onepath.lint.source import Function, Source, words

CLOCKS = frozenset(
    f"time.{name}{ns}"
    for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time")
    for ns in ("", "_ns")
) | {
    *("time.localtime", "time.gmtime", "time.ctime", "time.strftime", "time.asctime"),
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
    *("pandas.Timestamp.now", "pandas.Timestamp.utcnow", "pandas.Timestamp.today"),
    *("pendulum.now", "pendulum.today", "arrow.now", "arrow.utcnow", "whenever.Instant.now"),
}
NETWORKS = words(
    """requests urllib.request urllib3 http.client httpx aiohttp socket ssl websocket websockets ftplib smtplib imaplib telnetlib
    xmlrpc paramiko grpc ccxt binance alpaca alpaca_trade_api ibapi ib_insync ib_async yfinance pandas_datareader boto3 redis
    pymongo psycopg psycopg2 pika kafka zmq telegram slack_sdk openai anthropic socketserver"""
)
FILES = words(
    """builtins.open io.open os.open os.listdir os.scandir os.walk os.remove os.rename os.makedirs os.mkdir pickle.load
    pickle.dump json.load json.dump joblib.load joblib.dump numpy.load numpy.save numpy.savez numpy.loadtxt numpy.savetxt
    numpy.genfromtxt numpy.fromfile numpy.memmap torch.load torch.save shutil tempfile glob sqlite3 shelve dbm duckdb sqlalchemy
    h5py linecache fileinput mmap"""
)
_TEXT_CLOCKS = frozenset({"pandas.Timestamp", "pandas.to_datetime", "numpy.datetime64"})
_ZONED = frozenset({"datetime.datetime.fromtimestamp", "datetime.date.fromtimestamp"})
_FILE_METHODS = words(
    """read_text write_text read_bytes write_bytes iterdir unlink to_parquet to_pickle to_excel to_sql to_feather to_hdf
    write_parquet write_csv sink_parquet sink_csv"""
)
_READERS = ("pandas.read_", "polars.read_", "polars.scan_", "pyarrow.parquet.", "pyarrow.csv.", "pyarrow.feather.")
ENVIRONMENT = words(
    """os.environ os.getenv os.putenv os.getpid os.getcwd os.uname os.cpu_count os.system os.popen os.fork os.kill subprocess
    platform sys.argv sys.exit builtins.input builtins.exit builtins.quit getpass locale.getlocale multiprocessing.cpu_count"""
)
_OWN_GENERATORS = frozenset(
    f"numpy.random.{name}"
    for name in ("default_rng", "RandomState", "SeedSequence", "PCG64", "MT19937", "Philox", "SFC64")
) | {"random.Random"}
_HARMLESS_RANDOM = _OWN_GENERATORS | {"numpy.random.Generator", "numpy.random.BitGenerator"}
_ALWAYS_RANDOM = ("random.SystemRandom", "uuid.uuid1", "uuid.uuid4", "secrets", "os.urandom", "random", "numpy.random")
THREADS = words("threading multiprocessing concurrent.futures asyncio _thread signal sched trio anyio gevent")
SLEEPS = frozenset({"time.sleep", "asyncio.sleep"})
_ORDERLESS = frozenset({"sorted", "len", "min", "max", "any", "all", "set", "frozenset"})
_HOT = frozenset({"on_market_event", "on_bar", "generate_orders"})
_AT_ENDS = frozenset({"on_start", "__init__", "on_stop"})


def of_names(source: Source) -> Iterator[Finding]:
    """Every name of a module that leads outside."""
    for node, dotted in source.names():
        name = dotted.removeprefix("builtins.")
        if name in CLOCKS:
            yield source.find(
                "OP101", node, f"{name} reads the machine's clock; use context.now or context.current_time"
            )
        elif _within(name, SLEEPS):
            yield source.find("OP162", node, f"{name} holds up every strategy of the session; use context.set_timer")
        elif _within(name, NETWORKS):
            yield source.find("OP102", node, f"{name} reaches for the network: a replay cannot know what it answered")
        elif _within(dotted, FILES) or name.startswith(_READERS):
            yield _of_file(source, node, name)
        elif _within(dotted, ENVIRONMENT):
            yield source.find("OP105", node, f"{name} is another on another machine; make it a parameter in Params")
        elif _within(name, _ALWAYS_RANDOM):
            yield from _of_randomness(source, node, name)
        elif dotted in {"builtins.hash", "builtins.id"}:
            yield source.find("OP107", node, f"{name}() differs in each process; use the value itself, or zlib.crc32")
        elif _within(name, THREADS):
            yield source.find(
                "OP161", node, f"{name}: what runs beside the session is not recorded; decide in the callbacks"
            )


def of_calls(source: Source) -> Iterator[Finding]:
    """Calls that lead outside by a method's name, or by what they are given."""
    for call in source.calls():
        if isinstance(call.func, ast.Attribute) and call.func.attr in _FILE_METHODS:
            yield _of_file(source, call, f".{call.func.attr}()")
        name = source.dotted(call.func)
        given = call.args[0] if call.args else None
        if name in _TEXT_CLOCKS and isinstance(given, ast.Constant) and given.value in {"now", "today"}:
            said = f'{name}("{given.value}") reads the machine\'s clock'
            yield source.find("OP101", call, f"{said}; use context.current_time")
        if name in _ZONED and len(call.args) < 2 and not _named(call, "tz"):
            yield source.find(
                "OP105", call, f"{name} without tz is another in another time zone; give it tz=datetime.UTC"
            )
        if _draws(call, name):
            yield source.find(
                "OP106", call, f"{ast.unparse(call.func)} draws from a shared source; give it random_state=..."
            )
        if name == "builtins.print":
            method = source.function(call)
            if method is not None and method.name in _HOT and _in_strategy(source, method):
                yield source.find(
                    "OP163", call, f"print in {method.name} is called for every event; use context.signal, or on_stop"
                )


def _draws(call: ast.Call, name: str | None) -> bool:
    """`frame.sample(n=5)`, `train_test_split(x, y)`: random, unless they are given a state."""
    if _named(call, "random_state"):
        return False
    if isinstance(call.func, ast.Attribute) and call.func.attr == "sample":
        return _named(call, "n") or _named(call, "frac")
    ordered = any(
        k.arg == "shuffle" and isinstance(k.value, ast.Constant) and k.value.value is False for k in call.keywords
    )
    return name == "sklearn.model_selection.train_test_split" and not ordered


def _named(call: ast.Call, word: str) -> bool:
    return any(keyword.arg in {word, None} for keyword in call.keywords)


def of_order(source: Source) -> Iterator[Finding]:
    """Loops over sets, whose order differs in each process."""
    for node in source.nodes:
        if isinstance(node, ast.For):
            looped = [node.iter]
        elif isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp) and not _orderless(source, node):
            looped = [part.iter for part in node.generators]
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"list", "tuple", "next"}
        ):
            looped = node.args[:1]
        else:
            continue
        for found in looped:
            if _is_set(source, found):
                yield source.find("OP108", found, "the order of a set differs in each process; go through sorted(...)")


def _within(name: str, roots: frozenset[str] | tuple[str, ...]) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in _heads(name, roots))


def _heads(name: str, roots: frozenset[str] | tuple[str, ...]) -> Iterator[str]:
    parts = name.split(".")
    for size in range(1, len(parts) + 1):
        head = ".".join(parts[:size])
        if head in roots:
            yield head


def _of_file(source: Source, node: ast.AST, name: str) -> Finding:
    method = source.function(node)
    if method is None or _at_ends(source, method, frozenset()):
        return source.find(
            "OP104", node, f"{name}: what it reads is not recorded; a replay is right only while it is the same"
        )
    return source.find("OP103", node, f"{name} in {method.name}: load in on_start, or before the session")


def _at_ends(source: Source, method: Function, seen: frozenset[Function]) -> bool:
    """Whether a function is called before the first event or after the last, or by such alone."""
    if method.name in _AT_ENDS:
        return True
    callers = source.callers(method)
    return bool(callers) and all(c is None or (c not in seen and _at_ends(source, c, seen | {method})) for c in callers)


def _of_randomness(source: Source, node: ast.expr, name: str) -> Iterator[Finding]:
    if name in {"random", "numpy.random"} or name in {"numpy.random.Generator", "numpy.random.BitGenerator"}:
        return
    call = source.parents.get(node)
    if name in _OWN_GENERATORS:
        seeded = isinstance(call, ast.Call) and call.func is node and (_given(call.args) or _given(call.keywords))
        if not seeded:
            yield source.find("OP106", node, f"{name} without a seed; write {name}(self.params.seed)")
        return
    yield source.find(
        "OP106",
        node,
        f"{name} is drawn from a source that everybody shares or nobody seeds; keep a random.Random(seed) in self",
    )


def _given(values: list[ast.expr] | list[ast.keyword]) -> bool:
    """Whether a seed is given, other than None."""
    inner = [value.value if isinstance(value, ast.keyword) else value for value in values]
    return any(not (isinstance(value, ast.Constant) and value.value is None) for value in inner)


def _in_strategy(source: Source, method: ast.AST) -> bool:
    return any(method in node.body for idea in source.ideas for node in idea.family)


def _orderless(source: Source, node: ast.AST) -> bool:
    """Whether what is made is handed to something that does not care for its order."""
    call = source.parents.get(node)
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in _ORDERLESS


def _is_set(source: Source, node: ast.expr) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
        return _is_set(source, node.left) or _is_set(source, node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in {"set", "frozenset"} and source.dotted(node.func) is not None
    values = _assigned(source, node)
    return bool(values) and all(_is_set(source, value) for value in values)


def _assigned(source: Source, node: ast.expr) -> list[ast.expr]:
    """All that is assigned to a name in its function, or to an attribute of self in its class."""
    if isinstance(node, ast.Name):
        place: ast.AST | None = source.function(node)
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        place = source.parents.get(source.function(node) or node)
    else:
        return []
    wanted = "Store()".join(ast.dump(node).rsplit("Load()", 1))  # the same, as it is written to
    found = []
    for part in ast.walk(place) if place is not None else ():
        targets = (
            part.targets if isinstance(part, ast.Assign) else [part.target] if isinstance(part, ast.AnnAssign) else []
        )
        value = part.value if isinstance(part, ast.Assign | ast.AnnAssign) else None
        if value is not None and value is not node and any(ast.dump(target) == wanted for target in targets):
            found.append(value)
    return found
