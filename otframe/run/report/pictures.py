"""Galleries: for each stream of items, its pictures from inputs to outputs, and which is shown beside which."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_origin

from otframe.graph import Graph, Output
from otframe.io import open_source
from otframe.io.source import Source
from otframe.registry import Registry
from otframe.run.journal import Journal
from otframe.run.observer import RunInfo
from otframe.run.report.thumbnails import Thumbnail, thumbnail
from otframe.values import Image

__all__ = ["Gallery", "Panel", "galleries", "panel_titles"]

Load = Callable[[str], Any]
_COPY = re.compile(r"__\d+$")


@dataclass(frozen=True)
class Panel:
    """One picture of each item: an input or an output, and the panel that it is best seen beside.

    A shared one is the same for all items.
    """

    id: str
    name: str
    role: str
    before: str = ""
    shared: bool = False


@dataclass
class Gallery:
    """The items of one stream (or the single pictures), with a thumbnail for each item and panel that has one.

    Parameters
    ----------
    title : str
        The input whose items these are; empty for single pictures.
    after : str
        The panel that is shown on the right at first.
    left_out : int
        Items that are not shown, to keep the page small.
    alone : str
        Of a single picture that is compared with no other, but for copies that a sweep made: its name.
    """

    title: str
    panels: tuple[Panel, ...]
    after: str
    items: dict[str, dict[str, Thumbnail]] = field(default_factory=dict)
    left_out: int = 0
    alone: str = ""


def galleries(journal: Journal, registry: Registry, *, limit: int) -> list[Gallery]:
    """What there is to see of a run, at most `limit` items in all."""
    info = journal.info
    assert info is not None
    found = []
    for origin in (*info.keys, ""):
        loads = _inputs(info, origin)
        outputs = [out for out in info.graph.outputs if _is_image(out.type) and _origin(info, out) == origin]
        loads.update({f"out:{out.name}": _written(journal, registry, out) for out in outputs})
        outputs.sort(key=lambda out: list(info.graph.nodes).index(out.source.node))
        for some in _apart(outputs, list(loads)) if not origin else [outputs] if outputs else []:
            names = {f"out:{out.name}" for out in some}
            shown = {name: load for name, load in loads.items() if name.startswith("in:") or name in names}
            gallery = _gallery(info.graph, origin, some, list(shown))
            bases = {_COPY.sub("", out.name) for out in some}
            gallery.alone = bases.pop() if not origin and len(bases) == 1 else ""
            keys = info.keys[origin] if origin else ("",)
            _fill(gallery, keys, shown, limit)
            limit -= len(gallery.items)
            if gallery.items:
                found.append(gallery)
    return found


def _apart(outputs: list[Output], ids: list[str]) -> list[list[Output]]:
    """Single pictures: those that are seen beside others in one gallery, each other with its copies in its own."""
    if any(name.startswith("in:") for name in ids):
        return [outputs] if outputs else []
    named = [out.before for out in outputs if out.before is not None]
    beside = [out for out in outputs if out.before is not None or out.source in named]
    others: dict[str, list[Output]] = {}
    for out in outputs:
        if out not in beside:
            others.setdefault(_COPY.sub("", out.name), []).append(out)
    return [some for some in (beside, *others.values()) if some]


def _gallery(graph: Graph, origin: str, outputs: list[Output], ids: list[str]) -> Gallery:
    sources = [name[3:] for name in ids if name.startswith("in:")]
    panels = [Panel(f"in:{name}", name, "input", shared=not graph.nodes[name].streams) for name in sources]
    titles = panel_titles({out.name: out.to for out in outputs})
    for out in outputs:
        role = f"output, {out.to}" if out.to else "output"
        panels.append(Panel(f"out:{out.name}", titles[out.name], role, _before(graph, out, outputs, ids)))
    first = next(out.name for out in sorted(graph.outputs, key=lambda o: o.before is None) if out in outputs)
    return Gallery(origin, tuple(panels), f"out:{first}")


def panel_titles(outputs: Mapping[str, str | None]) -> dict[str, str]:
    """What each output is called, given its file template: a copy that a sweep made, by where its setting shows there.

    `enhanced__0` to `alpha=0.25/{stem}.png` is `enhanced alpha=0.25`.
    """
    found = {}
    for name, to in outputs.items():
        base = _COPY.sub("", name)
        others = [path for other, path in outputs.items() if _COPY.sub("", other) == base and path]
        parts = [path.split("/") for path in others]
        if base != name and to and len(others) > 1 and len({len(each) for each in parts}) == 1:
            apart = [
                own for own, each in zip(to.split("/"), zip(*parts, strict=True), strict=True) if len(set(each)) > 1
            ]
            found[name] = " ".join([base, *apart])
        else:
            found[name] = name
    return found


def _before(graph: Graph, output: Output, outputs: list[Output], ids: list[str]) -> str:
    """What an output is shown beside: what it says itself, an input of its own stream, or whatever comes first."""
    wanted = []
    if output.before is not None:
        wanted += [f"out:{other.name}" for other in outputs if other.source == output.before]
        wanted.append(f"in:{output.before.node}")
    wanted += [f"in:{name}" for name in sorted(output.origins)]
    wanted += ids
    return next((name for name in wanted if name in ids and name != f"out:{output.name}"), "")


def _inputs(info: RunInfo, origin: str) -> dict[str, Load]:
    """Loaders of the pictures that go in: those of the stream, then single ones, which are the same for each item."""
    found: dict[str, Load] = {}
    classes = info.plan.classes
    for name, source in info.sources.items():
        node = info.graph.nodes[name]
        if not _is_image(node.type):
            continue
        if node.streams and classes.get(name) == origin:
            found[f"in:{name}"] = source.load
        elif not node.streams:
            found[f"in:{name}"] = _always(source)
    return dict(sorted(found.items(), key=lambda item: not info.graph.nodes[item[0][3:]].streams))


def _always(source: Source) -> Load:
    """The loader of a single picture, whatever the item."""
    return lambda key: source.load(source.keys()[0])


def _written(journal: Journal, registry: Registry, output: Output) -> Load:
    """The loader of an output: from its files, or from memory where the run wrote none."""
    paths = {file.key: file.path for file in journal.files if file.output == output.name}
    values = journal.result.values.get(output.name) if journal.result else None

    def load(key: str) -> Any:
        if key in paths:
            return _read(paths[key], registry)
        return values.get(key) if isinstance(values, dict) else values

    return load


def _fill(gallery: Gallery, keys: tuple[str, ...], loads: dict[str, Load], limit: int) -> None:
    """Make the thumbnails; a picture that cannot be read is left out: the list of failures says why."""
    shared = {panel.id for panel in gallery.panels if panel.shared}
    once: dict[str, Thumbnail] = {}
    for key in keys:
        made: dict[str, Thumbnail] = {}
        if len(gallery.items) >= limit:
            gallery.left_out += 1
            continue
        for panel, load in loads.items():
            try:
                image = None if panel in once else load(key)
                shown = thumbnail(image) if isinstance(image, Image) else once.get(panel)
            except Exception:  # a report never ends a run
                continue
            if shown is not None:
                made[panel] = shown
                if panel in shared:
                    once[panel] = shown
        if any(panel.startswith("out:") for panel in made):
            gallery.items[key] = made


def _read(path: Path, registry: Registry) -> Any:
    source = open_source(path, registry, Image)
    return source.load(source.keys()[0])


def _origin(info: RunInfo, output: Output) -> str:
    return info.plan.classes[min(output.origins)] if output.origins else ""


def _is_image(type_: Any) -> bool:
    base = get_origin(type_) or type_
    return isinstance(base, type) and issubclass(base, Image)
