"""`Pipeline`: read it, check it, run it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_origin

import torch

from otframe.errors import InputError, OtframeError, ParameterError, RequestError
from otframe.graph import Document, Graph, compile_graph, expand, parse_document, read_document, to_yaml
from otframe.interfaces import ModelPool
from otframe.io import open_source, write, write_table_pair
from otframe.io.source import Source
from otframe.registry import Registry
from otframe.run.call import Caller
from otframe.run.engine import Engine
from otframe.run.executors import RemoteExecutor, SerialExecutor
from otframe.run.keys import input_keys
from otframe.run.observer import Observer, Observers, RunInfo, RunResult
from otframe.run.paths import check_folder, is_pair, output_paths
from otframe.run.plan import make_plan
from otframe.run.session import Session
from otframe.run.shipping import Recipe
from otframe.run.signature import Signature, signature_of

if TYPE_CHECKING:
    from otframe.run.operator import Operator

__all__ = ["Pipeline"]

_DEVICES = "cpu always works; cuda and cuda:1 need a GPU of NVIDIA or AMD, mps one of Apple"


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
        return Session(self, ModelPool(_device(device)), observers, cancel, {"device": device, **options})

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
            `stop` at the first failed item, or `skip` it and list it in the result.
        cancel : callable, optional
            Asked between items and in long calls; the run stops where it says True.
        pool : ModelPool, optional
            Loaded models to share with other runs.
        only : str, optional
            The one output that is wanted; what only others need is not computed.

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
        inputs = dict(inputs or {})
        seed = self.seed if seed is None else seed
        document, params = self._swept(list(inputs), params, sweep or {})
        graph = compile_graph(document, self.registry, given=list(inputs), overrides=params)
        if only is not None:
            graph = graph.only(only)
        lent = pool or ModelPool(_device(device))
        for node in graph.nodes.values():
            try:
                _device(node.options.get("device", "cpu"))
            except ParameterError as error:
                raise error.at(node=node.id, where=node.where) from error.__cause__
        folder = None if out is None else Path(out)
        if folder is not None:
            check_folder(folder)
        sources = {name: self._open(graph, name, inputs.get(name, uri)) for name, uri in _used(graph)}
        plan = make_plan(graph)
        keys = input_keys(graph, plan.classes, sources)
        paths = {} if folder is None else output_paths(graph, plan.classes, keys, sources, folder, self.registry)
        observer = Observers(observers)
        caller = Caller(
            seed=seed,
            pool=lent,
            workdir=folder,
            on_progress=observer.progress,
            is_cancelled=cancel,
        )
        make_executor = self.registry.load(executor, "executor")
        plugins = {plugin.name: plugin.version for plugin in self.registry.plugins if not plugin.failure}
        observer.run_started(RunInfo(graph, plan, sources, keys, seed, device, executor, folder, plugins))
        try:
            count = workers or os.cpu_count() or 1
            with make_executor(count) as pool_of_tasks:
                if isinstance(pool_of_tasks, RemoteExecutor):
                    recipe = Recipe(
                        document,
                        tuple(inputs),
                        dict(params or {}),
                        only,
                        sources,
                        seed,
                        str(lent.device),
                        lent.dtype,
                        folder,
                        self.registry,
                    )
                    pool_of_tasks.begin(recipe)
                engine = Engine(
                    graph,
                    plan,
                    sources,
                    keys,
                    paths,
                    self._write,
                    caller,
                    observer=observer,
                    executor=pool_of_tasks,
                    on_error=on_error,
                    window=1 if isinstance(pool_of_tasks, SerialExecutor) else 2 * count,
                )
                result = engine.run()
        except BaseException as error:
            observer.run_failed(error)
            raise
        observer.run_finished(result)
        return result

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

    def _open(self, graph: Graph, name: str, given: Any) -> Source:
        node = graph.nodes[name]
        base = get_origin(node.type) or node.type
        if isinstance(given, str) and name not in self._bound(graph):
            given = self._beside(given)
        try:
            return open_source(given, self.registry, base)
        except OtframeError as error:
            if isinstance(error, RequestError):
                raise error.at(node=name) from None
            raise error.at(node=name) from error.__cause__

    def _bound(self, graph: Graph) -> set[str]:
        return {name for name, default in graph.sources.items() if default is None}

    def _beside(self, default: str) -> str:
        """A default path is meant beside the pipeline file."""
        if ":" in default or not self.document.file or Path(default).is_absolute():
            return default
        return str(Path(self.document.file).parent / default)

    def _write(self, value: Any, path: Path) -> tuple[Path, tuple[str, ...]]:
        if is_pair(path, type(value)):
            write_table_pair(value, path, self.registry)
            return path, ()
        written = write(value, path, self.registry)
        return written.path, written.notes


def _used(graph: Graph) -> list[tuple[str, str | None]]:
    needed = graph.needed()
    return [(name, uri) for name, uri in graph.sources.items() if name in needed]


def _device(name: str) -> str:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # `meta` has no values to compute with
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        if reason.startswith("Expected one of"):  # a list of twenty, most of which no build has
            reason = "there is no such device type"
        raise ParameterError(f"device '{name}' cannot be used: {reason}", hint=_DEVICES) from error
    return str(device)
