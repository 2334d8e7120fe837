from django.db import models
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

# What stands before the first entry.
NO_HASH = bytes(32)


class AuditAction(models.TextChoices):
    """All that an entry may tell of. Nothing does TAKE_DOWN_IMAGE yet."""

    CREATE_ACCOUNT = "CREATE_ACCOUNT", "account made"
    DELETE_ACCOUNT = "DELETE_ACCOUNT", "account deleted"
    CHANGE_RIGHTS = "CHANGE_RIGHTS", "roles or rights changed"
    CHANGE_PASSWORD = "CHANGE_PASSWORD", "password changed"
    LOG_IN = "LOG_IN", "logged in"
    LOCK_OUT = "LOCK_OUT", "locked out"
    CREATE_TOKEN = "CREATE_TOKEN", "token made"
    REVOKE_TOKEN = "REVOKE_TOKEN", "token revoked"
    BAR_ANNOTATOR = "BAR_ANNOTATOR", "annotator barred"
    UNBAR_ANNOTATOR = "UNBAR_ANNOTATOR", "annotator no longer barred"
    APPEAL_BAR = "APPEAL_BAR", "bar appealed against"
    ANSWER_APPEAL = "ANSWER_APPEAL", "appeal answered"
    OPEN_CAMPAIGN = "OPEN_CAMPAIGN", "campaign opened"
    PAUSE_CAMPAIGN = "PAUSE_CAMPAIGN", "campaign paused"
    CLOSE_CAMPAIGN = "CLOSE_CAMPAIGN", "campaign closed"
    OPEN_CROWD = "OPEN_CROWD", "campaign opened to an external crowd"
    CLOSE_CROWD = "CLOSE_CROWD", "external crowd closed"
    CHANGE_POLICY = "CHANGE_POLICY", "policy changed"
    MAKE_GOLD = "MAKE_GOLD", "gold made"
    RETIRE_GOLD = "RETIRE_GOLD", "gold retired"
    SETTLE_DISPUTE = "SETTLE_DISPUTE", "dispute settled"
    CLOSE_FLAGS = "CLOSE_FLAGS", "flags closed"
    CHANGE_NOTES = "CHANGE_NOTES", "notes on a synset changed"
    CHANGE_TRAINING = "CHANGE_TRAINING", "training of a campaign changed"
    GRANT_ATTEMPT = "GRANT_ATTEMPT", "another attempt at a training granted"
    SET_SAFETY = "SET_SAFETY", "safety of a synset changed"
    PUBLISH_RELEASE = "PUBLISH_RELEASE", "release published"
    TAKE_DOWN_IMAGE = "TAKE_DOWN_IMAGE", "image taken down"


class AuditEntry(models.Model):
    """Something that was done, who did it and to what: numbered without a gap, each with the hash of the one before.

    `hash` is the SHA-256 of `previous_hash` (32 bytes) and of six lines in UTF-8, with a line feed between them: the number; the moment
    in UTC as 2026-01-31T23:59:59.000001Z; the actor's id, empty for the system and the command line; the action; the subject; the
    detail as PostgreSQL writes jsonb. Only a function of the database writes entries, and nothing changes them. No entry
    names a person otherwise than by an account's id, which refers to nothing once the account is gone.
    """

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.BigIntegerField(null=True, help_text="id of the account; none for the system and the command line")
    action = models.CharField(max_length=20, choices=AuditAction.choices)
    subject = models.CharField(max_length=200, help_text="what it was done to, for example dispute:5")
    detail = models.JSONField()
    previous_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)

    class Meta:
        verbose_name_plural = "audit entries"
        constraints = [
            models.CheckConstraint(name="audit_entry_number_positive", condition=Q(number__gte=1)),
            models.CheckConstraint(name="audit_entry_action_known", condition=Q(action__in=AuditAction.values)),
            # One line without blanks: what is hashed can be taken apart in one way only.
            models.CheckConstraint(name="audit_entry_subject_is_a_word", condition=Q(subject__regex=r"^[!-~]+$")),
            models.CheckConstraint(
                name="audit_entry_detail_is_small",
                condition=RawSQL(
                    "jsonb_typeof(detail) = 'object' AND octet_length(detail::text) <= 4000",
                    (),
                    output_field=BooleanField(),
                ),
            ),
            models.CheckConstraint(
                name="audit_entry_hash_lengths",
                condition=RawSQL(
                    "octet_length(previous_hash) = 32 AND octet_length(hash) = 32", (), output_field=BooleanField()
                ),
            ),
        ]
        indexes = [models.Index(name="audit_entry_of_action", fields=["action", "number"])]

    def __str__(self) -> str:
        return f"{self.number} {self.action} {self.subject}"
