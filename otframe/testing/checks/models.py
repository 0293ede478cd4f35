"""What models must do: take images of any size, and load through the pool alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import torch

from otframe.errors import OtframeError
from otframe.interfaces import Autoencoder, Model, ModelPool, Restorer
from otframe.testing.samples import image
from otframe.testing.subject import Subject, Trial
from otframe.testing.violation import Violation
from otframe.values import Image

__all__ = ["SIZES", "any_size", "pooled"]

SIZES = ((1, 1), (5, 3), (8, 8), (17, 34), (40, 9))


def any_size(subject: Subject) -> None:
    """Images of any size are taken, colour and alpha kept; autoencoders give the size back, restorers a multiple.

    A grey image may be refused, with a typed error.
    """
    for trial in subject.trials():
        if not any(port.hint is Image for port in trial.plan.ports.values()):
            continue
        trial.attempt(trial.inputs())
        for height, width in SIZES:
            for channels in (3, 1):
                _one(subject, trial, image(0, channels=channels, size=(height, width)))


def _one(subject: Subject, trial: Trial, given: Image) -> None:
    called = f"{subject.name}: {trial.verb} of an image (C, H, W) = {tuple(given.pixels.shape)}"
    inputs = trial.inputs()[0]
    inputs.update({name: given for name, port in trial.plan.ports.items() if port.hint is Image})
    try:
        made: Any = trial.run([inputs])
        if isinstance(trial.component, Autoencoder) and trial.verb == "encode":
            called = f"{called}, decoded again,"
            made = trial.component.decode(made, net=subject.pool.net(trial.component))
    except OtframeError as error:
        if given.channels == 1:
            return  # a model of colour images may refuse grey ones
        raise Violation(f"{called} is refused: {error.message}") from error
    except Exception as error:
        raise Violation(f"{called} raised {type(error).__name__}: {error}") from error
    if not isinstance(made, Image) or not isinstance(trial.component, (Autoencoder, Restorer)):
        return
    scale = 1 if isinstance(trial.component, Autoencoder) else max(1, made.size[0] // given.size[0])
    if made.size != (given.size[0] * scale, given.size[1] * scale):
        raise Violation(f"{called} gives size {made.size}")
    if made.channels != given.channels or made.space != given.space:
        raise Violation(f"{called} gives {made.channels} channels in space '{made.space}'")
    if made.alpha is None or made.alpha.shape != made.pixels.shape[1:]:
        raise Violation(f"{called} loses the alpha")


def pooled(subject: Subject) -> None:
    """The network is loaded once by the pool, shared by equal models, and never by a verb itself."""
    for trial in subject.trials():
        if not isinstance(trial.component, Model):
            continue
        trial.attempt(trial.inputs())
        if not trial.signature.takes_net:
            raise Violation(f"{subject.name}: {trial.verb} has no argument `net`, which the pool fills")
        loads = [0]
        load = trial.component.__class__.load

        def counted(
            self: Model, device: torch.device, dtype: torch.dtype, load: Any = load, loads: list[int] = loads
        ) -> Any:
            loads[0] += 1
            return load(self, device, dtype)

        arguments = trial.inputs()
        fresh = replace(subject, pool=ModelPool())
        with patch.object(subject.cls, "load", counted):
            for model in (trial.component, trial.component, trial.component.model_copy(deep=True)):
                Trial(fresh, model, trial.signature, trial.plan).run(arguments)
        if loads[0] != 1:
            raise Violation(
                f"{subject.name}: {trial.verb} loaded its network {loads[0]} times in three calls of equal models; "
                "take it from `net` alone"
            )
