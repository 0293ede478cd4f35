"""`Pipeline`: read it, check it, run it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from otframe.errors import InputError, ParameterError
from otframe.graph import Document, Graph, compile_graph, expand, parse_document, read_document, to_yaml
from otframe.interfaces import ModelPool
from otframe.io import write, write_table_pair
from otframe.registry import Registry
from otframe.run.call import Caller
from otframe.run.engine import Engine
from otframe.run.executors import RemoteExecutor, SerialExecutor
from otframe.run.observer import Observer, Observers, RunResult
from otframe.run.paths import is_pair
from otframe.run.plan import make_plan
from otframe.run.preview import Preview, preview
from otframe.run.session import Session
from otframe.run.setup import Setup, set_up, usable_device
from otframe.run.signature import Signature, signature_of

if TYPE_CHECKING:
    from otframe.run.operator import Operator

__all__ = ["Pipeline"]


class Pipeline:
    """A pipeline with the registry that its components come from.

    Parameters
    ----------
    document : Document
        From `Pipeline.from_yaml`, or from `otframe.graph.Builder`.
    registry : Registry, optional
        Everything installed, where absent.
    seed : int
        The seed of runs that name none.
    """

    def __init__(self, document: Document, registry: Registry | None = None, *, seed: int = 0) -> None:
        self.document = document
        self.registry = registry or Registry.installed()
        self.seed = seed

    @classmethod
    def from_yaml(cls, path: str | Path, registry: Registry | None = None) -> Pipeline:
        """Read a pipeline file; `PipelineError` with file, line and column of what is wrong."""
        return cls(read_document(path), registry)

    @classmethod
    def from_text(cls, text: str, registry: Registry | None = None) -> Pipeline:
        """Read a pipeline from a text."""
        return cls(parse_document(text), registry)

    def to_yaml(self) -> str:
        """The pipeline as a file's text; reading it gives an equal pipeline."""
        return to_yaml(self.document)

    def check(
        self,
        given: Iterable[str] | None = None,
        params: Mapping[str, Any] | None = None,
        sweep: Mapping[str, Any] | None = None,
    ) -> Graph:
        """Check names, parameters, types and arrows without reading an image or loading a weight.

        Where `given` is None, every input that has no default is taken as given.
        """
        names = None if given is None else list(given)
        document, params = self._swept(names, params, sweep or {})
        return compile_graph(document, self.registry, given=names, overrides=params)

    def _swept(
        self, given: list[str] | None, params: Mapping[str, Any] | None, sweep: Mapping[str, Any]
    ) -> tuple[Document, Mapping[str, Any] | None]:
        """The document with a copy of what varies for each combination of swept values."""
        fixed = dict(params or {})
        axes = {name: values for name, values in self.document.matrix.items() if name not in fixed}
        axes.update(sweep)
        if not axes:
            return self.document, params
        both = sorted(set(sweep) & set(fixed))
        if both:
            raise ParameterError(f"'{both[0]}' is both set and swept", hint="leave one of them out")
        bare = {name: replace(output, to=None) for name, output in self.document.outputs.items()}
        once = replace(self.document, outputs=bare, matrix={})
        graph = compile_graph(once, self.registry, given=given, overrides=params)
        document = expand(self.document, graph, axes)
        kept = {name: value for name, value in document.params.items() if name not in axes}
        return replace(document, params=kept), params

    def __call__(self, **inputs: Any) -> dict[str, Any]:
        """Run on values or paths and give the outputs by name; a stream's output is a dict by key.

        Inputs may be paths, `sample:` names, values, NumPy images `(H, W[, C])`, or lists and dicts of these.
        """
        return self.call((), inputs)  # type: ignore[no-any-return]

    def call(self, arrays: tuple[Any, ...], inputs: Mapping[str, Any], **options: Any) -> Any:
        """What calling the pipeline gives, with options of `run`. A pipeline takes its inputs by name."""
        if arrays:
            raise InputError("a pipeline takes its inputs by name", hint=f"they are: {', '.join(self.document.inputs)}")
        return self.run(inputs, **options).values

    @property
    def signature(self) -> Signature:
        """What the pipeline takes and gives."""
        return signature_of(self.document, self.check())

    def session(
        self,
        *,
        device: str = "cpu",
        observers: Iterable[Observer] = (),
        cancel: Callable[[], bool] | None = None,
        **options: Any,
    ) -> Session:
        """Many runs that share loaded models; `options` are those of `run`."""
        return Session(self, ModelPool(usable_device(device)), observers, cancel, {"device": device, **options})

    def run(
        self,
        inputs: Mapping[str, Any] | None = None,
        *,
        out: str | Path | None = None,
        params: Mapping[str, Any] | None = None,
        sweep: Mapping[str, Any] | None = None,
        seed: int | None = None,
        device: str = "cpu",
        executor: str = "serial",
        workers: int | None = None,
        on_error: Literal["stop", "skip"] = "stop",
        observers: Iterable[Observer] = (),
        cancel: Callable[[], bool] | None = None,
        pool: ModelPool | None = None,
        only: str | None = None,
        store: str | Path | None = None,
        resume: bool = False,
    ) -> RunResult:
        """Run the pipeline.

        Parameters
        ----------
        inputs : mapping
            What each input is bound to.
        out : path, optional
            Where files are written; without it, outputs are kept in memory and given back.
        params : mapping
            Values for the pipeline's parameters.
        sweep : mapping
            Parameters with several values each: what does not depend on them is computed once.
        seed : int, optional
            Seed of all randomness: the same seed gives the same bits. The pipeline's own where absent.
        executor : str
            What computes the items: `serial`, `threads`, `processes`, or what a plugin offers. The results are the
            same. A script runs `processes` under `if __name__ == "__main__":`.
        workers : int, optional
            How many items an executor computes at once; the number of processors where absent.
        on_error : str
            `stop` at the first failed item, or `skip` it and list it in the result. An item that one of several joined
            inputs lacks is such an item with `skip`; with `stop` nothing is started.
        cancel : callable, optional
            Asked between items and in long calls; the run stops where it says True.
        pool : ModelPool, optional
            Loaded models to share with other runs.
        only : str, optional
            The one output that is wanted; what only others need is not computed.
        store : path, optional
            A folder where fitted values, and what is marked `keep: disk`, are looked for and left. Runs may share it.
        resume : bool
            Write only the files that an earlier run, interrupted or not, did not leave in `out` as this one would
            write them. Without a `store`, values are kept in `out/.otframe`.

        Raises
        ------
        RequestError
            The request is wrong; nothing was started.
        OtframeError
            An item or node failed.
        """
        if workers is not None and workers < 1:
            raise ParameterError(f"workers is at least 1, got {workers}")
        if on_error not in ("stop", "skip"):
            raise ParameterError(f"on_error is 'stop' or 'skip', got {on_error!r}")
        lent = pool or ModelPool(usable_device(device))
        setup = self._set_up(inputs, out, params, sweep, seed, lent, only, on_error)
        observer = Observers(observers)
        caller = Caller(setup.seed, lent, setup.folder, observer.progress, cancel)
        make_executor = self.registry.load(executor, "executor")
        count = workers or os.cpu_count() or 1
        with setup.keeping(store, resume) as keeping:
            plan = make_plan(keeping.graph, setup.classes)
            observer.run_started(setup.info(plan, keeping, executor))
            try:
                with make_executor(count) as pool_of_tasks:
                    if isinstance(pool_of_tasks, RemoteExecutor):
                        pool_of_tasks.begin(setup.recipe())
                    engine = Engine(
                        keeping.graph,
                        plan,
                        setup.sources,
                        setup.keys,
                        setup.paths,
                        self._write,
                        caller,
                        observer=observer,
                        executor=pool_of_tasks,
                        on_error=on_error,
                        window=1 if isinstance(pool_of_tasks, SerialExecutor) else 2 * count,
                        keeping=keeping,
                    )
                    result = engine.run()
            except BaseException as error:
                observer.run_failed(error)
                raise
            observer.run_finished(result)
        return result

    def preview(
        self,
        inputs: Mapping[str, Any] | None = None,
        *,
        out: str | Path | None = None,
        params: Mapping[str, Any] | None = None,
        sweep: Mapping[str, Any] | None = None,
        seed: int | None = None,
        device: str = "cpu",
        on_error: Literal["stop", "skip"] = "stop",
        only: str | None = None,
        store: str | Path | None = None,
        resume: bool = False,
    ) -> Preview:
        """What a run with these arguments would compute, and what of it an earlier run left; nothing is written."""
        setup = self._set_up(inputs, out, params, sweep, seed, ModelPool(usable_device(device)), only, on_error)
        return preview(setup, store, resume)

    def _set_up(
        self,
        inputs: Mapping[str, Any] | None,
        out: str | Path | None,
        params: Mapping[str, Any] | None,
        sweep: Mapping[str, Any] | None,
        seed: int | None,
        pool: ModelPool,
        only: str | None,
        on_error: Literal["stop", "skip"],
    ) -> Setup:
        """Check a request as a whole, before anything is computed."""
        inputs = dict(inputs or {})
        document, params = self._swept(list(inputs), params, sweep or {})
        seed = self.seed if seed is None else seed
        return set_up(document, self.registry, inputs, params or {}, seed, pool, out, only, on_error)

    def fit(
        self, inputs: Mapping[str, Any] | None = None, /, *, params: Mapping[str, Any] | None = None, **named: Any
    ) -> Operator:
        """Compute what the given inputs decide, and give the operator that is left: a smaller pipeline.

        Inputs are given by name, or as a mapping with the options of `run` by name.
        """
        from otframe.run.operator import fit

        if inputs is None:
            return fit(self, named, params)
        return fit(self, inputs, params, **named)

    def _write(self, value: Any, path: Path) -> tuple[Path, tuple[str, ...], tuple[str, ...]]:
        if is_pair(path, type(value)):
            pair = write_table_pair(value, path, self.registry)
            return path, (), tuple(written.digest for written in pair)
        written = write(value, path, self.registry)
        return written.path, written.notes, (written.digest,)
