"""Notes on synsets: what they include, and what they do not."""

from annotation.models import SynsetNotes

VERSIONS = 50


def find_notes(synset_id: int) -> SynsetNotes | None:
    """The version in force, None where nobody has written any. One query."""
    return SynsetNotes.objects.filter(synset_id=synset_id).order_by("-version").first()


def list_versions(synset_id: int) -> list[SynsetNotes]:
    """The newest VERSIONS with who wrote them, newest first."""
    return list(
        SynsetNotes.objects.filter(synset_id=synset_id).select_related("created_by").order_by("-version")[:VERSIONS]
    )
