"""The page around the sections: one HTML file that asks nobody for anything.

Rules: a content security policy forbids every request; style and script are inlined from `assets`. `text` is the one
way a value gets into the page: it escapes, and writes minus signs as such.
"""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
_SHAPES = {
    # A triangle points where the order went: up for bought, below the price; down for sold, above it.
    "long-in": "M-5.5 12.5H5.5L0 3Z",
    "short-out": "M-5 12.5H5L0 3.5Z",
    "short-in": "M-5.5 -12.5H5.5L0 -3Z",
    "long-out": "M-5 -12.5H5L0 -3.5Z",
}
_LOGO = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M3 18 9 11l4 4 8-10"/><path d="M15 5h6v6"/></svg>'


def text(value: object) -> str:
    """`value` safe to stand anywhere in the page."""
    return escape(str(value))


def figure(value: str) -> str:
    """The text of one number, or of several after commas or as `1 to 2`, with true minus signs."""
    value = value.replace(", -", ", −").replace(" to -", " to −")
    return escape("−" + value[1:] if value.startswith("-") else value)


@cache
def asset(name: str) -> str:
    """A style sheet or script of the package."""
    return (files("onepath.report") / "assets" / name).read_text(encoding="utf-8")


def section(title: str, body: str, caption: str = "", tools: str = "", style: str = "") -> str:
    """A box with a heading, a line that says what one looks at, and perhaps something to choose with."""
    chooser = f'<div class="tools">{tools}</div>' if tools else ""
    below = f'<p class="caption">{caption}</p>' if caption else ""
    return f'<section class="{style}"><div class="head"><h2>{title}</h2>{chooser}{below}</div>{body}</section>'


def page(title: str, badges: str, header: str, sections: str, footer: str) -> str:
    """The whole file."""
    shapes = "".join(f'<path id="{name}" class="{name}" d="{d}"/>' for name, d in _SHAPES.items())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{asset('page.css')}</style></head><body>"
        f'<svg class="defs" aria-hidden="true"><defs>{shapes}</defs></svg>'
        f'<header><div class="bar"><span class="mark">{_LOGO}onepath</span>{badges}'
        f'<button id="theme" type="button" aria-label="Switch between light and dark" hidden></button></div>'
        f"{header}</header><main>{sections}</main><footer>{footer}</footer>"
        f"<script>{asset('page.js')}</script></body></html>\n"
    )
