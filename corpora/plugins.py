"""From a recipe's ``kind`` to a spec: one that ships, or a team's own by ``package.module:name``."""

from __future__ import annotations

import importlib
import importlib.util
import os
import site
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from domain.advice import advice
from domain.errors import first_line
from domain.machine import Machine
from domain.spec import Spec

OWN = "package.module:name"


@dataclass(frozen=True)
class Plugins:
    """The modules that a recipe may name: those of the machine profile, each with what lies below it.

    They are imported from where packages are installed, or from ``folder``, even if Python would find a module of that
    name elsewhere first, such as in the current folder: then it is refused.
    """

    modules: tuple[str, ...] = ()
    folder: Path | None = None

    @classmethod
    def of(cls, machine: Machine) -> Plugins:
        """What a machine profile allows."""
        return cls(machine.plugins, machine.plugin_path)

    def load(self, kind: str) -> Any:
        """The object ``package.module:name``; raises ``ValueError`` in one line, whatever the module does."""
        module, _, name = kind.partition(":")
        if not any(module == each or module.startswith(f"{each}.") for each in self.modules):
            fix = f"add {module} to plugins of the machine profile if you trust it"
            raise ValueError(f"module {module!r} of kind {kind} may not be imported; {fix}")
        self.refuse_elsewhere(module.partition(".")[0])
        try:
            return getattr(imported(module), name)
        except AttributeError as error:
            raise ValueError(f"kind {kind} cannot be imported ({reason(error)}); write {OWN}") from None

    def refuse_elsewhere(self, package: str) -> None:
        """Raise ``ValueError`` if Python finds a top-level module in no place that is allowed, or nowhere."""
        if self.folder and str(self.folder) not in sys.path:
            sys.path.append(str(self.folder))
            importlib.invalidate_caches()
        try:
            spec = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            spec = None
        if spec is None:
            raise ValueError(f"module {package} cannot be imported; install it, or set plugin_path in the profile")
        files = spec.submodule_search_locations or ([spec.origin] if spec.has_location and spec.origin else [])
        parents = {os.path.dirname(os.path.realpath(each)) for each in files}
        if not (parents and parents <= {*self.places()}) and not is_editable(package):
            problem = f"module {package} would be imported from {', '.join(sorted(parents)) or 'Python itself'}"
            raise ValueError(
                f"{problem}, where no packages are installed; install it, or set plugin_path in the profile"
            )

    def places(self) -> Iterator[str]:
        """The folders from which modules may be imported, links resolved."""
        if self.folder:
            yield os.path.realpath(self.folder)
        installed = [os.path.realpath(each) for each in (*site.getsitepackages(), site.getusersitepackages())]
        yield from installed
        reached = False
        for entry in sys.path:  # what .pth files of installed packages add follows the folder that they lie in
            place = os.path.realpath(entry)
            reached = reached or place in installed
            if reached:
                yield place


def is_editable(package: str) -> bool:
    """Whether it was installed by ``pip install --editable`` through a finder, as setuptools does."""
    finders = (each for each in sys.meta_path if "__editable__" in f"{getattr(each, '__module__', '')}{each!r}")
    return any(finder.find_spec(package, None) is not None for finder in finders)


def imported(module: str) -> ModuleType:
    """Import a module; raises ``ValueError`` in one line for whatever it raises, an exit included."""
    try:
        return importlib.import_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ValueError(f"module {module} cannot be imported ({reason(error)}); write {OWN}") from None


def reason(error: BaseException) -> str:
    """The kind of an error, and the first line of its message: a module of the team's own may raise anything."""
    return f"{type(error).__name__}: {first_line(error)}"


class Kinds:
    """Annotates a field that holds one of several specs: ``Annotated[Source, Kinds(Source, Files, Hub)]``.

    Each shipped spec states its kind as the default of its field ``kind``. A bare ``exact`` is short for
    ``{kind: exact}``. With ``parent``, a kind with a colon is the team's own: a class below ``parent``, or with ``own``
    that spec, which knows what the name means. An unknown kind is a pydantic error of type ``kind`` that lists the
    kinds there are.
    """

    def __init__(self, parent: type[Spec] | None, *shipped: type[Spec], own: type[Spec] | None = None) -> None:
        self.parent, self.own_spec = parent, own
        self.shipped = {str(each.model_fields["kind"].default): each for each in shipped}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A union told apart by ``kind``, so that an error names the field of the one kind that was meant."""
        choices = {kind: handler.generate_schema(each) for kind, each in self.shipped.items()}
        names = ", ".join(self.shipped)
        if self.parent is not None:
            names += f", or {OWN}"
            choices["own"] = core_schema.with_info_plain_validator_function(
                self.own,
                serialization=core_schema.plain_serializer_function_ser_schema(
                    lambda spec, info: spec.model_dump(mode=info.mode), info_arg=True
                ),
            )
        union = core_schema.tagged_union_schema(
            choices, self.chosen, custom_error_type="kind", custom_error_message=f"name one of {names}"
        )
        return core_schema.no_info_before_validator_function(spelled_out, union)

    def chosen(self, value: Any) -> str | None:
        """The kind that a recipe or a spec names; None for one that does not exist."""
        kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
        if not isinstance(kind, str):
            return None
        if kind in self.shipped:
            return kind
        return "own" if ":" in kind and self.parent is not None else None

    def own(self, value: Any, info: core_schema.ValidationInfo) -> Spec:
        """The team's own spec, validated in the recipe's context; raises ``ValueError`` in one line."""
        assert self.parent is not None
        if isinstance(value, self.parent):
            return value
        kind = str(value["kind"])
        own_kind = self.own_spec or self.named(kind, plugins_of(info.context))
        try:
            return own_kind.model_validate(value, context=info.context)
        except ValidationError as error:
            each = (f"{'.'.join(map(str, e['loc'])) or kind}: {advice(e)}" for e in error.errors())
            raise ValueError("; ".join(each)) from None
        except Exception as error:  # of a validator of the team's own
            raise ValueError(f"kind {kind} failed ({reason(error)}); correct its module") from None

    def named(self, kind: str, plugins: Plugins) -> type[Spec]:
        """The class of the team's own; raises ``ValueError`` in one line."""
        value = plugins.load(kind)
        if not (isinstance(value, type) and self.parent and issubclass(value, self.parent)):
            raise ValueError(
                f"kind {kind} is no {self.parent and self.parent.__name__}; make it a subclass of corpora's"
            )
        return value


def plugins_of(context: Any) -> Plugins:
    """The plugins that the context of a validation allows; none where it says nothing."""
    plugins = (context or {}).get("plugins")
    return plugins if isinstance(plugins, Plugins) else Plugins()


def spelled_out(value: Any) -> Any:
    """``exact`` is short for ``{kind: exact}``."""
    return {"kind": value} if isinstance(value, str) else value
