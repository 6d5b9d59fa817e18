"""One piece of Python code, read once for what it imports and names."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["ALL", "Facts", "read_facts"]

ALL = None  # stands for "every name of the module"
_DOTTED = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")
_WORD = re.compile(r"[\w.*-]+")
_IN_TEXT = re.compile(r"\b(?:from|import) +([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)")
_GETTERS = ("__getattr__", "__dir__")


@dataclass(frozen=True)
class Facts:
    """What the code of a module or notebook says; JSON values only, so that it can be kept.

    Attributes
    ----------
    module : str
        Dotted name, empty for a notebook.
    is_package : bool
        Whether the code is a package's ``__init__``.
    imports : list of (module, name or None, bound name)
        Absolute.
    attributes : dict of bound name to names
        What is read as ``bound.name``; ``ALL`` where the object is used in any other way.
    chains, dotted : list of str
        Chains such as ``paralg.core.scan`` in the code; string constants that look like one, and
        what those import that are code for another process.
    words : list of str
        Words of the string constants that are no docstrings: names of files.
    exercises : list of str
        String constants that name an exercise.
    statements : list of str
        Names that occur only as ``name(...)`` or ``x.name(...)``, as a statement of its own.
    lazy : dict of str to str
        Public names and their modules, as a lazy ``__getattr__`` uses them.
    is_facade, is_lazy, has_getter : bool
        Whether the module only re-exports; by ``lazy(__name__, {...})``; by a ``__getattr__``.
    tails : list of str
        Ends of module names that are put together when the code runs, ``.entrants``.
    """

    module: str
    is_package: bool
    imports: list = field(default_factory=list)
    attributes: dict = field(default_factory=dict)
    chains: list = field(default_factory=list)
    dotted: list = field(default_factory=list)
    words: list = field(default_factory=list)
    exercises: list = field(default_factory=list)
    statements: list = field(default_factory=list)
    lazy: dict = field(default_factory=dict)
    is_facade: bool = False
    is_lazy: bool = False
    has_getter: bool = False
    tails: list = field(default_factory=list)


def read_facts(code: str, module: str = "", is_package: bool = False) -> Facts:
    """Read Python source; IPython magics are allowed."""
    tree = _parse(code)
    nodes = list(ast.walk(tree))
    imports = list(_imports(nodes, module, is_package))
    strings = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    spoken = _docstrings(nodes)
    words = {w for text, said in Counter(strings).items() if said > spoken[text]
             for w in _WORD.findall(text)}  # fmt: skip
    has_getter = any(isinstance(n, ast.FunctionDef) and n.name in _GETTERS for n in tree.body)
    is_lazy = any(map(_is_lazy, tree.body))
    return Facts(
        module, is_package, imports,
        attributes=_attributes(nodes, {bound for _, _, bound in imports}),
        chains=sorted({chain for node in nodes if (chain := _chain(node))}),
        dotted=sorted({text for text in strings if _DOTTED.match(text)}.union(
            *(_IN_TEXT.findall(text) for text, said in Counter(strings).items()
              if said > spoken[text]))),
        words=sorted(words),
        exercises=sorted({text for text in strings if re.fullmatch(r"ex-[a-z0-9][\w-]*", text)}),
        statements=_statements(nodes),
        lazy=_lazy_targets(nodes) if has_getter or is_lazy else {},
        is_facade=all(map(_only_binds, tree.body)), is_lazy=is_lazy,
        has_getter=has_getter or is_lazy, tails=sorted(set(_tails(nodes))),
    )  # fmt: skip


def _parse(code: str) -> ast.Module:
    try:
        return ast.parse(code)
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

        return ast.parse(TransformerManager().transform_cell(code))


def _imports(nodes, module: str, is_package: bool) -> Iterator[tuple]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None, alias.asname or alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node.module or "", node.level, module, is_package)
            for alias in node.names:
                yield base, alias.name, alias.asname or alias.name


def _absolute(name: str, level: int, module: str, is_package: bool) -> str:
    """Resolve a relative module name against this module."""
    if not level:
        return name
    parts = module.split(".")
    parts = parts[: len(parts) - level + (1 if is_package else 0)]
    return ".".join([*parts, name] if name else parts)


def _attributes(nodes, bound: set[str]) -> dict:
    found: dict = {name: set() for name in bound}
    bases = set()
    for node in nodes:
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) in bound:
            found[node.value.id].add(node.attr)
            bases.add(id(node.value))
    whole = {n.id for n in nodes if isinstance(n, ast.Name) and id(n) not in bases}
    return {name: ALL if name in whole else sorted(names) for name, names in found.items()}


def _chain(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Attribute):
        return None
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def _docstrings(nodes) -> Counter:
    """How often each text is a docstring, or stands alone in another way."""
    alone = (n.value for n in nodes if isinstance(n, ast.Expr))
    return Counter(v.value for v in alone
                   if isinstance(v, ast.Constant) and isinstance(v.value, str))  # fmt: skip


def _statements(nodes) -> list[str]:
    calls = (n.value for n in nodes if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call))
    alone = Counter(name for call in calls if (name := _called(call)))
    names = Counter(n.id for n in nodes if isinstance(n, ast.Name))
    names.update(n.attr for n in nodes if isinstance(n, ast.Attribute))
    return sorted(name for name, times in alone.items() if times == names[name])


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _lazy_targets(nodes) -> dict[str, str]:
    """Entries ``{"name": "module"}`` of dictionaries."""
    pairs = (pair for n in nodes if isinstance(n, ast.Dict)
             for pair in zip(n.keys, n.values, strict=True))  # fmt: skip
    found = {getattr(key, "value", None): getattr(value, "value", None) for key, value in pairs}
    return {k: v for k, v in found.items() if isinstance(k, str) and isinstance(v, str)}


def _tails(nodes) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Call) and _called(node) == "import_module" and node.args:
            last = node.args[0].values[-1] if isinstance(node.args[0], ast.JoinedStr) else None
            if isinstance(last, ast.Constant) and "." in last.value:
                yield last.value[last.value.index(".") :]


def _is_lazy(node: ast.stmt) -> bool:
    """Whether a statement is ``__getattr__, __dir__, __all__ = lazy(__name__, {...})``."""
    call = getattr(node, "value", None)
    return isinstance(call, ast.Call) and _called(call) == "lazy"


def _only_binds(node: ast.stmt) -> bool:
    """Whether a statement of a module is a docstring, an import, a constant or a lazy getter."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If):  # if TYPE_CHECKING
        names = {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)}
        return names <= {"TYPE_CHECKING", "typing"}
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return _is_lazy(node) or not any(isinstance(inner, ast.Call) for inner in ast.walk(node))
    if isinstance(node, ast.FunctionDef):
        return node.name in _GETTERS
    return isinstance(node, (ast.Import, ast.ImportFrom))
