"""What a component is: frozen parameters and typed verbs. See `docs/design.md` for the rules."""

from otframe.interfaces.component import Accumulator, Component, Solver, Transform
from otframe.interfaces.context import Context
from otframe.interfaces.kinds import Autoencoder, Restorer
from otframe.interfaces.model import Model, ModelPool, current_pool, verb
from otframe.interfaces.stream import Stream

__all__ = [
    "Accumulator",
    "Autoencoder",
    "Component",
    "Context",
    "Model",
    "ModelPool",
    "Restorer",
    "Solver",
    "Stream",
    "Transform",
    "current_pool",
    "verb",
]
