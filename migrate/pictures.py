"""Pictures of the graph and of a plan: svg (waves as columns, accounts as rows), html, mermaid, dot, json.

The rule: every text in a picture is escaped; a resource may be called anything.
"""

import html
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migrate.graph import Edge, Graph
from migrate.names import Ref
from migrate.values import Json

_COLUMN, _ROW, _BOX_W, _BOX_H, _HEAD, _LEFT = 210, 34, 186, 26, 46, 150
_COLOURS = {
    "ec2": "#e8f0fe", "elbv2": "#e8f0fe", "iam": "#fde7e9", "kms": "#fde7e9", "secretsmanager": "#fde7e9",
    "ssm": "#fff4e0", "logs": "#fff4e0", "s3": "#e6f4ea", "rds": "#e6f4ea", "ecr": "#e6f4ea", "ecs": "#f3e8fd",
    "lambda": "#f3e8fd", "applicationautoscaling": "#f3e8fd", "sqs": "#fef7e0", "sns": "#fef7e0", "events": "#fef7e0",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """One box of the picture."""

    id: str
    label: str
    hint: str
    column: int
    row: str
    service: str


def _escaped(text: str) -> str:
    """For HTML and SVG; control characters, which XML cannot hold at all, become a replacement mark."""
    return html.escape("".join(letter if letter.isprintable() else "\ufffd" for letter in text), quote=True)


def cells_of_graph(graph: Graph, row_of: Mapping[Ref, str]) -> list[Cell]:
    """A box a resource, in the wave that the edges alone give it."""
    cells = []
    for ref, resource in sorted(graph.resources.items()):
        label = _short(ref, called=resource.tags.get("Name", ""))
        row = row_of.get(ref, "not placed")
        cells.append(Cell(str(ref), label, str(ref), graph.waves[ref], row, ref.kind.split(".")[0]))
    return cells


def svg(cells: Sequence[Cell], edges: Sequence[tuple[str, str]] = (), *, most_per_cell: int = 14) -> str:
    """Waves as columns, accounts as rows. Boxes beyond `most_per_cell` in one place are counted, not drawn."""
    columns = sorted({cell.column for cell in cells})
    rows = sorted({cell.row for cell in cells})
    grid: dict[tuple[str, int], list[Cell]] = defaultdict(list)
    for cell in cells:
        grid[cell.row, cell.column].append(cell)
    heights = {
        row: max(_lines(row), *(min(len(grid[row, column]), most_per_cell + 1) for column in columns)) * _ROW + 16
        for row in rows
    }
    width = _LEFT + _COLUMN * len(columns) + 20
    height = _HEAD + sum(heights.values()) + 10
    spots: dict[str, tuple[int, int]] = {}
    boxes: list[str] = []
    top = _HEAD
    for number, row in enumerate(rows):
        shade = "#fafafa" if number % 2 else "#ffffff"
        boxes.append(f'<rect x="0" y="{top}" width="{width}" height="{heights[row]}" fill="{shade}"/>')
        for line, word in enumerate(row.split(", ")):
            text = _escaped(short_label(word, 18))
            boxes.append(f'<text x="12" y="{top + 26 + line * 18}" class="row">{text}</text>')
        boxes.append(f'<text x="12" y="{top + 26 + (row.count(", ") + 1) * 18}" class="more">{_when(grid, row)}</text>')
        for position, column in enumerate(columns):
            inside = grid[row, column]
            for place, cell in enumerate(inside[:most_per_cell]):
                x, y = _LEFT + position * _COLUMN, top + 8 + place * _ROW
                spots[cell.id] = (x, y)
                boxes.append(_box(cell, x, y))
            if len(inside) > most_per_cell:
                y = top + 8 + most_per_cell * _ROW
                left = len(inside) - most_per_cell
                boxes.append(
                    f'<text x="{_LEFT + position * _COLUMN + 8}" y="{y + 18}" class="more">and {left} more</text>'
                )
        top += heights[row]
    heads = [
        f'<text x="{_LEFT + position * _COLUMN + _BOX_W // 2}" y="28" class="head" text-anchor="middle">'
        f"wave {column}</text>"
        for position, column in enumerate(columns)
    ]
    lines = [_line(spots[start], spots[end]) for start, end in edges if start in spots and end in spots]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'role="img" font-family="system-ui, sans-serif">',
            "<style>.row{font-weight:600;font-size:13px}.head{font-weight:600;font-size:13px;fill:#444}"
            ".box{font-size:11px}.more{font-size:11px;fill:#666}.edge{stroke:#9aa0a6;stroke-width:.7;fill:none}</style>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *heads, *boxes, *lines, "</svg>",
        ]
    )  # fmt: skip


def _when(grid: Mapping[tuple[str, int], list[Cell]], row: str) -> str:
    """In which waves a row has boxes: they may all stand further to the right than the page shows."""
    drawn = [column for (of, column), inside in grid.items() if of == row and inside]
    return f"wave {drawn[0]}" if len(drawn) == 1 else f"waves {min(drawn)} to {max(drawn)} →"


def _lines(row: str) -> int:
    """Rows of boxes that the name of an account (or of several) takes."""
    return 1 + (row.count(", ") + 1) // 2


def _box(cell: Cell, x: int, y: int) -> str:
    colour = _COLOURS.get(cell.service, "#f1f3f4")
    return (
        f'<g class="cell" data-id="{_escaped(cell.id)}"><title>{_escaped(cell.hint)}</title>'
        f'<rect x="{x}" y="{y}" width="{_BOX_W}" height="{_BOX_H}" rx="4" fill="{colour}" stroke="#c4c7c5"/>'
        f'<text x="{x + 7}" y="{y + 17}" class="box">{_escaped(cell.label)}</text></g>'
    )


def _line(start: tuple[int, int], end: tuple[int, int]) -> str:
    (x1, y1), (x2, y2) = start, end
    a, b = (x1, y1 + _BOX_H // 2), (x2 + _BOX_W, y2 + _BOX_H // 2)
    middle = (a[0] + b[0]) // 2
    return f'<path class="edge" d="M{a[0]} {a[1]} C{middle} {a[1]} {middle} {b[1]} {b[0]} {b[1]}"/>'


def _short(ref: Ref, most: int = 27, called: str = "") -> str:
    return short_label(f"{ref.kind.split('.')[-1]} {called or ref.name}", most)


def short_label(text: str, most: int = 27) -> str:
    """A label that fits into a box: the middle goes first, because names differ at their ends."""
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail - 1]}…{text[-tail:]}"


def page(graph: Graph, row_of: Mapping[Ref, str]) -> str:
    """The picture as one offline HTML page with the edges, dangling references and cycles listed."""
    hard = [(str(e.ref), str(e.needs)) for e in graph.edges if e.strength != "soft"]
    picture = svg(cells_of_graph(graph, row_of), hard)
    rows = "\n".join(
        f"<tr><td>{_escaped(str(e.ref))}</td><td>{_escaped(e.why)}</td><td>{_escaped(str(e.needs))}</td>"
        f"<td>{e.strength}</td><td>{_escaped(e.seen_in)}</td></tr>"
        for e in graph.edges
    )
    hanging = "".join(
        f"<li>{_escaped(str(d.ref))}: {_escaped(d.seen_in)}: {_escaped(d.text)}</li>" for d in graph.dangling
    )
    cycles = "".join(f"<li>{_escaped(' ↔ '.join(map(str, cycle)))}</li>" for cycle in graph.cycles)
    return (
        "<!doctype html><meta charset=utf-8><title>Dependency graph</title>"
        "<style>body{font:14px system-ui,sans-serif;margin:24px}table{border-collapse:collapse;font-size:12px}"
        "td{border-top:1px solid #ddd;padding:3px 8px;word-break:break-all}.scroll{overflow:auto}</style>"
        f"<h1>{len(graph.resources)} resources, {len(graph.edges)} edges</h1><div class=scroll>{picture}</div>"
        f"<h2>Moves as one, because each needs the other</h2><ul>{cycles or '<li>nothing</li>'}</ul>"
        f"<h2>Dangling references</h2><ul>{hanging or '<li>none</li>'}</ul>"
        f"<h2>Every edge and where it is written</h2><table>{rows}</table>"
    )


def mermaid(graph: Graph) -> str:
    """A mermaid flowchart of the hard and cut edges."""
    ids = {ref: f"n{number}" for number, ref in enumerate(sorted(graph.resources))}
    lines = ["flowchart RL"]
    for ref, node in ids.items():
        lines.append(f'  {node}["{_entities(_short(ref, 60))}"]')
    for edge in _drawn(graph):
        lines.append(f"  {ids[edge.ref]} {'==>' if edge.strength == 'cut' else '-->'} {ids[edge.needs]}")
    return "\n".join(lines) + "\n"


def _entities(text: str) -> str:
    """Mermaid's own escapes: a label is HTML to it, and a backtick begins Markdown."""
    return "".join(letter if letter.isalnum() or letter in " -_.:/,…" else f"#{ord(letter)};" for letter in text)


def dot(graph: Graph) -> str:
    """Graphviz."""
    lines = ["digraph migration {", "  rankdir=RL; node [shape=box, fontsize=10];"]
    quoted = {ref: json.dumps(str(ref), ensure_ascii=False) for ref in graph.resources}
    for ref in sorted(graph.resources):
        lines.append(f"  {quoted[ref]} [label={json.dumps(_short(ref, 60), ensure_ascii=False)}];")
    for edge in _drawn(graph):
        style = " [style=bold]" if edge.strength == "cut" else ""
        lines.append(f"  {quoted[edge.ref]} -> {quoted[edge.needs]}{style};")
    return "\n".join([*lines, "}"]) + "\n"


def as_json(graph: Graph) -> dict[str, Json]:
    """The whole graph, soft edges and evidence included."""
    return {
        "resources": [
            {"ref": str(ref), "wave": graph.waves[ref], "group": graph.groups[ref]} for ref in sorted(graph.resources)
        ],
        "edges": [
            {"ref": str(e.ref), "needs": str(e.needs), "why": e.why, "strength": e.strength, "seen_in": e.seen_in}
            for e in graph.edges
        ],
        "dangling": [{"ref": str(d.ref), "text": d.text, "seen_in": d.seen_in} for d in graph.dangling],
        "cycles": [[str(ref) for ref in cycle] for cycle in graph.cycles],
        "groups": {group: [str(ref) for ref in refs] for group, refs in graph.members().items()},
    }


def _drawn(graph: Graph) -> list[Edge]:
    return [edge for edge in graph.edges if edge.strength != "soft"]
