"""What curators say a synset includes and does not."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import SynsetNotes
from annotation.models.notes import NOTES_LENGTH
from annotation.queries.notes import find_notes
from hierarchy.actions.audit import append_entry
from hierarchy.errors import Conflict, InvalidInput, NotFound
from hierarchy.models import AuditAction, Synset


@transaction.atomic
def write_notes(*, wnid: str, includes: str, excludes: str, version: int, by: User, at: datetime) -> SynsetNotes:
    """A new version of a synset's notes, where they differ from the one in force; `version` is the one that was read, 0 where there was
    none. Conflict where another was written meanwhile, InvalidInput for more than NOTES_LENGTH characters, NotFound without such a synset.
    """
    # Its row is the turn of whoever writes notes on it.
    synset = Synset.objects.select_for_update(no_key=True).filter(wnid=wnid).first()
    if synset is None:
        raise NotFound(f"There is no synset {wnid}.")
    texts = {"includes": _clean(includes), "excludes": _clean(excludes)}
    problems = {
        name: _("must have at most %(most)s characters") % {"most": NOTES_LENGTH}
        for name, text in texts.items()
        if len(text) > NOTES_LENGTH
    }
    if problems:
        raise InvalidInput(problems)
    newest = find_notes(synset.pk)
    known = newest.version if newest is not None else 0
    if known != version:
        raise Conflict(_("Somebody else has changed these notes meanwhile. Look again."))
    if newest is not None and texts == {"includes": newest.includes, "excludes": newest.excludes}:
        return newest
    written = SynsetNotes.objects.create(synset=synset, version=known + 1, created_at=at, created_by=by, **texts)
    # Not the texts: people type them.
    append_entry(action=AuditAction.CHANGE_NOTES, subject=f"synset:{wnid}", detail={"version": written.version}, by=by)
    return written


def _clean(text: str) -> str:
    return text.replace("\0", "").replace("\r\n", "\n").strip()
