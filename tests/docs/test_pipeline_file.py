"""The reference of the pipeline file: every block compiles, or fails with the words below it."""

import re
from pathlib import Path

import pytest

from otframe import Pipeline
from otframe.errors import OtframeError
from otframe.graph import parse_scalar
from otframe.graph.parse import _INPUT, _NODE, _OUTPUT, _TOP

PAGE = Path(__file__).parents[2] / "docs" / "pipeline-file.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```(?:\n\n```text\n(.*?)^```)?", TEXT, re.MULTILINE | re.DOTALL)
RIGHT = [block for block, told in BLOCKS if not told]
WRONG = [(block, told) for block, told in BLOCKS if told]


def completed(block):
    """The whole pipeline that the page's second paragraph promises."""
    found = parse_scalar(block)
    head = "" if "otframe" in found else "otframe: 1\n"
    inputs = "" if "inputs" in found else 'inputs: {photos: "Image[]"}\n'
    outputs = "" if "outputs" in found else f"\noutputs: {{result: {list(found['nodes'])[-1]}}}\n"
    return head + inputs + block + outputs


def test_no_block_is_missed():
    assert len(BLOCKS) == TEXT.count("```yaml")
    assert len(RIGHT) >= 12
    assert len(WRONG) >= 4


@pytest.mark.parametrize("block", RIGHT, ids=lambda block: block.split("\n")[0])
def test_block_compiles(block):
    pipeline = Pipeline.from_text(completed(block))
    assert pipeline.check().outputs
    assert Pipeline.from_text(pipeline.to_yaml()).document.nodes.keys() == pipeline.document.nodes.keys()


@pytest.mark.parametrize(("block", "told"), WRONG, ids=lambda text: text.split("\n")[0])
def test_wrong_block_is_told(block, told):
    with pytest.raises(OtframeError) as caught:
        Pipeline.from_text(completed(block)).check()
    said = re.sub(r"^<text>", "law.yaml", str(caught.value))
    if not told.startswith("law.yaml:"):  # the block is a part: its lines are numbered otherwise
        said = re.sub(r"^[\w.]+:\d+:\d+: ", "", said)
    assert said.startswith(told.rstrip()), said


def test_a_default_that_does_not_count():
    (block,) = (block for block in RIGHT if "unless: photos" in block)
    pipeline = Pipeline.from_text(completed(block))
    assert {output.name for output in pipeline.check([]).outputs} == {"denoised", "scores"}
    assert {output.name for output in pipeline.check(["photos"]).outputs} == {"denoised"}


@pytest.mark.parametrize("key", sorted({*_TOP, *_INPUT, *_OUTPUT, *_NODE}))
def test_every_key_is_named_and_shown(key):
    assert f"`{key}`" in TEXT
    if key != "description":
        assert any(re.search(rf"\b{key}:", block) for block in RIGHT), f"no example of {key}"
