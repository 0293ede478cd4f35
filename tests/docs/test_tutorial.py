"""The tutorial and the README, word by word: every `otframe` command and every piece of Python."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "docs" / "tutorial.md"]


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A folder as the reader has it: the pipelines, and three folders of photographs."""
    skimage = pytest.importorskip("skimage.data", reason="the sample photographs come with scikit-image")
    here = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "pipelines", here / "pipelines")
    for name in ("fit/restored", "fit/clean", "mine"):
        (here / name).mkdir(parents=True)
    for i in range(3):
        crop = skimage.coffee()[100 * i : 100 * i + 100, 200:330, ::-1]
        cv2.imwrite(str(here / "fit" / "clean" / f"{i}.png"), crop)
        for name in ("fit/restored", "mine"):
            cv2.imwrite(str(here / name / f"{i}.png"), cv2.GaussianBlur(crop, None, 1.2))
    return here


def commands(page):
    for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
        yield from re.findall(r"^\$ (otframe .*?)(?:\s+#.*)?$", block, re.MULTILINE)


def python(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_and_every_piece_of_python(page, reader):
    found = list(commands(page))
    assert found
    script = Path(sys.executable).with_name("otframe")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for line in found:
        words = [str(script) if script.exists() else "otframe", *line.split()[1:]]
        done = subprocess.run(words, cwd=reader, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    prelude = "import numpy as np\narray = np.random.default_rng(0).integers(0, 256, (64, 72, 3), dtype=np.uint8)\n"
    code = prelude + "\n".join(python(page))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=reader, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, f"{code}\n{done.stderr}"


@pytest.mark.parametrize(
    "page", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]), ids=lambda page: page.name
)
def test_links_between_files_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_shows_the_pipeline_as_it_is():
    pipeline = (ROOT / "pipelines" / "restoration.yaml").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    for line in block.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            assert line in pipeline, line
