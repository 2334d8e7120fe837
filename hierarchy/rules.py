"""What holds in the hierarchy whoever asks, and who may see what."""

from django.contrib.auth.models import AnonymousUser, User

from hierarchy.models import Synset
from hierarchy.queries.visibility import CURATORS_ONLY

CURATOR_GROUP = "curator"


def sees_everything(user: User | AnonymousUser) -> bool:
    """Whether the person sees labels before their release and pictures of every safety: curators and operators do."""
    if not user.is_authenticated:
        return False
    return user.is_superuser or user.groups.filter(name=CURATOR_GROUP).exists()


def is_safe_to_show(safety: str) -> bool:
    """Whether pictures of a synset of that safety are shown to everybody; what nobody has judged yet is."""
    return Synset.Safety(safety) not in CURATORS_ONLY
