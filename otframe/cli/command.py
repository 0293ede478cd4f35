"""A command that refuses what would quietly be something else.

`--out ""` would be the folder where one is, and of `-o a -o b` only the last would be made.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.core import TyperCommand

from otframe.cli.failing import guarded
from otframe.errors import ParameterError

__all__ = ["Command"]


class Command(TyperCommand):
    """A command whose arguments are looked at before they are read."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; exit 2 where one is empty, or a place to write to is given twice."""
        guarded(self._refuse_empty)(args)
        given = list(args)
        rest = super().parse_args(ctx, args)
        _, _, order = self.make_parser(ctx).parse_args(given)
        guarded(self._refuse_twice)(order, ctx.params)
        return rest

    def _refuse_twice(self, order: list[Any], values: dict[str, Any]) -> None:
        for known in order:
            if order.count(known) > 1 and isinstance(values.get(known.name), Path):
                told = f"{' / '.join(known.opts)} is given {order.count(known)} times"
                raise ParameterError(told, hint="results go to one place: leave the others out")

    def _refuse_empty(self, args: list[str]) -> None:
        for index, text in enumerate(args):
            before = args[index - 1] if index else ""
            if not text and before.startswith("-"):
                self._refuse(before)
            elif not text:
                raise ParameterError("an argument is empty", hint=f"`otframe {self.name} --help` tells what it takes")
            elif text.startswith("--") and text.endswith("=") and text.count("=") == 1:
                self._refuse(text[:-1])

    def _refuse(self, option: str) -> None:
        helped = next((getattr(known, "help", "") for known in self.params if option in known.opts), "")
        raise ParameterError(
            f"{option} is empty",
            hint=f"{option} takes: {helped}" if helped else f"`otframe {self.name} --help` tells what it takes",
        )
