"""Time by node, as bars in SVG."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

__all__ = ["duration", "time_chart"]

_ROW, _LABEL, _BAR, _VALUE = 26, 210, 420, 90
_MOST = 14


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 0.001:
        return "< 1 ms"
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def time_chart(seconds: Mapping[str, float]) -> str:
    """Bars of the slowest nodes; what is left is one bar at the end."""
    ranked = sorted(seconds.items(), key=lambda pair: -pair[1])
    rows = ranked[:_MOST]
    rest = ranked[_MOST:]
    if rest:
        rows.append((f"{len(rest)} others", sum(spent for _, spent in rest)))
    longest = max((spent for _, spent in rows), default=0.0) or 1.0
    width, height = _LABEL + _BAR + _VALUE, len(rows) * _ROW
    parts = [
        f'<svg class="times" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img"'
        ' aria-label="Time by node">'
    ]
    for i, (name, spent) in enumerate(rows):
        y, length = i * _ROW, max(3.0, _BAR * spent / longest)
        round_ = f"{min(5.0, length / 2):.1f}"
        label = name if len(name) <= 30 else name[:29] + "…"
        parts.append(
            f"<g><title>{escape(name)}: {duration(spent)}</title>"
            f'<text class="label" x="0" y="{y + 17}">{escape(label)}</text>'
            f'<rect class="track" x="{_LABEL}" y="{y + 8}" width="{_BAR}" height="10" rx="5"/>'
            f'<rect class="spent" x="{_LABEL}" y="{y + 8}" width="{length:.1f}" height="10" rx="{round_}"/>'
            f'<text class="value" x="{_LABEL + _BAR + 12}" y="{y + 17}">{duration(spent)}</text></g>'
        )
    return "".join([*parts, "</svg>"])
