"""Every text of the sources that goes through gettext."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation.template import templatize

PACKAGES = ("config", "hierarchy", "annotation")
TEMPLATES = "templates"
# What the arguments of each function are; what it counts is no text.
SINGLE, PLURAL = ("msgid",), ("msgid", "plural")
FUNCTIONS = {
    "_": SINGLE,
    "gettext": SINGLE,
    "gettext_lazy": SINGLE,
    "gettext_noop": SINGLE,
    "ngettext": PLURAL,
    "ngettext_lazy": PLURAL,
    "pgettext": ("context", *SINGLE),
    "pgettext_lazy": ("context", *SINGLE),
    "npgettext": ("context", *PLURAL),
    "npgettext_lazy": ("context", *PLURAL),
}
# Django writes a template's texts as calls with literals, between letters that stand for all else.
CALL = re.compile(
    r"""\b(?:_|n?p?gettext)\((?:u?(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")[,\s]*)+(?:count)?\)""", re.DOTALL
)


@dataclass(frozen=True)
class Text:
    """One text as gettext looks it up, and the file it stands in, from the root."""

    msgid: str
    file: str
    plural: str = ""
    context: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.context, self.msgid


def find_texts(root: Path) -> list[Text]:
    """In the order of the files' names and of their lines; one that comes again in another file comes again here. ValueError names a
    place where something else than a literal is given to gettext."""
    return [text for path in list_sources(root) for text in _read_source(path, path.relative_to(root).as_posix())]


def list_sources(root: Path) -> list[Path]:
    modules = [
        path for package in PACKAGES for path in (root / package).rglob("*.py") if "migrations" not in path.parts
    ]
    templates = [path for path in (root / TEMPLATES).rglob("*") if path.is_file()]
    return sorted(modules) + sorted(templates)


def _read_source(path: Path, file: str) -> Iterator[Text]:
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield from _find_calls(ast.parse(source), file)
        return
    for call in CALL.findall(templatize(source, origin=file)):
        yield from _find_calls(ast.parse(call), file)


def _find_calls(tree: ast.AST, file: str) -> Iterator[Text]:
    # By line: a walk goes level by level.
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node.func) in FUNCTIONS]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        names = FUNCTIONS[_name(call.func)]
        yield Text(file=file, **{name: _read(call, index, file) for index, name in enumerate(names)})


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _read(call: ast.Call, index: int, file: str) -> str:
    argument = call.args[index] if index < len(call.args) else None
    if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str) or not argument.value:
        raise ValueError(f"{file}, line {call.lineno}: gettext is given something else than a literal")
    return argument.value
