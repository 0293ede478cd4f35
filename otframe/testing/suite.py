"""`conformance`: one parametrised pytest test over the components of a plugin and the checks of their kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from typing import Any

from otframe.errors import OtframeError
from otframe.interfaces import Component
from otframe.registry import Registry
from otframe.testing.checks.kinds import checks_for
from otframe.testing.checks.plugin import PLUGIN_CHECKS
from otframe.testing.subject import Subject, Untested
from otframe.testing.violation import Violation, need

__all__ = ["Case", "cases", "conformance"]


@dataclass(frozen=True)
class Case:
    """One check of one component, or of the plugin as a whole."""

    component: str
    check: str
    run: Callable[[], None]
    """Raises `Violation` where the rule is broken, `Untested` where another check tells why it cannot be looked at."""

    @property
    def id(self) -> str:
        """Name of the test."""
        return f"{self.component}-{self.check}"


def conformance(
    plugin: str, *, registry: Registry | None = None, known: Mapping[str, str] | None = None
) -> Callable[[Case], None]:
    """The conformance test of a plugin.

    >>> from otframe.testing import conformance
    >>> test_conforms = conformance("otframe-gaussian")

    Parameters
    ----------
    plugin : str
        Name of the distribution (`otframe-gaussian`) or of the plugin (`gaussian`); `otframe` for the core's own parts.
    registry : Registry, optional
        Where the plugin is; what is installed where absent.
    known : mapping
        Deviations that are known: `component-check` (with `*`) to the reason. Such a test must fail; once it does not,
        the entry has to go.

    Returns
    -------
    callable
        A test function, parametrised with one case for each component and check.
    """
    pytest = need("pytest")
    marked = []
    for case in cases(plugin, registry):
        reason = next((why for pattern, why in (known or {}).items() if fnmatch(case.id, pattern)), None)
        marks = () if reason is None else (pytest.mark.xfail(reason=reason, strict=True),)
        marked.append(pytest.param(case, id=case.id, marks=marks))

    def test_conforms(case: Case) -> None:
        try:
            case.run()
        except Untested as error:
            pytest.skip(str(error))
        except Violation as error:
            if error.__cause__ is not None:
                raise  # with the component's own traceback
            pytest.fail(str(error), pytrace=False)

    test: Callable[[Case], None] = pytest.mark.parametrize("case", marked)(test_conforms)
    return test


def cases(plugin: str, registry: Registry | None = None) -> list[Case]:
    """What `conformance` runs: every check of the plugin and of its components. Never raises for a broken plugin."""
    registry = registry or Registry.installed()
    found = next((one for one in registry.plugins if plugin in (one.name, one.distribution)), None)
    if found is None:
        names = ", ".join(sorted(one.distribution for one in registry.plugins))
        return [Case(plugin, "loads", partial(_fail, f"no installed plugin is called '{plugin}'; there are: {names}"))]
    if found.failure:
        return [Case(plugin, "loads", partial(_fail, f"plugin '{plugin}' cannot be loaded: {found.failure}"))]
    made = [Case(plugin, name, partial(check, found, registry)) for name, check in PLUGIN_CHECKS.items()]
    for entry, owner in registry.entries():
        if owner == found.name:
            made += _component_cases(entry.name, entry.kind, registry)
    return made


def _component_cases(name: str, kind: str, registry: Registry) -> list[Case]:
    try:
        cls: Any = registry.load(name)
    except OtframeError as error:
        return [Case(name, "loads", partial(_fail, f"{name}: {error.message}"))]
    if not (isinstance(cls, type) and issubclass(cls, Component)):
        return [Case(name, "loads", partial(_fail, f"{name}: {cls!r} is no class of components"))]
    subject = Subject(name, cls, registry)
    return [Case(name, check, partial(run, subject)) for check, run in checks_for(subject, kind).items()]


def _fail(message: str) -> None:
    raise Violation(message)
