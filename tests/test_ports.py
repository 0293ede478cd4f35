"""Ports from hints, and types along wires."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, NamedTuple, Optional, TypeVar, Union

import pytest
from pydantic import Field as Parameter

from otframe.errors import PluginError
from otframe.interfaces import Accumulator, Autoencoder, Context, Model, Solver, Stream, Transform, verb
from otframe.ports import describe, is_plain, signature, substitute, unify, verbs
from otframe.values import AffineMap, Field, GaussianLaw, Image, Latent, PatchSet, Scalar, Table, Transport, Value

F = TypeVar("F", bound=Field)
G = TypeVar("G", Image, Latent)
T = TypeVar("T")
V = TypeVar("V", bound=Value)


class Box(Value, Generic[T]):
    pass


class Crate(Box[T]):
    pass


class LatentPatches(PatchSet[Latent]):
    pass


class Photo(Image):
    pass


# --- unify ------------------------------------------------------------------------------------------------------------

FITS: list[tuple[Any, Any, dict[Any, Any]]] = [
    (Image, Image, {}),
    (Image, Photo, {}),
    (Transport, AffineMap, {}),
    (Any, Table, {}),
    (Image | Latent, Latent, {}),
    (Image | Latent, Latent | Image, {}),
    (Union[Image, Latent], Image, {}),  # noqa: UP007
    (Field, Image | Latent, {}),
    (Optional[Image], None | Image, {}),  # noqa: UP045
    (F, Image, {F: Image}),
    (F, Photo, {F: Photo}),
    (F, Image | Latent, {F: Image | Latent}),
    (G, Latent, {G: Latent}),
    (G, Photo, {G: Image}),
    (T, float, {T: float}),
    (PatchSet, PatchSet[Image], {}),
    (PatchSet[Image], PatchSet, {}),
    (PatchSet[Image], PatchSet[Photo], {}),
    (PatchSet[F], PatchSet[Latent], {F: Latent}),
    (PatchSet[F], LatentPatches, {F: Latent}),
    (PatchSet[F], PatchSet, {}),
    (Box[T], Crate[Image], {T: Image}),
    (Box[PatchSet[F]], Crate[PatchSet[Image]], {F: Image}),
    (Box[T], Crate, {T: T}),
    (F | Table, Table, {}),
    (F | Table, Image, {F: Image}),
    (float, int, {}),
    (float, Scalar, {}),
    (float, float, {}),
    (list[float], list[float], {}),
    (Literal["a", "b"], Literal["a", "b"], {}),
    (Field, F, {}),
    (Any, T, {}),
]


@pytest.mark.parametrize(("hint", "actual", "bindings"), FITS, ids=lambda value: describe(value)[:30])
def test_fits(hint: Any, actual: Any, bindings: dict[Any, Any]) -> None:
    assert unify(hint, actual, {}) == bindings


MISFITS: list[tuple[Any, Any]] = [
    (Image, Latent),
    (Photo, Image),
    (AffineMap, Transport),
    (Image, Image | Latent),
    (Image, Optional[Image]),  # noqa: UP045
    (Image | Latent, Table),
    (F, GaussianLaw),
    (F, Image | Table),
    (F, float),
    (G, Table),
    (G, Image | Latent),
    (PatchSet[Image], PatchSet[Latent]),
    (PatchSet[Image], LatentPatches),
    (PatchSet[F], Image),
    (PatchSet[F], PatchSet[Table]),
    (Box[Image], Crate[Latent]),
    (Scalar, float),
    (int, float),
    (float, str),
    (Image, T),
    (Image, F),
    (list[float], list[str]),
    (Literal["a"], str),
]


@pytest.mark.parametrize(("hint", "actual"), MISFITS, ids=lambda value: describe(value)[:30])
def test_does_not_fit(hint: Any, actual: Any) -> None:
    assert unify(hint, actual, {}) is None


def test_a_variable_is_one_type_along_all_wires() -> None:
    bound = unify(F, Image, {})
    assert bound is not None
    assert unify(F, Latent, bound) is None
    assert unify(PatchSet[F], PatchSet[Image], bound) == bound
    assert unify(PatchSet[F], PatchSet[Latent], bound) is None
    assert bound == {F: Image}, "bindings are never changed in place"


def test_the_order_of_wires_does_not_matter() -> None:
    for first, second in [(AffineMap, Transport), (Transport, AffineMap)]:
        bindings = unify(V, first, {})
        assert bindings is not None
        assert unify(V, second, bindings) == {V: Transport}, "the more general of the two"


# --- substitute and describe -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hint", "wanted"),
    [
        (F, Image),
        (PatchSet[F], PatchSet[Image]),
        (Box[PatchSet[F]], Box[PatchSet[Image]]),
        (F | Table, Image | Table),
        (Optional[F], Optional[Image]),  # noqa: UP045
        (dict[str, F], dict[str, Image]),
        (T, T),
        (Table, Table),
        (Literal["a", "b"], Literal["a", "b"]),
        (list[float], list[float]),
    ],
    ids=lambda value: describe(value)[:30],
)
def test_substitute(hint: Any, wanted: Any) -> None:
    assert substitute(hint, {F: Image}) == wanted


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (Image, "Image"),
        (PatchSet[Latent], "PatchSet[Latent]"),
        (Image | Latent, "Image | Latent"),
        (Optional[Image], "Image | nothing"),  # noqa: UP045
        (F, "Field"),
        (G, "Image | Latent"),
        (T, "anything"),
        (Any, "anything"),
        (PatchSet[F], "PatchSet[Field]"),
        (None, "nothing"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Mapping[str, float], "Mapping[str, float]"),
        (Literal["a", 1], "'a' | 1"),
        (Annotated[float, Parameter(ge=0)], "float"),
    ],
)
def test_describe(hint: Any, text: str) -> None:
    assert describe(hint) == text


@pytest.mark.parametrize(
    "hint",
    [int, float, str, bool, list[int], tuple[int, ...], dict[str, float], int | None, Literal["a"], Sequence[float],
     Mapping[str, list[float]]],
)  # fmt: skip
def test_plain(hint: Any) -> None:
    assert is_plain(hint)


@pytest.mark.parametrize("hint", [Image, Scalar, list[Image], Image | float, Sequence[Image], Any, T, bytes, object])
def test_not_plain(hint: Any) -> None:
    assert not is_plain(hint)


# --- signatures -------------------------------------------------------------------------------------------------------


class Pair(NamedTuple):
    image: Image
    table: Table


class Everything(Transform):
    def __call__(
        self,
        image: Image,
        mask: Image | None,
        laws: Sequence[GaussianLaw],
        named: Mapping[str, GaussianLaw],
        stream: Stream[Image],
        weights: Mapping[str, float],
        amount: Annotated[float, Parameter(ge=0)],
        ctx: Context,
        sizes: Sequence[int] = (1, 2),
        limit: Annotated[float, Parameter(gt=0)] | None = None,
        more: Sequence[GaussianLaw] | None = None,
    ) -> Pair:
        raise NotImplementedError


def test_signature() -> None:
    sig = signature(Everything, "__call__")
    ports = {port.name: port for port in sig.inputs}
    assert list(ports) == [
        "image", "mask", "laws", "named", "stream", "weights", "amount", "sizes", "limit", "more",
    ]  # fmt: skip
    assert sig.takes_ctx
    assert not sig.takes_net
    assert sig.fields == {"image": Image, "table": Table}
    gathers = {name: port.gather for name, port in ports.items() if port.gather != "one"}
    assert gathers == {"laws": "sequence", "named": "mapping", "stream": "stream", "more": "sequence"}
    assert {port.hint for port in (ports["laws"], ports["named"], ports["more"])} == {GaussianLaw}
    assert [name for name, port in ports.items() if port.plain] == ["weights", "amount", "sizes", "limit"]
    assert [name for name, port in ports.items() if port.optional] == ["mask", "limit", "more"]
    assert not ports["mask"].required
    assert ports["mask"].bare
    assert not ports["limit"].bare
    assert ports["amount"].required
    assert ports["amount"].hint is float
    assert ports["limit"].hint is float
    assert not ports["sizes"].required
    assert ports["sizes"].default == (1, 2)
    assert sig.port("amount") is ports["amount"]
    assert sig.port("ctx") is None


class Count(Accumulator):
    def lift(self, image: Image) -> int:
        return 1

    def merge(self, a: int, b: int) -> int:
        return a + b

    def finish(self, s: int) -> Scalar:
        return Scalar(float(s))


def test_an_accumulator_gives_what_finish_gives() -> None:
    sig = signature(Count, "lift")
    assert sig.output is Scalar
    assert [port.name for port in sig.inputs] == ["image"]


class Net(Model):
    @verb
    def encode(self, image: Image, net: Any) -> Latent:
        raise NotImplementedError

    def helper(self, x: int) -> int:
        return x


class Plan(Solver):
    def solve(self, source: GaussianLaw, target: GaussianLaw) -> Transport:
        raise NotImplementedError


def test_verbs() -> None:
    assert verbs(Net) == ("encode",)
    assert verbs(Count) == ("lift",)
    assert verbs(Plan) == ("solve",)
    assert verbs(Everything) == ("__call__",)
    assert verbs(Autoencoder) == ("decode", "encode"), "a kind of model promises its verbs"
    assert issubclass(Autoencoder, abc.ABC)
    sig = signature(Net, "encode")
    assert sig.takes_net
    assert [port.name for port in sig.inputs] == ["image"]


class Untyped(Transform):
    def __call__(self, image, other: Image) -> Image:  # type: ignore[no-untyped-def]
        return other


class NoReturn(Transform):
    def __call__(self, image: Image):  # type: ignore[no-untyped-def]
        return image


class Unresolved(Transform):
    def __call__(self, image: Imaeg) -> Image:  # type: ignore[name-defined]  # noqa: F821
        return image


class Starred(Transform):
    def __call__(self, *images: Image) -> Image:
        return images[0]


class GivesNothing(Transform):
    def __call__(self, image: Image) -> None:
        return None


@pytest.mark.parametrize(
    ("cls", "verb_", "message"),
    [
        (Untyped, "__call__", "Untyped.__call__: port 'image' has no type hint"),
        (NoReturn, "__call__", "NoReturn.__call__ has no return type hint"),
        (GivesNothing, "__call__", "GivesNothing.__call__ has no return type hint"),
        (Unresolved, "__call__", "its type hints cannot be resolved: name 'Imaeg' is not defined"),
        (Starred, "__call__", "ports must be named one by one"),
        (Plan, "run", "Plan.run does not exist"),
    ],
)
def test_broken_signatures(cls: Any, verb_: str, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        signature(cls, verb_)
    assert message in caught.value.message
