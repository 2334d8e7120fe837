"""Changes to synsets. Words, glosses and links come from WordNet and never change here."""

import logging
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from hierarchy.errors import InvalidInput, NotFound
from hierarchy.models import Synset

logger = logging.getLogger(__name__)


@transaction.atomic
def set_safety(*, synset_id: int, safety: str, by: User, at: datetime) -> Synset:
    """Say whether pictures of a synset may be shown to everybody. The log keeps who said so and when.

    Raises InvalidInput for an unknown safety, NotFound for an unknown synset.
    """
    if safety not in Synset.Safety.values:
        raise InvalidInput({"safety": f"must be one of {', '.join(Synset.Safety.values)}"})
    synset = Synset.objects.select_for_update().filter(pk=synset_id).first()
    if synset is None:
        raise NotFound(f"There is no synset {synset_id}.")
    logger.info("safety of %s: %s -> %s by user %s at %s", synset.wnid, synset.safety, safety, by.pk, at.isoformat())
    synset.safety = safety
    synset.save(update_fields=["safety"])
    return synset
