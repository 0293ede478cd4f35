"""`Session`: many runs of one pipeline that share loaded models and settings. Safe to use from several threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from otframe.errors import RequestError
from otframe.interfaces import ModelPool
from otframe.run.observer import Observer, RunResult

if TYPE_CHECKING:
    from otframe.run.pipeline import Pipeline

__all__ = ["Session"]


class Session:
    """Runs of one pipeline with the same device, observers and models.

    Models are loaded at the first run that needs them and forgotten when the session ends.

    >>> with pipeline.session() as session:                    # doctest: +SKIP
    ...     for image in images:
    ...         show(session(photos=[image])["enhanced"])
    """

    def __init__(
        self,
        pipeline: Pipeline,
        pool: ModelPool,
        observers: Iterable[Observer] = (),
        cancel: Callable[[], bool] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.pipeline = pipeline
        self._pool: ModelPool | None = pool
        self._observers, self._cancel, self._options = tuple(observers), cancel, dict(options or {})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget the models; further runs are refused."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.clear()

    def __call__(self, *arrays: Any, **inputs: Any) -> Any:
        """As the pipeline's own call: the outputs by name, or an operator's array for an array."""
        return self.pipeline.call(arrays, inputs, **self._lent())

    def run(self, inputs: Mapping[str, Any] | None = None, **options: Any) -> RunResult:
        """As the pipeline's `run`, with what the session lends."""
        return self.pipeline.run(inputs, **{**self._lent(), **options})

    def _lent(self) -> dict[str, Any]:
        if self._pool is None:
            raise RequestError("the session is closed", hint="open another: `with pipeline.session() as session:`")
        return {**self._options, "pool": self._pool, "observers": self._observers, "cancel": self._cancel}
