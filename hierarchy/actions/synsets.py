"""Changes to synsets. Words, glosses and links come from WordNet and never change here."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from hierarchy.actions.audit import append_entry
from hierarchy.errors import InvalidInput, NotFound
from hierarchy.models import AuditAction, Synset


@transaction.atomic
def set_safety(*, synset_id: int, safety: str, by: User, at: datetime) -> Synset:
    """Say whether pictures of a synset may be shown to everybody. The audit log keeps who changed it and when.

    Raises InvalidInput for an unknown safety, NotFound for an unknown synset.
    """
    if safety not in Synset.Safety.values:
        raise InvalidInput({"safety": _("must be one of %(values)s") % {"values": ", ".join(Synset.Safety.values)}})
    synset = Synset.objects.select_for_update().filter(pk=synset_id).first()
    if synset is None:
        raise NotFound(f"There is no synset {synset_id}.")
    before, synset.safety = synset.safety, safety
    if safety != before:
        synset.save(update_fields=["safety"])
        detail = {"before": before, "safety": safety}
        append_entry(action=AuditAction.SET_SAFETY, subject=f"synset:{synset.wnid}", detail=detail, by=by)
    return synset
