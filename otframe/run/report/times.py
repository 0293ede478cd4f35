"""Time by node, as bars."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

__all__ = ["duration", "time_chart"]

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
    parts = [_bar(name, spent, 100 * spent / longest) for name, spent in rows]
    return f'<ul class="times">{"".join(parts)}</ul>'


def _bar(name: str, spent: float, percent: float) -> str:
    told, name = duration(spent), escape(name)
    bar = f'<span class="track"><i style="width:{max(0.7, percent):.1f}%"></i></span>'
    return f'<li title="{name}: {told}"><span class="label">{name}</span>{bar}<span class="value">{told}</span></li>'
