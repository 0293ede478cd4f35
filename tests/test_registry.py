"""Discovery: whatever one plugin does, the others work, and what failed is told where it is missed."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from otframe.errors import PluginError, UnknownNameError
from otframe.registry import Registry, nearest, suggest

_HEAD = "from otframe.plugin import Entry, hookimpl\n"
_GOOD = (
    _HEAD
    + """
from otframe.interfaces import Transform
from otframe.values import Image

class Sharpen(Transform):
    '''Sharpens.'''
    def __call__(self, image: Image) -> Image:
        return image

@hookimpl
def otframe_components():
    return [Entry("good.sharpen", __name__ + ":Sharpen", "transform", "sharpens")]
"""
)

BROKEN = {
    "import error": ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
    "raises on import": ("raise RuntimeError('no GPU driver')", "RuntimeError: no GPU driver"),
    "exits on import": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "does not parse": ("def broken(:\n  pass", "SyntaxError"),
    "hook raises": (
        _HEAD + "@hookimpl\ndef otframe_components():\n    return {}['weights']",
        "KeyError: 'weights'",
    ),
    "hook gives no entries": (
        _HEAD + "@hookimpl\ndef otframe_components():\n    return ['bad.thing']",
        "otframe_components must return otframe.plugin.Entry objects, got str",
    ),
    "hook gives one entry, not a list": (
        _HEAD + "@hookimpl\ndef otframe_components():\n    return Entry('bad.thing', 'a:B', 'transform', '')",
        "TypeError: 'Entry' object is not iterable",
    ),
    "hook takes too much": (
        _HEAD + "@hookimpl\ndef otframe_components(registry):\n    return []",
        "PluginValidationError",
    ),
    "unknown hook": (_HEAD + "@hookimpl\ndef otframe_widgets():\n    return []", "unknown hook 'otframe_widgets'"),
    "hook is not marked": (
        "def otframe_components():\n    return []",
        "otframe_components is not marked: write @hookimpl above it",
    ),
    "target without colon": (
        _HEAD + "@hookimpl\ndef otframe_components():\n    return [Entry('bad.thing', 'a.B', 'transform', '')]",
        "target of 'bad.thing' must be 'module:Class', got 'a.B'",
    ),
    "wrong kind": (
        _HEAD + "@hookimpl\ndef otframe_components():\n    return [Entry('bad.thing', 'a:B', 'value', '')]",
        "'bad.thing' must be of kind solver or transform or accumulator or model, got 'value'",
    ),
    "one name twice": (
        _HEAD + "@hookimpl\ndef otframe_components():\n    return [Entry('bad.thing', 'a:B', 'transform', '')] * 2",
        "otframe_components offers bad.thing twice",
    ),
    "name of another plugin": (
        _HEAD + "@hookimpl\ndef otframe_components():\n"
        "    return [Entry('bad.own', 'a:B', 'transform', ''), Entry('good.sharpen', 'a:B', 'transform', '')]",
        "component 'good.sharpen' is already offered by plugin 'a_good'",
    ),
    "name of the core": (
        _HEAD + "@hookimpl\ndef otframe_values():\n    return [Entry('Image', 'a:B', 'value', '')]",
        "value 'Image' is already offered by plugin 'otframe'",
    ),
}

_numbers = itertools.count()
Make = Callable[[str, str], EntryPoint]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Write a plugin's module and give its entry point."""
    monkeypatch.delenv("OTFRAME_PLUGINS", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(name: str, source: str) -> EntryPoint:
        module = f"otframe_test_plugin_{next(_numbers)}"
        (tmp_path / f"{module}.py").write_text(source, encoding="utf-8")
        return EntryPoint(name, module, "otframe")

    return make


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_takes_down_nothing(case: str, make: Make) -> None:
    source, reason = BROKEN[case]
    registry = Registry(points=[make("z_broken", source), make("a_good", _GOOD)])
    assert registry.load("good.sharpen").__name__ == "Sharpen"
    assert registry.has("Image", "value")
    (failed,) = registry.failures()
    assert failed.name == "z_broken"
    assert reason in failed.failure
    assert failed.entries == ()
    with pytest.raises(UnknownNameError) as caught:
        registry.load("bad.own")
    assert f"plugin 'z_broken' ({failed.distribution}) could not be loaded: " in caught.value.hint
    assert reason in caught.value.hint


def test_all_of_them_at_once(make: Make) -> None:
    points = [make("a_good", _GOOD), *(make(f"b{i}", source) for i, (source, _) in enumerate(BROKEN.values()))]
    registry = Registry(points=points)
    assert len(registry.failures()) == len(BROKEN)
    assert [plugin.name for plugin in registry.plugins if not plugin.failure] == ["otframe", "a_good"]
    registry.load("good.sharpen")


def test_the_entry_module_is_missing(make: Make) -> None:
    registry = Registry(points=[EntryPoint("gone", "no_such_module_at_all", "otframe"), make("a_good", _GOOD)])
    (failed,) = registry.failures()
    assert (failed.name, failed.distribution) == ("gone", "no_such_module_at_all")
    assert "No module named 'no_such_module_at_all'" in failed.failure
    assert registry.has("good.sharpen")


def test_an_entry_point_that_is_no_module_name(make: Make) -> None:
    registry = Registry(points=[EntryPoint("odd", "not a module!", "otframe"), make("a_good", _GOOD)])
    assert [plugin.name for plugin in registry.failures()] == ["odd"]
    assert registry.has("good.sharpen")


def test_two_plugins_with_one_name(make: Make) -> None:
    first, second = make("twin", _GOOD), make("twin", BROKEN["import error"][0])
    registry = Registry(points=[second, first])
    (failed,) = registry.failures()
    assert "two plugins are called 'twin'" in failed.failure
    assert first.value in failed.failure
    assert second.value in failed.failure
    assert registry.has("good.sharpen"), "the first stays, whatever the order they are found in"


def test_a_plugin_may_not_take_the_cores_name(make: Make) -> None:
    registry = Registry(points=[make("otframe", _GOOD)])
    assert [plugin.name for plugin in registry.failures()] == ["otframe"]
    assert "two plugins are called 'otframe'" in registry.failures()[0].failure


def test_one_distribution_found_twice_is_one_plugin(make: Make) -> None:
    point = make("a_good", _GOOD)
    registry = Registry(points=[point, EntryPoint(point.name, point.value, point.group)])
    assert registry.failures() == []
    assert len(registry.plugins) == 2


@pytest.mark.parametrize("target", ["math:Sharpen", "no_such_module_at_all:Sharpen"])
def test_a_missing_class_is_told_when_it_is_asked_for(target: str, make: Make) -> None:
    source = (
        _HEAD + f"@hookimpl\ndef otframe_components():\n    return [Entry('late.one', '{target}', 'transform', '')]"
    )
    registry = Registry(points=[make("late", source), make("a_good", _GOOD)])
    assert registry.failures() == []
    for _ in range(2):
        with pytest.raises(PluginError) as caught:
            registry.load("late.one")
        assert caught.value.message.startswith(
            f"component 'late.one' of plugin 'late' cannot be imported from {target}: "
        )
        assert "reinstall the plugin 'late'" in caught.value.hint
    assert registry.load("good.sharpen")


def test_names_of_classes(make: Make) -> None:
    namesake = (
        _HEAD + "@hookimpl\ndef otframe_components():\n    return [Entry('a.b', 'math:Sharpen', 'transform', '')]"
    )
    registry = Registry(points=[make("a_good", _GOOD), make("namesake", namesake)])
    sharpen = getattr(sys.modules[next(p for p in registry.plugins if p.name == "a_good").distribution], "Sharpen")  # noqa: B009
    assert registry.name_of(sharpen) == "good.sharpen", "a namesake that cannot be imported does not matter"
    assert registry.name_of(Path) == f"{Path.__module__}:Path"


def test_unknown_names(make: Make) -> None:
    registry = Registry(points=[make("a_good", _GOOD)])
    with pytest.raises(UnknownNameError, match=r"there is no component 'good\.sharpn'") as caught:
        registry.load("good.sharpn")
    assert caught.value.hint.startswith("did you mean 'good.sharpen'?")
    with pytest.raises(UnknownNameError) as caught:
        registry.find("xyz", "executor")
    assert "`otframe list` shows what is installed" in caught.value.hint


def test_allow(make: Make) -> None:
    points = [make("a_good", _GOOD), make("broken", BROKEN["raises on import"][0])]
    registry = Registry(allow=["a_good"], points=points)
    assert registry.has("good.sharpen")
    assert registry.failures() == [], "what may not load is not even imported"
    none = Registry(allow=[], points=points)
    assert not none.has("good.sharpen")
    assert none.has("Image", "value"), "the core is always there"
    with pytest.raises(UnknownNameError) as caught:
        none.load("good.sharpen")
    assert "only these plugins are allowed to load: none" in caught.value.hint


def test_the_environment_restricts_too(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [make("one", _GOOD), make("two", _GOOD.replace("good.", "other."))]
    monkeypatch.setenv("OTFRAME_PLUGINS", " two , three ")
    assert [plugin.name for plugin in Registry(points=points).plugins] == ["otframe", "two"]
    assert [plugin.name for plugin in Registry(allow=["one"], points=points).plugins] == ["otframe"], "both must allow"
    with pytest.raises(UnknownNameError) as caught:
        Registry(points=points).load("good.sharpen")
    assert "only these plugins are allowed to load: three, two" in caught.value.hint
    monkeypatch.setenv("OTFRAME_PLUGINS", "")
    assert len(Registry(points=points).plugins) == 3


def test_the_order_of_discovery_does_not_matter(make: Make) -> None:
    points = [make("one", _GOOD), make("two", _GOOD.replace("good.", "other.")), make("three", "x = 1")]
    listed = [
        [(entry.name, plugin) for entry, plugin in Registry(points=order).entries()]
        for order in itertools.permutations(points)
    ]
    assert all(names == listed[0] for names in listed)


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from otframe.registry import Registry; registry = Registry(points=[]);"
        "assert not registry.failures(), registry.failures(); assert list(registry.entries());"
        "assert not {'torch', 'cv2', 'OpenImageIO', 'pydantic'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_nearest_and_suggest() -> None:
    assert nearest("gaussian.transprt", ["gaussian.transport", "image.blend"]) == "'gaussian.transport'"
    assert nearest("x", ["gaussian.transport"]) == ""
    assert nearest("IMAGE.Blend", ["patch.fold", "image.blend"]) == "'image.blend'", "capitals do not matter"
    assert suggest("sise", ["size", "side"], "parameters") == "did you mean 'size' or 'side'?"
    assert suggest("zzz", ["size"], "its parameters") == "its parameters: size"
    assert suggest("zzz", [], "its parameters") == "its parameters: none"
