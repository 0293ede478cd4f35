"""`docs/plugin.md`, word by word: each command is run and each file written, in the order of the page."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "plugin.md"
BLOCKS = re.findall(
    r"^```(?:(console)|\{code-block\} \w+\n:caption: (\S+)\n)\n(.*?)^```",
    PAGE.read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)
OTFRAME = "import sys; from otframe.cli.main import main; sys.argv[0] = 'otframe'; main()"
PIP = ["install", "-q", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index"]


class Reader:
    """A reader's shell. What is installed goes to a folder of its own, with the sources before it, as `-e` has it."""

    def __init__(self, home):
        self.cwd, self.site = home, home / "site"
        self.told = []

    def command(self, line):
        words = shlex.split(line)
        if words[0] == "cd":
            self.cwd = self.cwd / words[1]
        elif words[0] == "pip":
            assert line == 'pip install -e ".[test]"'
            self.python("-m", "pip", *PIP, "--target", str(self.site), str(self.cwd))
        elif words[0] == "pytest":
            assert len(words) == 1
            self.python("-m", "pytest", "-q", "-p", "no:cacheprovider")
        elif words[0] == "otframe":
            self.python("-c", OTFRAME, *words[1:])
        elif words[0] == "rm":
            for path in words[1:]:
                (self.cwd / path).unlink()
        else:
            raise AssertionError(f"the page runs '{words[0]}', which this test does not know")

    def python(self, *words):
        path = os.pathsep.join([str(self.cwd / "src"), str(self.site)])
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.cwd,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        self.told.append(done.stdout)


def test_the_page(tmp_path):
    pytest.importorskip("skimage.data", reason="the sample photographs come with scikit-image")
    text = PAGE.read_text(encoding="utf-8")
    assert len(BLOCKS) == text.count("```console") + text.count("```{code-block}")
    reader = Reader(tmp_path)
    for console, caption, body in BLOCKS:
        if console:
            for line in body.splitlines():
                assert line.startswith("$ ")
                reader.command(line.removeprefix("$ "))
        else:
            path = reader.cwd / caption
            if caption == "tests/test_conforms.py":
                assert path.read_text() == body, "the page shows what new-plugin makes"
            path.write_text(body)
    tests = [told for told in reader.told if " passed" in told]
    assert len(tests) == 2
    assert not any("skipped" in told for told in tests)
    assert any("tone.contrast" in told for told in reader.told)
    assert any("tone.law" in told and "tone.transport" in told and "tone.contrast" not in told for told in reader.told)
    assert any("pitie2007linear" in told for told in reader.told)
    made = reader.cwd / "graded"
    assert len(list(made.glob("*.png"))) >= 8
    assert (made / "report.html").is_file()
    assert (made / "map.safetensors").is_file()
