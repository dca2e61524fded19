"""Horizontal bars as SVG: self-echo on the left, processor time of two processes on the right."""
from html import escape

BAR, GAP, LABEL, WIDTH, VALUE = 15, 4, 150, 260, 70
COLUMN = LABEL + WIDTH + VALUE
COLOURS = {"limit": "#8a8f98", "spin": "#c3c6cc", "ours": "#d1495b", "peer": "#3d7ea6"}


def bars(title, rows, x, y):
    """One panel. `rows` are (name, role, value, text). Returns the shapes and where the next panel starts."""
    shapes = [f'<text x="{x}" y="{y + 12}" class="title">{escape(title)}</text>']
    y += 22
    largest = max(value for _, _, value, _ in rows) or 1
    for name, role, value, text in rows:
        length = WIDTH * value / largest
        middle = y + BAR - 4
        shapes += [
            f'<text x="{x + LABEL - 6}" y="{middle}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{x + LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{COLOURS[role]}"/>',
            f'<text x="{x + LABEL + length + 5:.1f}" y="{middle}">{escape(text)}</text>',
        ]
        y += BAR + GAP
    return shapes, y + 16


def column(panels, x):
    shapes, y = [], 16
    for title, rows in panels:
        more, y = bars(title, rows, x, y)
        shapes += more
    return shapes, y


def self_panels(cases):
    return [(f"Self-echo, {case}: ns per message",
             [(row["server"], row["role"], row["median_ns"], f"{row['median_ns']:.0f}") for row in rows])
            for case, rows in cases.items()]


def two_panels(cases):
    return [(f"Two processes, {case}: server CPU us per message",
             [(row["server"], row["role"], row["server_cpu_us"], f"{row['server_cpu_us']:.2f}")
              for row in rows])
            for case, rows in cases.items()]


def svg(summary):
    parts = self_panels(summary.get("self", {})), two_panels(summary.get("two", {}))
    columns = [panels for panels in parts if panels]
    shapes, height = [], 40
    for index, panels in enumerate(columns):
        more, bottom = column(panels, 12 + index * (COLUMN + 24))
        shapes += more
        height = max(height, bottom)
    width = 24 + len(columns) * (COLUMN + 24)
    style = ("text{font:11px sans-serif;fill:#333}.title{font-weight:bold;font-size:12px}"
             "@media(prefers-color-scheme:dark){text{fill:#ddd}}")
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}">')
    return "\n".join([head, f"<style>{style}</style>", *shapes, "</svg>", ""])
