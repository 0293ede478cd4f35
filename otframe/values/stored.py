"""What is stored besides values, as values, so that it is stored as they are: operators, and results that are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from otframe.values.base import Value

__all__ = ["StoredOperator", "StoredResult"]


@dataclass(frozen=True, eq=False)
class StoredOperator(Value):
    """What the file of an operator holds.

    Parameters
    ----------
    pipeline : str
        The pipeline that is left to apply, as YAML.
    constants : mapping
        The fitted values, by the names of the inputs that they stand for.
    seed : int
        The seed of the fit; applying starts from the same.
    otframe : str
        The version that made it.
    plugins : mapping
        Of each plugin that the pipeline uses: its distribution and version.
    """

    pipeline: str
    constants: Mapping[str, Any]
    seed: int
    otframe: str
    plugins: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, eq=False)
class StoredResult(Value):
    """What a node gave that is no value itself: a number, or a tuple of values.

    Parameters
    ----------
    result : value, number, text, or tuple, list or mapping of these
        What it gave.
    """

    result: Any
