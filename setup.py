"""Everything is in pyproject.toml; this puts the pipelines of the repository's `pipelines/` folder into the wheel."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithPipelines(build_py):
    """Copies `pipelines/*.yaml` to `otframe/_pipelines`; an editable install finds them where they are."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "otframe" / "_pipelines"
            target.mkdir(parents=True, exist_ok=True)
            for file in sorted(Path("pipelines").glob("*.yaml")):
                shutil.copy2(file, target / file.name)


setup(cmdclass={"build_py": BuildWithPipelines})
