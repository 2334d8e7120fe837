from django.db import migrations, models
from django.db.models import Q

OUTCOMES = [("SUBMITTED", "submitted"), ("RETURNED", "returned"), ("IMPORTED", "imported")]


class Migration(migrations.Migration):
    """Pages that were never leased: they hold votes that were given elsewhere."""

    dependencies = [("annotation", "0002_guards")]

    operations = [
        migrations.RemoveConstraint(model_name="batch", name="batch_outcome_is_whole"),
        migrations.AlterField(
            model_name="batch", name="outcome", field=models.CharField(blank=True, choices=OUTCOMES, max_length=9)
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                name="batch_outcome_is_whole",
                condition=Q(outcome="", closed_at=None, idempotency_key=None, body_sha256=None, recorded=None)
                | Q(
                    outcome="RETURNED",
                    closed_at__isnull=False,
                    idempotency_key=None,
                    body_sha256=None,
                    recorded=None,
                )
                | Q(
                    outcome="SUBMITTED",
                    closed_at__isnull=False,
                    idempotency_key__isnull=False,
                    body_sha256__isnull=False,
                    recorded__isnull=False,
                )
                | Q(
                    outcome="IMPORTED",
                    closed_at__isnull=False,
                    idempotency_key=None,
                    body_sha256=None,
                    recorded__isnull=False,
                    late=False,
                ),
            ),
        ),
    ]
