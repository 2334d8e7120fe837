"""What holds in the hierarchy whoever asks, and who may see what."""

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
    if known is None:
        known = Role.OPERATOR if user.is_superuser else _find_role_of_groups(user)
        user._role = known  # type: ignore[attr-defined]  # a place of ours on the user of a request
    return known


def _find_role_of_groups(user: User) -> Role:
    groups = set(user.groups.values_list("name", flat=True))
    return next((role for role in (Role.CURATOR, Role.ANNOTATOR) if role in groups), Role.ANONYMOUS)


def sees_everything(user: User | AnonymousUser) -> bool:
    """Whether the person sees labels before their release and pictures of every safety: curators and operators do."""
    return find_role(user) in CURATORS


def is_safe_to_show(safety: str) -> bool:
    """Whether pictures of a synset of that safety are shown to everybody; what nobody has judged yet is."""
    return Synset.Safety(safety) not in CURATORS_ONLY
