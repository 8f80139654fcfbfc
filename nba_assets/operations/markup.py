"""What pages are made of: lines of tables, keys of colours, bars."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

BAR, BARS_LABEL, BARS_WIDTH = 18, 190, 620
"""pixels of a bar's height, of its name, and of all"""


def key(colours: Mapping[str, str]) -> str:
    """What each colour means."""
    told = (f'<span><i style="background: {c}"></i>{name}</span>' for name, c in colours.items())
    return f'<p class="key">{"".join(told)}</p>'


def row(words: Sequence[str], figures: Sequence[str] = (), cell: str = "td") -> str:
    """A line of a table. Words are escaped, figures are ours."""
    cells = [f"<{cell}>{escape(word)}</{cell}>" for word in words]
    cells += [f'<{cell} class="number">{figure}</{cell}>' for figure in figures]
    return f"<tr>{''.join(cells)}</tr>"


def bars(values: Mapping[str, float], colours: tuple[str, str]) -> Iterator[str]:
    """A bar a value, to the left where it is negative; ``colours`` of those and the others."""
    low, high = min(0.0, *values.values()), max(0.0, *values.values())
    scale = (BARS_WIDTH - BARS_LABEL - 60) / ((high - low) or 1.0)
    zero = BARS_LABEL - low * scale
    yield f'<svg width="{BARS_WIDTH}" height="{BAR * len(values) + 4}">'
    for number, (name, value) in enumerate(values.items()):
        y, width = BAR * number, abs(value) * scale
        left = zero - width if value < 0 else zero
        colour = colours[0] if value < 0 else colours[1]
        yield f'<text x="0" y="{y + 13}">{escape(name)}</text>'
        yield (
            f'<rect x="{left:.1f}" y="{y + 3}" width="{width:.1f}" height="{BAR - 5}" '
            f'fill="{colour}"/>'
        )
        yield f'<text x="{zero + max(value, 0) * scale + 5:.1f}" y="{y + 13}">{value:+.2f}</text>'
    yield "</svg>"
