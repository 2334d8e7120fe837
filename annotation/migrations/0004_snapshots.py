from datetime import UTC, datetime

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.models import F, Q

from annotation.consensus.start import GRADED

SNAPSHOTS_ARE_IMMUTABLE = """
CREATE FUNCTION annotation_guard_snapshot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (to_jsonb(NEW) - 'published_by_id') = (to_jsonb(OLD) - 'published_by_id') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a snapshot does not change; publish another' USING ERRCODE = 'check_violation', CONSTRAINT = 'snapshot_is_immutable';
END $$;
CREATE TRIGGER snapshot_is_immutable BEFORE UPDATE OR DELETE ON annotation_snapshot
    FOR EACH ROW EXECUTE FUNCTION annotation_guard_snapshot();

CREATE FUNCTION annotation_guard_skill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a skill belongs to its snapshot' USING ERRCODE = 'check_violation', CONSTRAINT = 'skill_is_immutable';
END $$;
CREATE TRIGGER skill_is_immutable BEFORE UPDATE OR DELETE ON annotation_skill
    FOR EACH ROW EXECUTE FUNCTION annotation_guard_skill();
"""

DROP = """
DROP TRIGGER skill_is_immutable ON annotation_skill;
DROP FUNCTION annotation_guard_skill();
DROP TRIGGER snapshot_is_immutable ON annotation_snapshot;
DROP FUNCTION annotation_guard_snapshot();
"""

ASK_AGAIN = """
UPDATE annotation_question AS question SET due_at = %s
WHERE state = 'OPEN' AND closed_at IS NULL AND due_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM annotation_gold AS gold WHERE gold.question_id = question.id AND gold.active)
"""


def replace_older_engine(apps, schema_editor):
    """Snapshots of version 1 cannot be read any more. The start of the new engine takes over: what was estimated under the
    old one is estimated again, since its snapshot is no longer the newest, and open questions are looked at first."""
    snapshot = apps.get_model("annotation", "Snapshot")
    if snapshot.objects.exists():
        at = datetime.now(UTC)
        report = {"reason": "another engine"}
        snapshot.objects.create(parameters=GRADED.to_json(), report=report, published_at=at)
        schema_editor.execute(ASK_AGAIN, [at])


RATES = ("sensitivity", "specificity", "unsure_rate")
HELP = {"sensitivity": "P(YES), the truth being yes", "specificity": "P(NO), the truth being no"}


def rate_fields():
    for rate in RATES:
        yield rate, models.FloatField(help_text=HELP[rate]) if rate in HELP else models.FloatField()
        yield f"{rate}_low", models.FloatField()
        yield f"{rate}_high", models.FloatField()


def ordered_intervals():
    return Q(
        *(
            condition
            for rate in RATES
            for condition in (
                (f"{rate}__gte", F(f"{rate}_low")),
                (f"{rate}_high__gte", F(rate)),
                (f"{rate}_high__lte", 1),
                (f"{rate}_low__gte", 0),
            )
        )
    )


class Migration(migrations.Migration):
    """Snapshots hold all that was learned, and each annotator's skill under them."""

    dependencies = [
        ("annotation", "0003_imported_batches"),
        ("hierarchy", "0003_candidate_prior"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            "snapshot", "gold", models.IntegerField(default=0, help_text="of these with a known truth")
        ),
        migrations.AddField("snapshot", "log_likelihood", models.FloatField(blank=True, null=True)),
        migrations.AddField(
            "snapshot", "questions", models.BigIntegerField(default=0, help_text="questions learned from")
        ),
        migrations.AddField(
            "snapshot",
            "report",
            models.JSONField(blank=True, default=dict, help_text="what was tried, and what came of it"),
        ),
        migrations.AddField("snapshot", "rounds", models.IntegerField(default=0)),
        migrations.AddField(
            "snapshot",
            "rules",
            models.JSONField(blank=True, default=list, help_text="tolerances by target error and vote cap"),
        ),
        migrations.AddField("snapshot", "votes", models.BigIntegerField(default=0, help_text="votes learned from")),
        migrations.AddConstraint(
            "snapshot",
            models.CheckConstraint(
                name="snapshot_counts_not_negative",
                condition=Q(votes__gte=0, questions__gte=0, gold__gte=0, rounds__gte=0),
            ),
        ),
        migrations.CreateModel(
            "Skill",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("counts", ArrayField(models.FloatField())),
                ("votes", models.IntegerField(help_text="votes that taught it")),
                *rate_fields(),
                ("bits", models.FloatField(help_text="information of one vote about the truth")),
                ("spam", models.BooleanField(default=False)),
                (
                    "annotator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="skills",
                        to="annotation.annotator",
                    ),
                ),
                (
                    "snapshot",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="skills",
                        to="annotation.snapshot",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            "skill", models.UniqueConstraint(name="skill_once_per_snapshot", fields=["snapshot", "annotator"])
        ),
        migrations.AddConstraint(
            "skill",
            models.CheckConstraint(name="skill_counts_not_negative", condition=Q(votes__gte=0, bits__gte=0)),
        ),
        migrations.AddConstraint(
            "skill", models.CheckConstraint(name="skill_intervals_ordered", condition=ordered_intervals())
        ),
        migrations.RemoveConstraint("annotator", "annotator_barred_with_reason"),
        migrations.AddConstraint(
            "annotator",
            models.CheckConstraint(
                name="annotator_barred_with_reason",
                condition=Q(barred_at=None, barred_by=None, barred_reason="")
                | (Q(barred_at__isnull=False) & ~Q(barred_reason="")),
            ),
        ),
        migrations.AddField("question", "priority", models.SmallIntegerField(default=0)),
        migrations.AddConstraint(
            "question",
            models.CheckConstraint(name="question_priority_range", condition=Q(priority__gte=0, priority__lte=7)),
        ),
        migrations.AddField(
            "dispute",
            "snapshot",
            models.ForeignKey(
                blank=True,
                help_text="that sent it here",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="annotation.snapshot",
            ),
        ),
        migrations.AlterField(
            "dispute",
            "reason",
            models.CharField(
                choices=[
                    ("VOTES_SPENT", "votes did not settle it"),
                    ("FLIP", "what is known now speaks against the label"),
                ],
                max_length=11,
            ),
        ),
        migrations.AlterField(
            "estimate",
            "snapshot",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="annotation.snapshot",
            ),
        ),
        migrations.AddIndex("estimate", models.Index(name="estimate_by_snapshot", fields=["snapshot", "question"])),
        migrations.RunSQL(SNAPSHOTS_ARE_IMMUTABLE, DROP),
        migrations.RunPython(replace_older_engine, migrations.RunPython.noop),
    ]
