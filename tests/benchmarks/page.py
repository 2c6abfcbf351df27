"""Write what was measured as tables and as a plot."""

from __future__ import annotations

import datetime as dt
import html
import math
import os
import platform
from typing import TYPE_CHECKING, Final

from pinstall import __version__
from tests.benchmarks.clock import Spread, spread
from tests.benchmarks.measured import BARS, GROUPS, Bar
from tests.support.environments import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.benchmarks.clock import Part
    from tests.benchmarks.measured import Costs

PAGE: Final = ROOT / "docs" / "explanation" / "speed.md"
PLOT: Final = PAGE.with_suffix(".svg")
_START, _END = "<!-- measured -->\n", "<!-- /measured -->"
_LEFT, _WIDTH, _ROW, _RIGHT = 380, 420, 22, 90
"""Pixels: where the bars begin, how long they are at most, the height of a row, the room for the number."""
_COLOURS: Final = ("#3b6ea8", "#c2803d", "#5a8f4f", "#8a5a9e")


def circumstances(tools: Mapping[str, str], numbers: tuple[int, int], load: float) -> str:
    """Return what the numbers rest on, in a sentence or two."""
    today = dt.datetime.now(tz=dt.timezone.utc).date()
    named = ", ".join(f"{name} {version}" for name, version in {"pinstall": __version__, **tools}.items())
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load {load:.1f} at the start"
    return f"Measured on {today} with {named}, on {machine}; {numbers[0]} rounds, {numbers[1]} of installs."


def tables(costs: Mapping[str, Costs], told: str) -> str:
    """Return both tables: the ratios with their bars, and what each command costs."""
    head = "".join(f" CPython {version} |" for version in costs)
    ratios = [f"| Ratio, median (quartiles) | Bar |{head}", f"|---|---|{'---|' * len(costs)}"]
    ratios += [f"| {bar.name} | {_limit(bar)} |{''.join(_ratio(bar, each) for each in costs.values())}" for bar in BARS]
    columns = "".join(f" CPU, {version} | Wall, {version} |" for version in costs)
    spent = [f"| Milliseconds, median (quartiles) |{columns}", f"|---|{'---|---|' * len(costs)}"]
    for group, names in GROUPS.items():
        spent.append(f"| *{group}* |{' |' * 2 * len(costs)}")
        spent += [f"| {name} |{''.join(map(_spent, costs.values(), [name] * len(costs)))}" for name in names]
    return "\n".join([told, "", *ratios, "", *spent, ""])


def _limit(bar: Bar) -> str:
    return f"at {'least' if bar.at_least else 'most'} {bar.limit:g}"


def _ratio(bar: Bar, costs: Costs) -> str:
    if not (ratios := bar.ratios(costs)):
        return " not to be had |"
    found = spread(ratios)
    digits = 3 if bar.limit < 0.5 else 2
    met = "met" if bar.is_met(found.median) else "missed"
    return f" {found.median:.{digits}f} ({found.low:.{digits}f}-{found.high:.{digits}f}), {met} |"


def _spent(costs: Costs, name: str) -> str:
    parts: tuple[Part, ...] = ("cpu", "wall")
    return "".join(f" {_milliseconds(costs, name, part)} |" for part in parts)


def _milliseconds(costs: Costs, name: str, part: Part) -> str:
    if not (found := _spread(costs, name, part)):
        return "not to be had"
    digits = 1 if found.median < 100 else 0
    return f"{found.median:,.{digits}f} ({found.low:,.{digits}f}-{found.high:,.{digits}f})"


def _spread(costs: Costs, name: str, part: Part) -> Spread | None:
    values = [getattr(cost, part) * 1000 for cost in costs.get(name, ())]
    return spread(values) if values else None


def plot(costs: Mapping[str, Costs]) -> str:
    """Return an SVG of the CPU time of each command, on a logarithmic scale."""
    rows = list(_rows(costs))
    height = _ROW * (len(rows) + 2)
    width = _LEFT + _WIDTH + _RIGHT
    font = 'font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {font} role="img">'
    title = "<title>CPU time of each command in milliseconds, on a logarithmic scale</title>"
    ground = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    drawn = [part.format(y=_ROW * number + 4) for number, part in enumerate(rows)]
    return "\n".join([head, title, ground, *_ticks(height), *drawn, *_legend(costs, height), "</svg>", ""])


def _rows(costs: Mapping[str, Costs]) -> Iterator[str]:
    """Yield each row, with `{y}` where its upper edge belongs."""
    for group, names in GROUPS.items():
        yield f'<g transform="translate(0 {{y}})"><text x="8" y="14" font-weight="bold">{group}</text></g>'
        for name in names:
            text = html.escape(name.replace("`", ""))
            bars = [_bar(number, len(costs), _spread(each, name, "cpu")) for number, each in enumerate(costs.values())]
            label = f'<text x="{_LEFT - 8}" y="13" text-anchor="end">{text}</text>'
            yield f'<g transform="translate(0 {{y}})">{label}{"".join(bars)}</g>'


def _bar(number: int, among: int, found: Spread | None) -> str:
    if found is None:
        return ""
    thick = (_ROW - 4) / among
    y, end = number * thick, _x(found.median)
    colour = _COLOURS[number % len(_COLOURS)]
    bar = f'<rect x="{_LEFT}" y="{y:.1f}" width="{end - _LEFT:.1f}" height="{thick - 1:.1f}" fill="{colour}"/>'
    middle = y + thick / 2 - 0.5
    spread_line = f"M{_x(found.low):.1f} {middle:.1f}H{_x(found.high):.1f}"
    whisker = f'<path d="{spread_line}" stroke="#222222"/>'
    text = f'<text x="{_x(found.high) + 5:.1f}" y="{middle + 3.5:.1f}" font-size="10">{found.median:,.0f}</text>'
    return bar + whisker + text


def _x(milliseconds: float) -> float:
    """Return where a duration lies between 5 ms and 100 s."""
    return _LEFT + _WIDTH * min(1.0, max(0.0, math.log(milliseconds / 5) / math.log(100_000 / 5)))


def _ticks(height: int) -> Iterator[str]:
    for milliseconds in (10, 100, 1_000, 10_000, 100_000):
        x = _x(milliseconds)
        yield f'<path d="M{x:.1f} 0V{height - 2 * _ROW}" stroke="#dddddd"/>'
        yield f'<text x="{x:.1f}" y="{height - 2 * _ROW + 14}" text-anchor="middle">{milliseconds:,} ms</text>'


def _legend(versions: Iterable[str], height: int) -> Iterator[str]:
    for number, version in enumerate(versions):
        x, y = _LEFT + number * 120, height - 18
        yield f'<rect x="{x}" y="{y}" width="10" height="10" fill="{_COLOURS[number % len(_COLOURS)]}"/>'
        yield f'<text x="{x + 15}" y="{y + 9}">CPython {version}</text>'


def write(measured: str, costs: Mapping[str, Costs]) -> None:
    """Put the tables into the page, and the plot beside it."""
    head, start, rest = PAGE.read_text(encoding="utf-8").partition(_START)
    _, end, tail = rest.partition(_END)
    if not (start and end):
        message = f"{PAGE} has no region for what is measured"
        raise ValueError(message)
    PAGE.write_text(f"{head}{start}{measured}{end}{tail}", encoding="utf-8")
    PLOT.write_text(plot(costs), encoding="utf-8")
