from __future__ import annotations

import os

import pytest

from otframe.errors import OtframeError, OutputError, ParameterError
from otframe.io import safe_path

_TEMPLATES = [
    "",
    " ",
    ".",
    "..",
    "/",
    "/etc/passwd",
    "//server/share/a.png",
    "../a.png",
    "../../a.png",
    "a/../b.png",
    "a/../../b.png",
    "a/..",
    "./a.png",
    "a/./b.png",
    "a//b.png",
    "a/",
    "~/a.png",
    "~root/a.png",
    "C:a.png",
    "C:/a.png",
    "c:\\a.png",
    "..\\a.png",
    "a\\..\\..\\b.png",
    "\\\\server\\a.png",
    "a\0.png",
    "a\n.png",
    "\x1b[2J.png",
    "{stem",
    "stem}.png",
    "{}.png",
    "{0}.png",
    "{stem.__class__}.png",
    "{stem[0]}.png",
    "{stem!r}.png",
    "{stem:>99999999}.png",
    "{index:999999999d}.png",
    "{index:,}.png",
    "{index:{stem}}.png",
    "{unknown}.png",
]
_KEYS = [
    "",
    ".",
    "..",
    "../a",
    "a/b",
    "/a",
    "a\\b",
    "..\\a",
    "C:a",
    "c:\\a",
    "a\0b",
    "a\nb",
    "\x7f",
    "//a",
    "../../../etc/passwd",
]


@pytest.mark.parametrize("template", _TEMPLATES)
def test_templates_that_lead_out_are_refused(tmp_path, template):
    with pytest.raises(ParameterError):
        safe_path(tmp_path, template, stem="a", index=1)


@pytest.mark.parametrize("key", _KEYS)
@pytest.mark.parametrize("template", ["{key}.png", "x/{key}/y.png", "{key}"])
def test_keys_that_lead_out_are_refused(tmp_path, template, key):
    with pytest.raises(OutputError):
        safe_path(tmp_path, template, key=key)


@pytest.mark.parametrize("template", ["{a}{b}", "x/{a}{b}/y.png"])
def test_parts_that_join_to_a_climb(tmp_path, template):
    with pytest.raises(OtframeError):
        safe_path(tmp_path, template, a=".", b=".")


def test_what_is_allowed(tmp_path):
    fields = {"stem": "a b.c", "key": "é-1", "index": 7, "suffix": ".png"}
    for template, wanted in {
        "{stem}.png": "a b.c.png",
        "{key}{suffix}": "é-1.png",
        "x/y/{index:04d}.png": "x/y/0007.png",
        "{index}": "7",
        "law.safetensors": "law.safetensors",
        "{{{stem}}}.png": "{a b.c}.png",
        "..a": "..a",
    }.items():
        assert safe_path(tmp_path, template, **fields) == tmp_path / wanted


def test_unknown_placeholder_lists_what_is_allowed(tmp_path):
    with pytest.raises(ParameterError, match=r"unknown placeholder '{stme}'") as caught:
        safe_path(tmp_path, "{stme}.png", stem="a", key="b", index=0)
    assert "'stem'" in caught.value.hint
    assert "allowed: index, key, stem" in caught.value.hint


def test_two_items_of_one_path_can_be_seen(tmp_path):
    assert safe_path(tmp_path, "x.png", stem="a") == safe_path(tmp_path, "x.png", stem="b")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_that_lead_out(tmp_path):
    out, other = tmp_path / "out", tmp_path / "other"
    out.mkdir()
    other.mkdir()
    (out / "away").symlink_to(other)
    (out / "a.png").symlink_to(other / "a.png")
    (out / "here").symlink_to(out)
    (out / "loop").symlink_to(out / "loop")
    for template in ("away/a.png", "a.png", "away/x/y.png"):
        with pytest.raises(OutputError, match="symbolic link"):
            safe_path(out, template)
    assert safe_path(out, "here/b.png") == out / "here" / "b.png"
    (tmp_path / "link").symlink_to(out)
    assert safe_path(tmp_path / "link", "b.png") == tmp_path / "link" / "b.png"
