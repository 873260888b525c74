# SPDX-License-Identifier: MIT
"""The report of a run, from its raw data alone: one HTML page without scripts, and Markdown."""

import html
import math
import pathlib

import analysis
import charts
from analysis import Figure, Line, Ratio

STYLE = (pathlib.Path(__file__).parent / "report.css").read_text()
PERCENTILES = ("50", "90", "99", "99.9", "99.99")
LOSSES_SHOWN_MAX = 200
UNCERTAIN = "In some rounds only, or measured once"
INTRODUCTION = (
    "Each server runs on one core, the load on another. Figures are medians of the rounds, with "
    "the lowest and the highest; ratios are computed within a round. Less is better everywhere; "
    "half a percent is not called a loss. "
    "Hover over a number to see the rows of raw.json that it is made of.")


def our_names(data: dict) -> set[str]:
    return {server["name"] for server in data["servers"] if server["ours"]}


def names_of(found: list[Line], ours: set[str]) -> list[str]:
    """Ours first."""
    names = dict.fromkeys(name for line in found for name in line.figures)
    return sorted(names, key=lambda name: name not in ours)


def cell(shown: str, ids: tuple[str, ...], small: str = "", mark: str = "") -> str:
    rows = " ".join(ids)
    small = f"<small>{html.escape(small)}</small>" if small else ""
    css = f' class="{mark}"' if mark else ""
    return f'<td data-rows="{rows}" title="{rows}"{css}>{html.escape(shown)}{small}</td>'


def table(head: list[str], rows: list[str]) -> str:
    titles = "".join(f"<th>{html.escape(each)}</th>" for each in head)
    return (f'<div class="scroll"><table><thead><tr>{titles}</tr></thead>'
            f"<tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table></div>")


def first_cell(said: str) -> str:
    return f"<th>{html.escape(said)}</th>"


def figure_cell(figure: Figure | None, name: str = "") -> str:
    if figure is None:
        return "<td>-</td>"
    return cell(figure.shown(), figure.ids, f"{figure.spread()} {name}".strip())


def ratio_cell(ratio: Ratio | None) -> str:
    if ratio is None:
        return "<td>-</td>"
    said = f"{ratio.spread()} " if ratio.spread() else ""
    return cell(ratio.shown(), ratio.ids, f"{said}{ratio.rival}",
                "loss" if ratio.median > analysis.EQUAL else "win")


def losses_section(found: list[Ratio]) -> str:
    if not found:
        return "<p>In this run none of what was compared is a loss.</p>"
    certain = [ratio for ratio in found if ratio.is_certain]
    others = [ratio for ratio in found if not ratio.is_certain]
    return (losses_table(certain) if certain else "<p>Nothing in every round.</p>") + (
        f"<h3>{UNCERTAIN}</h3>{losses_table(others)}" if others else "")


def losses_table(found: list[Ratio]) -> str:
    rows = [first_cell(ratio.line.name) + cell(ratio.shown(), ratio.ids, ratio.spread(), "loss")
            + "".join(figure_cell(ratio.line.figures[name], name)
                      for name in (ratio.ours, ratio.rival))
            for ratio in found[:LOSSES_SHOWN_MAX]]
    return table(["what", "ours / rival's", "ours", "rival's"], rows)


def group_table(found: list[Line], ours: set[str]) -> str:
    names = names_of(found, ours)
    mine = [name for name in names if name in ours]
    rows = [first_cell(line.name) + "".join(figure_cell(line.figures.get(name)) for name in names)
            + "".join(ratio_cell(analysis.best_ratio(line, name, ours)) for name in mine)
            for line in found]
    return table(["", *names, *(f"{name} / best rival" for name in mine)], rows)


def styles_of(names: list[str], ours: set[str]) -> dict[str, int]:
    """Ours have the first colors, whatever else is there."""
    mine = [name for name in names if name in ours]
    others = [name for name in names if name not in ours]
    return {**{name: i % 2 for i, name in enumerate(mine)},
            **{name: 2 + i % 5 for i, name in enumerate(others)}}


def series_of(name: str, ours: set[str], styles: dict[str, int],
              points: list[charts.Point]) -> charts.Series:
    return charts.Series(name, styles[name], name in ours, points)


def cost_chart(data: dict, group: str, found: list[Line], ours: set[str],
               styles: dict[str, int]) -> str:
    """From the scenario that was measured with several numbers of connections."""
    wanted = {"cache": ("get-c8", "get-1", "get-c500"),
              "http": ("hello-8", "hello-64", "hello-256", "hello-1024")}.get(group, ())
    numbers = {row["scenario"]: row["connections"] for row in data["rows"] if row["kind"] == "cost"}
    several = [line for line in found if line.metric.kind == "cost" and line.scenario in wanted]
    several.sort(key=lambda line: numbers[line.scenario])
    if len(several) < 2:
        return ""
    series = []
    for name in names_of(several, ours):
        points = [charts.Point(math.log(numbers[line.scenario]), line.figures[name].median,
                               f"{numbers[line.scenario]} connections, "
                               f"{line.figures[name].shown()} us", line.figures[name].ids)
                  for line in several if name in line.figures]
        series.append(series_of(name, ours, styles, points))
    ticks = [(math.log(numbers[line.scenario]), f"{numbers[line.scenario]:,}") for line in several]
    return charts.lines("Cost against connections", series, "connections", ticks,
                        "CPU us a request", False)


def latency_chart(data: dict, group: str, ours: set[str], styles: dict[str, int]) -> str:
    rows = [row for row in data["rows"] if row["kind"] == "latency" and row["group"] == group]
    ticks = [(-math.log10(1 - float(each) / 100), each) for each in PERCENTILES]
    series = []
    for name in dict.fromkeys(row["server"] for row in rows):
        own = [row for row in rows if row["server"] == name]
        points = []
        for (x, _), percentile in zip(ticks, PERCENTILES):
            metric = analysis.Metric("latency", f"latency_us/{percentile}", "", "us", 0)
            figure = Figure(tuple(metric.value(row) for row in own),
                            tuple(row["id"] for row in own), metric)
            points.append(charts.Point(x, figure.median, f"p{percentile} {figure.shown()} us",
                                       figure.ids))
        series.append(series_of(name, ours, styles, points))
    rate = f"us, at {rows[0]['rate']:,} requests a second" if rows else ""
    return charts.lines("Latency by percentile", series, "percentile", ticks, rate, True)


def memory_chart(found: list[Line], ours: set[str], styles: dict[str, int]) -> str:
    line = next((line for line in found if line.metric.kind == "idle"), None)
    if line is None:
        return ""
    series = [series_of(name, ours, styles, [charts.Point(0, figure.median, figure.shown(),
                                                          figure.ids)])
              for name, figure in line.figures.items()]
    return charts.bars("Memory of an idle client", series, "bytes")


def group_section(data: dict, group: str, found: list[Line], ours: set[str]) -> str:
    own = [line for line in found if line.group == group]
    if not own:
        return ""
    styles = styles_of(names_of(own, ours), ours)
    drawn = (cost_chart(data, group, own, ours, styles) + latency_chart(data, group, ours, styles)
             + memory_chart(own, ours, styles))
    key = charts.legend([series_of(name, ours, styles, []) for name in names_of(own, ours)])
    return (f'<section id="{group}"><h2>{html.escape(analysis.GROUPS[group])}</h2>{key}'
            f'<div class="charts">{drawn}</div>{group_table(own, ours)}</section>')


def features_table(data: dict) -> str:
    rows = [first_cell(name) + f'<td class="words">{html.escape(said)}</td>'
            for name, said in data["extras"].items()]
    return table(["", "does, and ours does not"], rows)


def facts(data: dict) -> str:
    return table(["", ""], [first_cell(name) + f'<td class="words">{html.escape(str(said))}</td>'
                            for name, said in {**data["machine"], **data["versions"]}.items()])


def configurations(data: dict) -> str:
    parts = []
    for server in data["servers"]:
        files = "".join(f"\n\n# {name}\n{content}" for name, content in server["files"])
        parts.append(f"<details><summary>{html.escape(server['group'])}: "
                     f"{html.escape(server['name'])}</summary><pre>"
                     f"{html.escape(' '.join(server['command']) + files)}</pre></details>")
    return "".join(parts)


def raw_table(data: dict) -> str:
    left_out = ("id", "kind", "group", "scenario", "title", "server", "ours", "round", "command",
                "how", "at_seconds")
    rows = []
    for row in data["rows"]:
        rest = ", ".join(f"{key} {value}" for key, value in row.items() if key not in left_out)
        rows.append(f'<th id="{row["id"]}">{row["id"]}</th><td>{html.escape(row["server"])}</td>'
                    f'<td>{html.escape(row["title"])}</td><td>{row["round"]}</td>'
                    f'<td class="words">{html.escape(rest)}</td>'
                    f'<td class="words"><code>{html.escape(row.get("command", ""))}</code></td>')
    return table(["row", "server", "what", "round", "measured", "load"], rows)


def notes(data: dict) -> str:
    if not data["notes"]:
        return ""
    return "<h2>Left out</h2><ul>" + "".join(
        f"<li>{html.escape(each)}</li>" for each in data["notes"]) + "</ul>"


def page(data: dict) -> str:
    found, ours = analysis.lines(data["rows"]), our_names(data)
    sections = "".join(group_section(data, group, found, ours) for group in analysis.GROUPS)
    machine = data["machine"]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>rondo beside its rivals, {html.escape(data["made"])}</title>
<style>{STYLE}</style>
</head>
<body>
<header><h1>rondo beside its rivals</h1>
<p>{html.escape(f'{data["made"]}, {machine["processor"]}, Linux {machine["kernel"]}')}</p>
<p>{html.escape(INTRODUCTION)}</p></header>
<section><h2>Where rondo loses</h2>
{losses_section(analysis.losses(found, ours))}</section>
{sections}
<section><h2>What the rivals do, and ours does not</h2>{features_table(data)}</section>
<section>{notes(data)}<h2>The machine, and versions</h2>{facts(data)}
<h2>How the servers were started</h2>{configurations(data)}
<h2>Raw rows</h2><details><summary>{len(data["rows"])} rows, as in raw.json</summary>
{raw_table(data)}</details></section>
</body>
</html>
"""


def markdown_table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines) + "\n"


def markdown_losses(found: list[Ratio]) -> str:
    rows = [[ratio.line.name, ratio.shown(), ratio.spread(),
             *(f"{ratio.line.figures[name].shown()} {name}" for name in (ratio.ours, ratio.rival))]
            for ratio in found]
    return markdown_table(["what", "ours / rival's", "rounds", "ours", "rival's"], rows)


def markdown(data: dict) -> str:
    """The same tables, without the rows' ids."""
    found, ours = analysis.lines(data["rows"]), our_names(data)
    parts = [f"# rondo beside its rivals, {data['made']}\n", INTRODUCTION.split(" Hover")[0] + "\n",
             "## Where rondo loses\n"]
    lost = analysis.losses(found, ours)
    parts.append(markdown_losses([each for each in lost if each.is_certain]) if lost else
                 "Nothing that was compared.\n")
    if not all(each.is_certain for each in lost):
        parts += [f"### {UNCERTAIN}\n",
                  markdown_losses([each for each in lost if not each.is_certain])]
    for group, title in analysis.GROUPS.items():
        own = [line for line in found if line.group == group]
        if not own:
            continue
        names = names_of(own, ours)
        mine = [name for name in names if name in ours]
        rows = []
        for line in own:
            best = [analysis.best_ratio(line, name, ours) for name in mine]
            rows.append([line.name,
                         *(line.figures[name].shown() if name in line.figures else "-"
                           for name in names),
                         *(f"{each.shown()} ({each.rival})" if each else "-" for each in best)])
        parts += [f"## {title}\n",
                  markdown_table(["", *names, *(f"{name} / best rival" for name in mine)], rows)]
    parts += ["## What the rivals do, and ours does not\n",
              markdown_table(["", ""], [list(each) for each in data["extras"].items()]),
              "## The machine, and versions\n",
              markdown_table(["", ""], [[name, str(said)] for name, said in
                                        {**data["machine"], **data["versions"]}.items()])]
    if data["notes"]:
        parts += ["## Left out\n", "".join(f"- {each}\n" for each in data["notes"])]
    return "\n".join(parts)
