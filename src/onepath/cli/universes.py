"""`onepath universe` and `onepath calendar`: who is a member when, whose data are absent, and when a market trades."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any

import typer

from onepath.cli.printing import note, say, say_json, say_table

app = typer.Typer(
    help="Show a universe's members, and check them against data.\n\nExample:  onepath universe show universes/sp500.csv",
    no_args_is_help=True,
    rich_markup_mode=None,
)
SHOWN = 40
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
File = Annotated[Path, typer.Argument(help="A universe: CSV of symbol, from, to and metadata, or a YAML list.")]


@app.command("show")
def show(
    file: File,
    at: Annotated[str | None, typer.Option(help="The day to show members of; default: today.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show who is a member on a day.

    Example:  onepath universe show universes/sp500.csv --at 2008-09-15
    """
    from onepath.calendars import as_date
    from onepath.data.universes import located, read_universe

    universe = read_universe(located(file))
    day = _day(at, "--at")
    members = universe.members(day)
    changes = universe.changes()
    if as_json:
        say_json({"universe": str(file), "sha256": universe.sha256, "at": as_date(day).isoformat(), "members": members})
        return
    say("\n".join(members))
    ends = "" if not changes else f"; {len(changes):,} days of change, {as_date(changes[0])} to {as_date(changes[-1])}"
    word = "member" if len(members) == 1 else "members"
    note(f"{len(members):,} {word} on {as_date(day)} of {len({s.symbol for s in universe.spells}):,} ever{ends}")


@app.command("check")
def check(
    file: File,
    *,
    data: Annotated[str, typer.Option(help="The data set's name.")],
    as_json: AsJson = False,
) -> None:
    """Say which members have no data, and when: what survivorship does to results.

    Example:  onepath universe check universes/sp500.csv --data us10
    """
    from onepath.calendars import as_date
    from onepath.data.catalogue import find as dataset_named
    from onepath.data.coverage import coverage
    from onepath.data.universes import located, read_universe
    from onepath.workspace import find

    found = coverage(read_universe(located(file)), dataset_named(data, find(Path.cwd()).data_dir))
    if as_json:
        say_json({"universe": str(file), "data": data, **found.to_json()})
    else:
        rows = (
            (gap.symbol, str(as_date(gap.first)), str(as_date(gap.last)), "no data" if gap.entire else "not all")
            for gap in found.gaps[:SHOWN]
        )
        if found.gaps:
            say_table(("symbol", "from", "to", "what is there"), rows)
        if len(found.gaps) > SHOWN:
            note(f"{len(found.gaps) - SHOWN:,} more: --json shows them")
        time = f"from {as_date(found.first)} to {as_date(found.last)}"
        say(f"{found.members:,} members {time}: {found.share:.1%} of their days have data")
        for warning in found.warnings():
            say(f"warning: {warning}")
    if found.gaps:
        raise typer.Exit(1)


def calendar(
    name: Annotated[str, typer.Argument(help="A calendar, such as XNYS, XLON, CMES or 24/7.")],
    *,
    since: Annotated[str | None, typer.Option("--from", help="First day; default: the first of this year.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last day; default: a year from the first.")] = None,
    sessions: Annotated[bool, typer.Option("--sessions", help="List every session, with its hours in UTC.")] = False,
    as_json: AsJson = False,
) -> None:
    """List a market's holidays and early closes, or its sessions.

    Example:  onepath calendar XNYS --from 2026-01-01 --to 2026-12-31
    """
    from onepath.data.sessions import get
    from onepath.errors import ConfigError

    found = get(name)
    first = _day(since, "--from") if since else _day(f"{dt.datetime.now(dt.UTC).year}-01-01", "--from")
    last = _day(until, "--to") if until else first + 364
    if last < first:
        raise ConfigError("--to lies before --from; give the days in order")
    listed = _listed(found, first, last, sessions or as_json)
    if as_json:
        say_json(listed)
        return
    if sessions:
        say_table(
            ("session", "opens (UTC)", "closes (UTC)"),
            ((s["date"], s["opens"], s["closes"]) for s in listed["sessions"]),
        )
    else:
        rows = [(day, "closed", "") for day in listed["holidays"]]
        rows += [(s["date"], "special hours", f"{s['from']} to {s['to']}") for s in listed["special"]]
        if rows:
            say_table(("day", "what", "hours there"), sorted(rows))
    note(f"{listed['count']:,} sessions of {found.name} from {listed['from']} to {listed['to']} ({found.zone})")
    if listed["note"]:
        note(listed["note"])


def _listed(found: Any, first: int, last: int, every: bool) -> dict[str, Any]:
    from onepath.calendars import as_date

    days = found.sessions(first, last)
    weekdays = [day for day in range(first, last + 1) if as_date(day).weekday() < 5]
    special = [day for day in days if found.is_special(day)]
    bounds = [(day, *map(_utc, found.session_bounds(day))) for day in days] if every else []
    return {
        "calendar": found.name,
        "zone": found.zone,
        "from": as_date(first).isoformat(),
        "to": as_date(last).isoformat(),
        "count": len(days),
        "holidays": [as_date(day).isoformat() for day in weekdays if not found.is_session(day)],
        "special": [{"date": as_date(d).isoformat(), **_hours(found.hours(d))} for d in special],
        "sessions": [{"date": as_date(d).isoformat(), "opens": opens, "closes": closes} for d, opens, closes in bounds],
        "note": found.unknown(first, last),
    }


def _utc(at: int) -> str:
    return dt.datetime.fromtimestamp(at // 1_000_000_000, dt.UTC).strftime("%Y-%m-%d %H:%M")


def _hours(hours: tuple[int, int]) -> dict[str, str]:
    opens, closes = (h // 60_000_000_000 % 1_440 for h in hours)
    return {"from": f"{opens // 60:02d}:{opens % 60:02d}", "to": f"{closes // 60:02d}:{closes % 60:02d}"}


def _day(text: str | None, option: str) -> int:
    from onepath.calendars import day_of
    from onepath.errors import ConfigError

    if text is None:
        return day_of(dt.datetime.now(dt.UTC).date())
    try:
        return day_of(dt.date.fromisoformat(text))
    except ValueError:
        raise ConfigError(f"{option} is {text!r}; expected a date such as 2026-11-27") from None
