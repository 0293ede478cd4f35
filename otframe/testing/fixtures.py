"""The pytest plugin of the kit: `registry`, `tiny_images`, `run_yaml`. Installing otframe makes them available.

Nothing of otframe is imported before a fixture is used, so that other projects' tests do not pay for it. A
`conftest.py` may define fixtures of the same names, which then win.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from otframe.run import RunResult
    from otframe.testing.registries import OpenRegistry
    from otframe.values import Image

__all__ = ["registry", "run_yaml", "tiny_images"]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> OpenRegistry:
    """The core alone: discovery is blocked, for `Registry.installed()` too. `registry.add(name, cls)` adds to it."""
    from otframe.testing.registries import OpenRegistry

    found = OpenRegistry()
    monkeypatch.setattr("otframe.registry._installed", found)
    return found


@pytest.fixture
def tiny_images() -> dict[str, Image]:
    """Three images by key, 3 x 12 x 10 without alpha: a stream for `Pipeline` and `run_yaml`."""
    from otframe.testing.samples import image

    return {key: image(k, size=(12, 10), alpha=False) for k, key in enumerate("abc")}


@pytest.fixture
def run_yaml(registry: OpenRegistry) -> Callable[..., RunResult]:
    """Run a pipeline's text with the fixture `registry`: `run_yaml(text, photos=tiny_images, seed=1)`.

    The text may be indented, and its first line `otframe: 1` left out; the names of inputs are keywords, and the rest
    are options of `Pipeline.run`.
    """
    from otframe.run import Pipeline

    def run(text: str, **inputs: Any) -> RunResult:
        text = textwrap.dedent(text)
        if not text.lstrip().startswith("otframe:"):
            text = "otframe: 1\n" + text
        pipeline = Pipeline.from_text(text, registry)
        given = {name: inputs.pop(name) for name in list(inputs) if name in pipeline.document.inputs}
        return pipeline.run(given, **inputs)

    return run
