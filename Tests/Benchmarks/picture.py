# Draws ratios as bars on a logarithmic scale, as SVG.
import math
from html import escape

COLORS = {"floor": "#8a94a6"}
PALETTE = ["#c2571a", "#2a7f62", "#6b4fa0", "#b08900"]
LEFT, WIDTH, BAR, GAP, TOP = 530, 440, 11, 12, 92


def bars(title, rows):
    """`rows`: a label and its (name, ratio or None) pairs. A line marks 1."""
    names = list(dict.fromkeys(name for _, pairs in rows for name, _ in pairs))
    free = iter(PALETTE * len(names))
    colors = {name: COLORS.get(name) or next(free) for name in names}
    values = [value for _, pairs in rows for _, value in pairs if value] + [1, 10]
    low = math.floor(math.log10(min(values)) * 2) / 2
    high = math.ceil(math.log10(max(values)) * 2) / 2

    def x(value):
        return LEFT + WIDTH * (math.log10(value) - low) / (high - low)

    body, y = [], TOP
    for label, pairs in rows:
        shown = [pair for pair in pairs if pair[1]]
        height = max(1, len(shown)) * (BAR + 3)
        body.append(text(LEFT - 60, y + height / 2 + 2, label, 'text-anchor="end"'))
        for name, value in shown:
            start, stop = sorted((x(1), x(value)))
            body.append(f'<rect x="{start:.1f}" y="{y}" width="{max(stop - start, 1):.1f}" '
                        f'height="{BAR}" fill="{colors[name]}"/>')
            # The figure stands at the end of the bar that is away from 1.
            side = 'text-anchor="start"' if value >= 1 else 'text-anchor="end"'
            at = x(value) + (5 if value >= 1 else -5)
            body.append(text(at, y + 10, f"{value:.3g}×", side))
            y += BAR + 3
        if not shown:
            body.append(text(x(1) + 5, y + 10, "not measured", 'fill="#777"'))
            y += BAR + 3
        y += GAP
    axis = []
    for power in range(math.ceil(low), math.floor(high) + 1):
        at = x(10 ** power)
        heavy = power == 0
        axis.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 8}" y2="{y}" '
                    f'stroke="{"#222" if heavy else "#ddd"}"/>')
        mark = "wampctl = 1" if heavy else f"{10 ** power:g}×"
        axis.append(text(at, TOP - 14, mark, 'text-anchor="middle"'))
    legend, at = [], 20
    for name in names:
        legend.append(f'<rect x="{at}" y="{y + 8}" width="{BAR}" height="{BAR}" '
                      f'fill="{colors[name]}"/>')
        legend.append(text(at + 17, y + 18, name))
        at += 40 + 8 * len(name)
    width, height = LEFT + WIDTH + 70, y + 34
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        text(20, 26, title, 'font-size="16" font-weight="bold"'),
        text(20, 46, "To the right of the line: takes more than wampctl. Logarithmic scale."),
        *axis, *body, *legend, "</svg>", ""])


def text(x, y, words, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(words)}</text>'
