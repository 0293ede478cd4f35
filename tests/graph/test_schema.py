"""The JSON Schema: shipped pipelines pass, mistakes an editor can see do not."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from otframe.graph.schema import pipeline_schema
from otframe.graph.yaml import read_yaml
from otframe.registry import Registry

PIPELINES = sorted((Path(__file__).parents[2] / "pipelines").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = pipeline_schema(Registry())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_shipped_pipelines_are_valid(path: Path, validator: Any) -> None:
    validator.validate(read_yaml(path.read_text(), str(path))[0])


GOOD: dict[str, Any] = {
    "otframe": 1,
    "params": {"size": 3},
    "inputs": {"photos": "Image[]"},
    "nodes": {
        "patches": {"use": "patch.unfold", "in": "photos", "with": {"size": "$size"}},
        "back": {"in": "photos", "steps": [{"patch.unfold": {"size": 5}}, "patch.fold"]},
        "mixed": {"use": "image.blend", "in": {"a": "photos", "b": "back"}, "with": {"weight": 0.5}},
    },
    "outputs": {"mixed": {"from": "mixed", "to": "{stem}.png"}},
}


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(otframe=2),
        lambda d: d.update(node={}),
        lambda d: d["nodes"]["patches"]["with"].update(size=0),
        lambda d: d["nodes"]["patches"]["with"].update(size="three"),
        lambda d: d["nodes"]["patches"]["with"].update(sise=3),
        lambda d: d["nodes"]["mixed"]["with"].update(weight="much"),
        lambda d: d["nodes"]["back"]["steps"].__setitem__(0, {"patch.unfold": {"size": -1}}),
        lambda d: d["nodes"]["back"].update(steps=[]),
        lambda d: d["nodes"]["mixed"].update(keep="tape"),
        lambda d: d["inputs"].update({"2nd": "Image"}),
        lambda d: d["outputs"].update(more={"to": "x.png"}),
        lambda d: d.update(matrix={"size": []}),
    ],
)
def test_mistakes_an_editor_can_see(change: Any, validator: Any) -> None:
    validator.validate(GOOD)
    wrong = copy.deepcopy(GOOD)
    change(wrong)
    assert not validator.is_valid(wrong)
