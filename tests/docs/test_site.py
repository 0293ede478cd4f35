"""The generated pages, without Sphinx: every component is told in full, every citation has its entry."""

import importlib.util
import re
from pathlib import Path

import pytest

from otframe.ports import signature, verbs
from otframe.registry import Registry

DOCS = Path(__file__).parents[2] / "docs"
KEYS = set(re.findall(r"^@\w+\{(\w+)", (DOCS / "references.bib").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.fixture(scope="module")
def components():
    spec = importlib.util.spec_from_file_location("components", DOCS / "_ext" / "components.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NAMES = [entry.name for entry, _ in Registry.installed().entries()]


@pytest.mark.parametrize("name", NAMES)
def test_a_component_is_told_in_full(components, name):
    registry = Registry.installed()
    cls, text = registry.load(name), components.component(registry, name)
    for port in [port.name for verb in verbs(cls) for port in signature(cls, verb).inputs]:
        assert f"| `{port}` |" in text
    for parameter in cls.model_fields:
        assert f"| `{parameter}` |" in text
    for markup in ("]_", ".. math::", ":math:", "----\n-"):
        assert markup not in text, "this is not Markdown"
    cited = set(re.findall(r"\{cite:p\}`(\w+)`", text))
    assert cited >= set(cls.references)
    assert cited <= KEYS


def test_all_are_on_the_page_by_plugin(components):
    text = components.page(Registry.installed())
    headings = re.findall(r"^### `(.+)`$", text, re.MULTILINE)
    assert sorted(headings) == sorted(NAMES)
    assert text.index("(core)") < text.index("## otframe-gaussian")


def test_docstrings_become_markdown(components):
    told = components.markdown("By `A` [olkin1982distance]_ and :math:`x_s`:\n\n.. math:: a = b\n          + c\n\nEnd.")
    assert told == "By `A` {cite:p}`olkin1982distance` and {math}`x_s`:\n\n```{math}\na = b\n+ c\n```\n\nEnd."


def test_every_page_is_in_the_contents():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL))
    listed = set(re.findall(r"^(?:.* <)?([\w-]+)>?$", blocks, re.MULTILINE))
    assert {path.stem for path in DOCS.glob("*.md")} - {"index"} <= listed
