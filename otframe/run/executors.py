"""Executors: anything with the interface of `concurrent.futures.Executor`."""

from __future__ import annotations

import abc
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

from otframe.run.item import ItemResult, PassWork
from otframe.run.shipping import Recipe

__all__ = ["RemoteExecutor", "SerialExecutor", "serial", "threads"]

R = TypeVar("R")


class SerialExecutor(Executor):
    """Runs each task when it is submitted, in the caller's thread."""

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Run the task now; its outcome is in the future that comes back."""
        future: Future[R] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class RemoteExecutor(Executor, abc.ABC):
    """An executor whose workers share no memory with the run: it is told of the run, then of each pass."""

    @abc.abstractmethod
    def begin(self, recipe: Recipe) -> None:
        """A run begins: what a worker makes its graph from."""

    @abc.abstractmethod
    def prepare(self, work: PassWork) -> Callable[[str], Future[ItemResult]]:
        """A pass begins: what computes the item of a key."""


def serial(workers: int = 1) -> Executor:
    """The executor that is always there. `workers` is not used."""
    del workers
    return SerialExecutor()


def threads(workers: int = 1) -> Executor:
    """Items in several threads of this process, which share models and memory."""
    return ThreadPoolExecutor(workers, thread_name_prefix="otframe")
