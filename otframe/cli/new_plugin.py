"""`otframe new-plugin`: start a plugin that installs and passes its own tests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["new_plugin"]


def new_plugin(
    name: Annotated[str, typer.Argument(help="The plugin's name: lowercase letters, digits, dashes; texture-mix.")],
    folder: Annotated[
        Path, typer.Option("--dir", "-d", help="Where its folder otframe-NAME is made.", show_default="here")
    ] = Path(),
) -> None:
    """Make a new plugin: a package with a transform and a solver, their tests, and the conformance kit."""
    from otframe.cli.places import folder_place
    from otframe.errors import ParameterError
    from otframe.registry import Registry
    from otframe.templates import plugin_names, render

    names = plugin_names(name)
    taken = {plugin.name: plugin.distribution for plugin in Registry.installed().plugins}
    if names.plugin in taken:
        raise ParameterError(
            f"a plugin '{names.plugin}' is installed already ({taken[names.plugin]})",
            hint="two plugins of one name cannot be loaded together: choose another",
        )
    target = folder_place(folder, "--dir") / names.distribution
    paths = render(names, target)
    typer.echo(f"{target}: a transform {names.family}.contrast and a solver {names.family}.transport")
    for path in paths:
        typer.echo(f"  {path.relative_to(target)}")
    typer.echo(f'\nnext:  cd {target} && pip install -e ".[test]" && pytest\nthen:  otframe list')
