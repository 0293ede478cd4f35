"""Every error that otframe raises on purpose.

An error says what was wanted, what came, where, and what to do. Two families decide the exit code of the command line:
a `RequestError` (2) means that the request itself is wrong and nothing was started; every other `OtframeError` (1)
means that something failed while running.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

__all__ = [
    "CancelledError",
    "ClipReadError",
    "ComponentError",
    "ConvergenceError",
    "DataError",
    "ImageReadError",
    "InputError",
    "ModelError",
    "OtframeError",
    "OutputError",
    "ParameterError",
    "PipelineError",
    "PluginError",
    "RequestError",
    "SolveError",
    "UnknownNameError",
    "Where",
    "WiringError",
]


@dataclass(frozen=True)
class Where:
    """A place in a file; lines and columns count from one, as editors do."""

    file: str
    line: int = 0
    col: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.col}" if self.line else self.file


class OtframeError(Exception):
    """Base of all typed errors.

    Parameters
    ----------
    message : str
        What was wanted and what came.
    hint : str
        What to do about it.
    node, port, key : str
        The node's path in the pipeline, its port, and the item's key, where known.
    where : Where
        The place in the pipeline file, where known.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        node: str = "",
        port: str = "",
        key: str = "",
        where: Where | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.node = node
        self.port = port
        self.key = key
        self.where = where

    def at(self, *, node: str = "", port: str = "", key: str = "", where: Where | None = None) -> Self:
        """Fill in what is not known yet about the place, and return the error itself."""
        self.node = self.node or node
        self.port = self.port or port
        self.key = self.key or key
        self.where = self.where or where
        return self

    def __str__(self) -> str:
        place = []
        if self.node:
            place.append(f"node '{self.node}'")
        if self.port:
            place.append(f"port '{self.port}'")
        if self.key:
            place.append(f"item '{self.key}'")
        head = f"{self.where}: " if self.where else ""
        body = f"{', '.join(place)}: {self.message}" if place else self.message
        return f"{head}{body}" + (f"\n  {self.hint}" if self.hint else "")


class RequestError(OtframeError):
    """The request is wrong; nothing was started."""

    exit_code = 2


class PipelineError(RequestError):
    """A pipeline file cannot be read or its structure is wrong."""


class UnknownNameError(RequestError):
    """A component, node, port, parameter, input or file scheme that does not exist."""


class ParameterError(RequestError):
    """A parameter's value is not what the component takes."""


class WiringError(RequestError):
    """A wire joins ports whose types or streams do not fit."""


class InputError(RequestError):
    """An input is missing, empty, or its keys do not match."""


class PluginError(OtframeError):
    """A plugin cannot be loaded or breaks the rules of the registry."""


class DataError(OtframeError):
    """A value is empty, not finite, or has the wrong shape for what is asked."""


class ImageReadError(DataError):
    """A file is not an image that can be read."""


class ClipReadError(DataError):
    """A file is not a clip that can be read, or not to its end."""


class ModelError(OtframeError):
    """Weights are missing or do not fit the network."""


class ComponentError(OtframeError):
    """A component raised something that is not an otframe error: a defect of the component."""


class SolveError(OtframeError):
    """A transport problem that has no solution, or a solver that broke down."""


class ConvergenceError(SolveError):
    """A solver did not reach its tolerance; `state` is the transport that it reached, with its residual."""

    state: object = None

    def reached(self, state: object) -> Self:
        """Attach what was reached, and return the error itself."""
        self.state = state
        return self


class OutputError(OtframeError):
    """A result could not be written."""


class CancelledError(OtframeError):
    """The host asked the run to stop."""
