"""What only looks at names loads neither torch nor OpenCV, so that it answers at once."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "cv2", "numpy", "scipy", "rich", "OpenImageIO")
CHECK = f"found = [name for name in {HEAVY!r} if name in sys.modules]; assert not found, found"


def _python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_import_is_light():
    done = _python(f"import sys; import otframe; {CHECK}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", [["list"], ["plugins"], ["--help"], ["list", "--table", "reader"]])
def test_commands_are_light(arguments):
    code = f"""
import sys
from otframe.cli.main import main
sys.argv = ["otframe", *{arguments!r}]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
{CHECK}
"""
    done = _python(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
