# SPDX-License-Identifier: MIT
"""Charts as inline SVG. Their colors are classes, so that the page chooses them for light and dark;
they have no fixed size. Each mark has the ids of its rows."""

import html
import math
from dataclasses import dataclass

WIDTH, HEIGHT = 420, 280
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 40


@dataclass(frozen=True)
class Point:
    x: float
    y: float
    said: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Series:
    name: str
    style: int  # the number of a color
    is_ours: bool
    points: list[Point]


def text(x: float, y: float, said: str, anchor: str = "middle", more: str = "") -> str:
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>'
            f"{html.escape(said)}</text>")


def nice_steps(top: float) -> list[float]:
    """About four round numbers from 0 to above `top`."""
    if top <= 0:
        return [0, 1]
    size = 10 ** math.floor(math.log10(top / 4))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor * 4 >= top)
    return [step * i for i in range(math.ceil(top / step) + 1)]


def decades(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0 ** each for each in range(first, max(last, first + 1) + 1)]


def short(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1e6:g}M"
    return f"{value / 1000:g}k" if value >= 10_000 else f"{value:g}"


def mark(series: Series, point: Point, x: float, y: float) -> str:
    title = html.escape(f"{series.name}: {point.said} ({', '.join(point.ids)})")
    rows = " ".join(point.ids)
    shape = (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5"' if series.is_ours else
             f'<rect x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7"')
    return f'{shape} class="f{series.style}" data-rows="{rows}"><title>{title}</title>' + (
        "</circle>" if series.is_ours else "</rect>")


def lines(title: str, series: list[Series], x_title: str, x_ticks: list[tuple[float, str]],
          y_title: str, log_y: bool) -> str:
    """The x axis is logarithmic in both charts that use this; x is the logarithm already."""
    values = [point.y for each in series for point in each.points if point.y > 0]
    if not values:
        return ""
    y_ticks = decades(min(values), max(values)) if log_y else nice_steps(max(values))
    y_of = math.log10 if log_y else float
    x_low, x_high = x_ticks[0][0], x_ticks[-1][0]
    low, high = y_of(y_ticks[0]), y_of(y_ticks[-1])

    def place(x: float, y: float) -> tuple[float, float]:
        y = max(y, y_ticks[0])
        return (LEFT + 8 + (x - x_low) / (x_high - x_low or 1) * (WIDTH - LEFT - RIGHT - 16),
                HEIGHT - BOTTOM - (y_of(y) - low) / (high - low) * (HEIGHT - TOP - BOTTOM))

    parts = []
    for tick in y_ticks:
        _, y = place(x_low, tick)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(text(LEFT - 5, y + 4, short(tick), "end"))
    for x_value, said in x_ticks:
        x, _ = place(x_value, y_ticks[0])
        parts.append(text(x, HEIGHT - BOTTOM + 16, said))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x_title, more=' class="axis"'))
    for each in sorted(series, key=lambda one: one.is_ours):  # ours on top
        placed = [place(point.x, point.y) for point in each.points]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
        parts.append(f'<path class="line s{each.style}{" ours" if each.is_ours else ""}" '
                     f'd="{path}"/>')
        parts += [mark(each, point, x, y) for point, (x, y) in zip(each.points, placed)]
    return figure(title, y_title, "".join(parts), HEIGHT)


def bars(title: str, series: list[Series], unit: str) -> str:
    """One horizontal bar for each server, the shortest first."""
    if not series:
        return ""
    series = sorted(series, key=lambda each: each.points[0].y)
    top = max(each.points[0].y for each in series)
    row, name_width, value_width = 30, 104, 74
    width = WIDTH - name_width - value_width
    parts = []
    for number, each in enumerate(series):
        point, y = each.points[0], number * row + 6
        length = max(1.5, point.y / top * width) if top > 0 else 1.5
        title_of = html.escape(f"{each.name}: {point.said} ({', '.join(point.ids)})")
        parts.append(text(name_width - 6, y + 15, each.name, "end"))
        parts.append(f'<rect class="f{each.style}" x="{name_width}" y="{y}" rx="2" '
                     f'width="{length:.1f}" height="20" data-rows="{" ".join(point.ids)}">'
                     f"<title>{title_of}</title></rect>")
        parts.append(text(name_width + length + 6, y + 15, point.said, "start"))
    return figure(title, unit, "".join(parts), len(series) * row + 12)


def figure(title: str, y_title: str, content: str, height: int) -> str:
    return (f"<figure><figcaption>{html.escape(title)} <small>{html.escape(y_title)}</small>"
            f'</figcaption><svg viewBox="0 0 {WIDTH} {height}" role="img" '
            f'aria-label="{html.escape(title)}">{content}</svg></figure>')


def legend(series: list[Series]) -> str:
    return '<ul class="legend">' + "".join(
        f'<li><svg viewBox="0 0 12 12" aria-hidden="true">' + (
            f'<circle cx="6" cy="6" r="5" class="f{each.style}"/>' if each.is_ours else
            f'<rect x="1" y="1" width="10" height="10" class="f{each.style}"/>') +
        f"</svg>{html.escape(each.name)}</li>" for each in series) + "</ul>"
