"""Flags as the annotation page shows them: each kind with a button, pressed or not."""

from collections.abc import Set
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation.models import Flag

TITLES: dict[str, Promise] = {
    Flag.Kind.OFFENSIVE: _("Offensive"),
    Flag.Kind.PRIVATE_PERSON: _("Shows a private person"),
    Flag.Kind.BROKEN: _("Broken"),
    Flag.Kind.DRAWING: _("Drawing, not a photo"),
    Flag.Kind.DEFINITION: _("Wrong definition"),
    Flag.Kind.CONTESTED: _("Contested"),
}
OF_PICTURES = (Flag.Kind.OFFENSIVE, Flag.Kind.PRIVATE_PERSON, Flag.Kind.BROKEN, Flag.Kind.DRAWING)


@dataclass(frozen=True)
class Mark:
    """`raised`: this annotator has flagged it so. `value` is what the button sends, to raise or to withdraw it."""

    kind: str
    title: Promise
    raised: bool
    value: str


def describe_marks(flagged: Set[tuple[int | None, str]], position: int | None) -> list[Mark]:
    """Of the picture at a position; without one, of the definition."""
    kinds = OF_PICTURES if position is not None else (Flag.Kind.DEFINITION,)
    return [_describe(kind, position, raised=(position, kind) in flagged) for kind in kinds]


def _describe(kind: Flag.Kind, position: int | None, *, raised: bool) -> Mark:
    place = "" if position is None else position
    return Mark(kind, TITLES[kind], raised, f"{'withdraw' if raised else 'raise'}:{place}:{kind}")
