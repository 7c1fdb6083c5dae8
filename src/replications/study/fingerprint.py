"""The fingerprint of the source that a run uses, definition by definition.

Starting from named definitions, every name they load is followed to its own definition, across the modules of this
package; the fingerprint hashes the syntax trees met on the way. Comments, formatting, docstrings and annotations that
nothing else needs do not count, and neither does code that the run cannot reach, so adding a function to a shared
module leaves the records of other papers fresh. Names reached only through strings (`getattr`, registries) are not
followed: import what a run uses.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PACKAGE = "replications"
ALWAYS = (("replications.study.seeds", None),)  # decides every random number, but is reached through the context

Symbol = tuple[str, str | None]  # module, top-level name; None is the whole module


class _Module:
    """A parsed module: its top-level definitions, its imports, and its loose statements."""

    def __init__(self, name: str, tree: ast.Module, is_package: bool) -> None:
        self.name = name
        self.package = name if is_package else name.rpartition(".")[0]
        self.definitions: dict[str, list[ast.stmt]] = {}
        self.loose: list[ast.stmt] = []
        self.imports = dict(self.bindings(tree.body))
        for statement in tree.body:
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                continue
            names = list(_bound_names(statement))
            for bound in names:
                self.definitions.setdefault(bound, []).append(statement)
            if not names:
                self.loose.append(statement)

    def bindings(self, statements: Iterable[ast.AST]) -> Iterator[tuple[str, Symbol]]:
        """Name → what an import statement of this package binds to it."""
        for statement in statements:
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    if alias.name.split(".")[0] == PACKAGE:
                        yield (alias.asname, (alias.name, None)) if alias.asname else (PACKAGE, (PACKAGE, None))
            elif isinstance(statement, ast.ImportFrom):
                source = statement.module or ""
                if statement.level:
                    parts = self.package.split(".")
                    source = ".".join([*parts[: len(parts) - statement.level + 1], *filter(None, [source])])
                if source.split(".")[0] == PACKAGE:
                    for alias in statement.names:
                        yield alias.asname or alias.name, _symbol(source, alias.name)


def _bound_names(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))


@cache
def _path(module: str) -> tuple[Path, bool] | None:
    """Source file of a module of this package, and whether it is a package."""
    if module.split(".")[0] != PACKAGE:
        return None
    root = importlib.util.find_spec(PACKAGE)
    assert root is not None
    assert root.origin is not None
    base = Path(root.origin).parent.joinpath(*module.split(".")[1:])
    if (base / "__init__.py").exists():
        return base / "__init__.py", True
    return (base.with_suffix(".py"), False) if base.with_suffix(".py").exists() else None


@cache
def _parse(module: str) -> _Module | None:
    found = _path(module)
    if found is None:
        return None
    path, is_package = found
    return _Module(module, ast.parse(path.read_text()), is_package)


def _symbol(module: str, name: str) -> Symbol:
    """What `from module import name` means: a submodule or a definition."""
    return (f"{module}.{name}", None) if _path(f"{module}.{name}") else (module, name)


def _without_docstrings(statement: ast.stmt) -> ast.stmt:
    copy = ast.parse(ast.unparse(statement)).body[0]
    for node in ast.walk(copy):
        body = getattr(node, "body", None)
        if (
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
            and isinstance(body[0].value.value, str)
        ):
            node.body = body[1:] or [ast.Pass()]
    return copy


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _loads(statement: ast.AST) -> Iterator[list[str]]:
    """Dotted names that a statement loads, annotations aside: `a.b.c` gives ['a', 'b', 'c']."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        chain: list[str] = []
        inner = node
        while isinstance(inner, ast.Attribute):
            chain.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            yield [inner.id, *reversed(chain)]
            continue
        for name, value in ast.iter_fields(node):
            if name not in ("annotation", "returns"):
                pending += [
                    child for child in (value if isinstance(value, list) else [value]) if isinstance(child, ast.AST)
                ]


def _resolve(module: _Module, chain: list[str], local: dict[str, Symbol]) -> Symbol | None:
    """The definition of this package that a dotted name refers to, or None."""
    head, *rest = chain
    if head in local:
        symbol: Symbol = local[head]
    elif head in module.definitions:
        return module.name, head
    elif head in module.imports:
        symbol = module.imports[head]
    else:
        return None
    while symbol[1] is None and rest:  # walk from a module towards a definition
        symbol = _symbol(symbol[0], rest.pop(0))
    return symbol


def reachable(start: Iterable[Symbol]) -> dict[tuple[str, str], list[ast.stmt]]:
    """Every definition of this package that the `start` symbols can reach, with its statements."""
    found: dict[tuple[str, str], list[ast.stmt]] = {}
    pending = [*start, *ALWAYS]
    while pending:
        name, symbol = pending.pop()
        module = _parse(name)
        if module is None:
            continue
        if symbol is None:
            pending += [(name, defined) for defined in module.definitions]
            pending.append((name, ""))
        elif symbol == "" or symbol in module.definitions:
            if (name, symbol) in found:
                continue
            statements = module.loose if symbol == "" else module.definitions[symbol]
            found[name, symbol] = [s for s in statements if not _is_docstring(s)]
            pending.append((name, ""))  # loose statements run whenever the module is imported
            for statement in found[name, symbol]:
                pending += _references(module, statement)
        elif symbol in module.imports:
            pending.append(module.imports[symbol])
    return found


def _references(module: _Module, statement: ast.stmt) -> Iterator[Symbol]:
    local = dict(module.bindings(ast.walk(statement)))
    for chain in _loads(statement):
        target = _resolve(module, chain, local)
        if target is not None:
            yield target


def fingerprint(start: Iterable[Symbol]) -> str:
    """Hash of every definition that `start` can reach."""
    digest = hashlib.sha256()
    for (module, symbol), statements in sorted(reachable(start).items()):
        digest.update(f"{module}:{symbol}\n".encode())
        for statement in statements:
            digest.update(ast.dump(_without_docstrings(statement)).encode())
    return digest.hexdigest()[:32]


def fingerprint_of_code(cells: Iterable[str]) -> str:
    """Hash of the code of a notebook and of every definition of this package that it can reach."""
    tree = ast.parse("\n".join(cells))
    notebook = _Module("__notebook__", tree, is_package=False)
    digest = hashlib.sha256(ast.dump(tree).encode())
    start = [target for statement in tree.body for target in _references(notebook, statement)]
    digest.update(fingerprint(start).encode())
    return digest.hexdigest()[:32]
