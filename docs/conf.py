"""Sphinx configuration: `make docs`. What is generated is written by `_ext/components.py` and `_ext/gallery.py`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).with_name("_ext")))

from otframe.version import __version__

project = "otframe"
author = "the otframe authors"
project_copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinxcontrib.bibtex", "components", "gallery", "mathml"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "_generated", "_ext", "examples"]

# `$patch` is a parameter of a pipeline far more often than the start of a formula, so dollar signs stay what they are.
myst_enable_extensions = ["attrs_block", "deflist", "fieldlist"]
myst_heading_anchors = 3

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "plain"
bibtex_reference_style = "author_year"

nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]  # fragments of Python and YAML are no programs

html_math_renderer = "mathml"
html_theme = "furo"
html_title = f"otframe {__version__}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "monokai"
