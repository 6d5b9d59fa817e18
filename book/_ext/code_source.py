"""One piece of Python code, read for what it imports and names."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cached_property

__all__ = ["ALL", "Source"]

ALL = None  # stands for "every name of the module"
_NAMES_A_PAGE = {"quiz", "objectives", "Claims"}


class Source:
    """One parsed piece of code: its imports, its attribute chains and its telling strings.

    Parameters
    ----------
    code : str
        Python source; IPython magics are allowed.
    module : str
        Dotted name, empty for a notebook.
    is_package : bool
        Whether the code is a package's ``__init__``.
    """

    def __init__(self, code: str, module: str = "", is_package: bool = False):
        self.text = code
        self.module = module
        self.is_package = is_package
        self.tree = _parse(code)

    def imports(self) -> Iterator[tuple[str, str | None, str | None]]:
        """Yield ``(module, name or None, bound name)`` for every import, absolute."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name, None, alias.asname or alias.name.partition(".")[0]
            elif isinstance(node, ast.ImportFrom):
                base = self.absolute(node.module or "", node.level)
                for alias in node.names:
                    yield base, alias.name, alias.asname or alias.name

    def absolute(self, name: str, level: int) -> str:
        """Resolve a relative module name against this module."""
        if not level:
            return name
        parts = self.module.split(".")
        parts = parts[: len(parts) - level + (1 if self.is_package else 0)]
        return ".".join([*parts, name] if name else parts)

    def attributes_of(self, bound: str) -> set[str] | None:
        """Names read as ``bound.name``; ``ALL`` when the object is used in any other way."""
        found: set[str] = set()
        bases = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) == bound:
                found.add(node.attr)
                bases.add(id(node.value))
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and node.id == bound and id(node) not in bases:
                return ALL
        return found

    def chains(self) -> Iterator[str]:
        """Yield dotted chains such as ``paralg.core.scan`` that start at a bare name."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute):
                chain = _chain(node)
                if chain:
                    yield chain

    def strings(self) -> Iterator[str]:
        """Yield every string constant."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value

    def named_pages(self) -> Iterator[str]:
        """Yield the chapter names in ``quiz("…")``, ``objectives("…")``, ``Claims("…")``."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and node.args and _called(node) in _NAMES_A_PAGE:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value

    @cached_property
    def is_facade(self) -> bool:
        """Whether the module only re-exports: docstring, imports, constants, lazy getters."""
        return all(_only_binds(node) for node in self.tree.body)

    @cached_property
    def is_lazy(self) -> bool:
        """Whether public names come from ``lazy(__name__, {...})`` of the library."""
        return any(map(_is_lazy, self.tree.body))

    @cached_property
    def lazy_targets(self) -> dict[str, str]:
        """Entries ``{"name": "module"}`` of dictionaries, as lazy ``__getattr__`` uses them."""
        found = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                        found[key.value] = value.value
        return {k: v for k, v in found.items() if isinstance(k, str) and isinstance(v, str)}


def _parse(code: str) -> ast.Module:
    try:
        return ast.parse(code)
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

        return ast.parse(TransformerManager().transform_cell(code))


def _chain(node: ast.Attribute) -> str | None:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def is_getter(node: ast.stmt) -> bool:
    if isinstance(node, ast.FunctionDef):
        return node.name in ("__getattr__", "__dir__")
    return _is_lazy(node)


def _only_binds(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If):  # if TYPE_CHECKING
        return _names_in([node.test]) <= {"TYPE_CHECKING", "typing"}
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return _is_lazy(node) or not any(isinstance(inner, ast.Call) for inner in ast.walk(node))
    return isinstance(node, (ast.Import, ast.ImportFrom)) or is_getter(node)


def _is_lazy(node: ast.stmt) -> bool:
    """Whether a statement is ``__getattr__, __dir__, __all__ = lazy(__name__, {...})``."""
    call = getattr(node, "value", None)
    return isinstance(call, ast.Call) and _called(call) == "lazy"


def _names_in(trees: Iterable[ast.AST]) -> set[str]:
    return {n.id for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Name)}
