"""What holds in the hierarchy whoever asks, and who may see what."""

from collections.abc import Collection
from enum import StrEnum

from django.contrib.auth.models import AnonymousUser, User

from hierarchy.models import Synset
from hierarchy.queries.visibility import CURATORS_ONLY


class Role(StrEnum):
    """What a person may do here. Annotators and curators have it by the group of that name, operators as superusers."""

    ANONYMOUS = "anonymous"
    ANNOTATOR = "annotator"
    CURATOR = "curator"
    OPERATOR = "operator"


CURATORS = frozenset({Role.CURATOR, Role.OPERATOR})


def find_role(user: User | AnonymousUser) -> Role:
    """The widest role of an account; one without a group, or closed, has the rights of a visitor.

    Asked again of the same object, as within one request, it costs no further query.
    """
    if not user.is_authenticated or not user.is_active:
        return Role.ANONYMOUS
    known: Role | None = getattr(user, "_role", None)
    return known or note_groups(user, () if user.is_superuser else user.groups.values_list("name", flat=True))


def note_groups(user: User, groups: Collection[str]) -> Role:
    """The role of an active account with these groups; `find_role` of the same object costs no query from now on."""
    named = set(groups)
    role = next((role for role in (Role.CURATOR, Role.ANNOTATOR) if role in named), Role.ANONYMOUS)
    user._role = Role.OPERATOR if user.is_superuser else role  # type: ignore[attr-defined]  # a place of ours
    return user._role  # type: ignore[attr-defined, no-any-return]


def sees_everything(user: User | AnonymousUser) -> bool:
    """Whether the person sees labels before their release and pictures of every safety: curators and operators do."""
    return find_role(user) in CURATORS


def is_safe_to_show(safety: str) -> bool:
    """Whether pictures of a synset of that safety are shown to everybody; what nobody has judged yet is."""
    return Synset.Safety(safety) not in CURATORS_ONLY
