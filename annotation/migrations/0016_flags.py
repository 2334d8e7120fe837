import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

# As votes are tied to the page they were given on.
TIES = """
ALTER TABLE annotation_flag
    ADD CONSTRAINT flag_on_its_page FOREIGN KEY (batch_id, position, question_id)
        REFERENCES annotation_batchitem (batch_id, position, question_id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT flag_by_its_annotator FOREIGN KEY (batch_id, annotator_id)
        REFERENCES annotation_batch (id, annotator_id) DEFERRABLE INITIALLY DEFERRED;
CREATE FUNCTION annotation_guard_flag() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM annotation_batch AS batch WHERE batch.id = NEW.batch_id AND batch.synset_id = NEW.synset_id) THEN
        RAISE EXCEPTION 'a flag is about the synset of its page' USING ERRCODE = 'check_violation', CONSTRAINT = 'flag_of_its_synset';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER flag_of_its_synset BEFORE INSERT OR UPDATE OF batch_id, synset_id ON annotation_flag
    FOR EACH ROW EXECUTE FUNCTION annotation_guard_flag();
"""
LOOSE = """
DROP TRIGGER flag_of_its_synset ON annotation_flag;
DROP FUNCTION annotation_guard_flag();
ALTER TABLE annotation_flag DROP CONSTRAINT flag_by_its_annotator, DROP CONSTRAINT flag_on_its_page;
"""


class Migration(migrations.Migration):
    """What annotators report of pictures and definitions, and answers they contest."""

    dependencies = [
        ("annotation", "0015_gold_in_places"),
        ("hierarchy", "0007_more_audit_actions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Flag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.SmallIntegerField(blank=True, null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("OFFENSIVE", "offensive"),
                            ("PRIVATE_PERSON", "shows a private person"),
                            ("BROKEN", "broken"),
                            ("DRAWING", "drawing, not a photo"),
                            ("DEFINITION", "wrong definition"),
                            ("CONTESTED", "contested"),
                        ],
                        max_length=14,
                    ),
                ),
                ("text", models.TextField(blank=True, help_text="why an answer is contested")),
                ("created_at", models.DateTimeField()),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("DISMISSED", "nothing is wrong"),
                            ("DONE", "dealt with"),
                            ("DISPUTED", "sent to the disputes"),
                            ("RETIRED", "gold retired"),
                        ],
                        max_length=9,
                    ),
                ),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="dispute",
            name="dispute_reason_known",
        ),
        migrations.AlterField(
            model_name="dispute",
            name="reason",
            field=models.CharField(
                choices=[
                    ("VOTES_SPENT", "votes did not settle it"),
                    ("FLIP", "what is known now speaks against the label"),
                    ("FLAGGED", "annotators flagged it, and a curator sent it here"),
                ],
                max_length=11,
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason__in", ["VOTES_SPENT", "FLIP", "FLAGGED"])), name="dispute_reason_known"
            ),
        ),
        migrations.AddField(
            model_name="flag",
            name="annotator",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="flags",
                to="annotation.annotator",
            ),
        ),
        migrations.AddField(
            model_name="flag",
            name="batch",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="flags",
                to="annotation.batch",
            ),
        ),
        migrations.AddField(
            model_name="flag",
            name="closed_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="flag",
            name="question",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="flags",
                to="annotation.question",
            ),
        ),
        migrations.AddField(
            model_name="flag",
            name="synset",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="hierarchy.synset"
            ),
        ),
        migrations.AddIndex(
            model_name="flag",
            index=models.Index(
                condition=models.Q(("closed_at", None), ("withdrawn_at", None)), fields=["id"], name="flag_waiting"
            ),
        ),
        migrations.AddIndex(
            model_name="flag",
            index=models.Index(
                condition=models.Q(("closed_at", None), ("question__isnull", False), ("withdrawn_at", None)),
                fields=["question"],
                name="flag_waiting_of_question",
            ),
        ),
        migrations.AddIndex(
            model_name="flag",
            index=models.Index(
                condition=models.Q(("closed_at", None), ("question", None), ("withdrawn_at", None)),
                fields=["synset"],
                name="flag_waiting_of_synset",
            ),
        ),
        migrations.AddConstraint(
            model_name="flag",
            constraint=models.UniqueConstraint(
                condition=models.Q(("question__isnull", False)),
                fields=("annotator", "question", "kind"),
                name="flag_once_per_question",
            ),
        ),
        migrations.AddConstraint(
            model_name="flag",
            constraint=models.UniqueConstraint(
                condition=models.Q(("question__isnull", True)),
                fields=("annotator", "synset", "kind"),
                name="flag_once_per_synset",
            ),
        ),
        migrations.AddConstraint(
            model_name="flag",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "DEFINITION"), ("position", None), ("question", None)),
                    models.Q(
                        ("kind__in", ["OFFENSIVE", "PRIVATE_PERSON", "BROKEN", "DRAWING", "CONTESTED"]),
                        ("position__isnull", False),
                        ("question__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="flag_kind_of_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="flag",
            constraint=models.CheckConstraint(
                condition=models.Q(("text", ""), ("kind", "CONTESTED"), _connector="OR"),
                name="flag_text_of_contest",
            ),
        ),
        migrations.AddConstraint(
            model_name="flag",
            constraint=models.CheckConstraint(
                condition=django.db.models.expressions.RawSQL(
                    "char_length(text) <= 1000", (), output_field=models.BooleanField()
                ),
                name="flag_text_length",
            ),
        ),
        migrations.AddConstraint(
            model_name="flag",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at", None), ("closed_by", None), ("outcome", "")),
                    models.Q(
                        ("closed_at__gte", models.F("created_at")),
                        ("closed_at__isnull", False),
                        ("outcome__in", ["DISMISSED", "DONE", "DISPUTED", "RETIRED"]),
                    ),
                    _connector="OR",
                ),
                name="flag_closed_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="flag",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("withdrawn_at", None), ("withdrawn_at__gte", models.F("created_at")), _connector="OR"
                ),
                name="flag_withdrawn_after",
            ),
        ),
        migrations.RunSQL(TIES, LOOSE),
    ]
