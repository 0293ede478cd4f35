"""A browser that is there already; what needs one is skipped, with a reason, where there is none.

OTFRAME_BROWSER names a Chromium; otherwise the usual names are looked for on PATH. Nothing is downloaded.
"""

import importlib.util
import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def devtools():
    if os.name != "posix":
        pytest.skip("the browser's debugging pipe is driven on POSIX systems only")
    spec = importlib.util.spec_from_file_location("otframe_devtools", Path(__file__).with_name("devtools.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def browser(devtools, tmp_path_factory):
    named = os.environ.get("OTFRAME_BROWSER")
    program = shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)
    if named and program is None:
        pytest.fail(f"OTFRAME_BROWSER names no program: {named}")
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on PATH, and OTFRAME_BROWSER is not set")
    made = devtools.Browser(program, tmp_path_factory.mktemp("profile"))
    try:
        made.send("Browser.getVersion")
    except (AssertionError, OSError) as error:  # some distributions have a stub of that name
        (pytest.fail if named else pytest.skip)(f"the browser {program} does not start: {error}")
    yield made
    made.close()


@pytest.fixture
def visit(devtools, browser):
    """Open a page in a tab of its own."""
    opened = []

    def call(path, **options):
        opened.append(devtools.Page(browser, path, **options))
        return opened[-1]

    yield call
    for page in opened:
        with suppress(AssertionError):
            page.close()
