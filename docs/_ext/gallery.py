"""The gallery's pipelines: each one's title, description, inputs and graph, drawn before each build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components import write
from typer.testing import CliRunner

from otframe.cli.find import shipped
from otframe.cli.main import app as otframe
from otframe.registry import Registry
from otframe.run import Pipeline

__all__ = ["setup"]


def setup(app: Any) -> dict[str, bool]:
    """Draw before the sources are read."""
    app.connect("builder-inited", lambda app: make(Path(app.srcdir) / "_generated"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def make(folder: Path) -> None:
    """Write `pipelines.md` and one drawing for each shipped pipeline."""
    registry = Registry.installed()
    parts = []
    for name, path in shipped(registry).items():
        doc = Pipeline.from_yaml(path, registry).document
        write(folder / f"{name}.svg", _drawing(path))
        rows = [f"| `{key}` | `{spec.type}` | {spec.doc} |" for key, spec in doc.inputs.items()]
        parts += [
            f"## {doc.title}",
            doc.description.strip(),
            f"```console\n$ otframe run {name} --out out --report\n```",
            f"```{{image}} /_generated/{name}.svg\n:class: graph\n:alt: the graph of {name}\n"
            f":target: _images/{name}.svg\n```",
            "\n".join(["| input | type | what it is |", "| --- | --- | --- |", *rows]),
            _source(path, name),
        ]
    write(folder / "pipelines.md", "\n\n".join(parts) + "\n")


def _drawing(path: Path) -> str:
    """What `otframe graph FILE --format svg` prints."""
    done = CliRunner().invoke(otframe, ["graph", str(path), "--format", "svg"])
    if done.exit_code:
        raise RuntimeError(f"{path} cannot be drawn: {done.output}")
    return done.stdout


def _source(path: Path, name: str) -> str:
    text = path.read_text(encoding="utf-8")
    return f"<details><summary>{name}.yaml</summary>\n\n```yaml\n{text}```\n\n</details>"
