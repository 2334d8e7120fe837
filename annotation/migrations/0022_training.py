import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

BOUNDED = """
CREATE FUNCTION annotation_guard_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number > coalesce((SELECT attempts FROM annotation_training WHERE campaign_id = NEW.campaign_id), 0)
       + (SELECT count(*) FROM annotation_traininggrant
          WHERE annotator_id = NEW.annotator_id AND campaign_id = NEW.campaign_id) THEN
        RAISE EXCEPTION 'no attempt is left' USING ERRCODE = 'check_violation', CONSTRAINT = 'training_attempts_are_bounded';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER training_attempts_are_bounded BEFORE INSERT ON annotation_trainingattempt
    FOR EACH ROW EXECUTE FUNCTION annotation_guard_attempt();
"""
UNBOUNDED = """
DROP TRIGGER training_attempts_are_bounded ON annotation_trainingattempt;
DROP FUNCTION annotation_guard_attempt();
"""


class Migration(migrations.Migration):
    """What annotators train with before their first page of a campaign, and how they did."""

    dependencies = [
        ("annotation", "0021_gold_endings"),
        ("hierarchy", "0008_appeals_and_crowds"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Training",
            fields=[
                (
                    "campaign",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="training",
                        serialize=False,
                        to="annotation.campaign",
                    ),
                ),
                ("active", models.BooleanField(default=True)),
                (
                    "passing_mark",
                    models.SmallIntegerField(default=80, help_text="per cent of an attempt's items that must be right"),
                ),
                (
                    "attempts",
                    models.SmallIntegerField(default=3, help_text="that everybody has, besides those granted"),
                ),
                ("quiz_items", models.SmallIntegerField(default=3, help_text="questions on definitions in an attempt")),
                ("practice_items", models.SmallIntegerField(default=7, help_text="pictures in an attempt")),
                ("changed_at", models.DateTimeField()),
                (
                    "changed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("passing_mark__gte", 1), ("passing_mark__lte", 100)),
                        name="training_passing_mark_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("attempts__gte", 1), ("attempts__lte", 20)), name="training_attempts_range"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("practice_items__gte", 0),
                            ("practice_items__lte", 40),
                            ("quiz_items__gte", 0),
                            ("quiz_items__lte", 20),
                            models.Q(("quiz_items__gte", 1), ("practice_items__gte", 1), _connector="OR"),
                        ),
                        name="training_items_range",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TrainingAttempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.SmallIntegerField()),
                ("items", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                (
                    "answers",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.SmallIntegerField(), blank=True, default=list, size=None
                    ),
                ),
                ("mark", models.SmallIntegerField(help_text="the passing mark when it began")),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("score", models.SmallIntegerField(blank=True, help_text="per cent", null=True)),
                ("passed", models.BooleanField(default=False)),
                (
                    "annotator",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="training_attempts",
                        to="annotation.annotator",
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="annotation.campaign",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("passed", True)), fields=["annotator", "campaign"], name="training_passed"
                    ),
                    models.Index(fields=["campaign", "-id"], name="training_attempt_of_campaign"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("annotator", "campaign", "number"), name="training_attempt_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("finished_at__isnull", True)),
                        fields=("annotator", "campaign"),
                        name="training_attempt_one_open",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.expressions.RawSQL(
                            "number >= 1 AND cardinality(items) BETWEEN 1 AND 60 AND cardinality(answers) <= cardinality(items)\n                       AND (finished_at IS NULL OR cardinality(answers) = cardinality(items))",
                            (),
                            output_field=models.BooleanField(),
                        ),
                        name="training_attempt_answers_its_items",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at", None), ("passed", False), ("score", None)),
                            models.Q(
                                ("finished_at__isnull", False),
                                ("passed", False),
                                ("score__gte", 0),
                                ("score__isnull", False),
                                ("score__lte", 100),
                            ),
                            models.Q(
                                ("finished_at__isnull", False),
                                ("passed", True),
                                ("score__gte", models.F("mark")),
                                ("score__isnull", False),
                                ("score__lte", 100),
                            ),
                            _connector="OR",
                        ),
                        name="training_attempt_finished_is_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TrainingGrant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("granted_at", models.DateTimeField()),
                (
                    "annotator",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="annotation.annotator",
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="annotation.campaign",
                    ),
                ),
                (
                    "granted_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["annotator", "campaign"], name="training_grant_of")],
            },
        ),
        migrations.CreateModel(
            name="TrainingItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("GLOSS", "its definition"), ("NOTES", "what it includes"), ("PRACTICE", "a picture")],
                        max_length=8,
                    ),
                ),
                (
                    "choices",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), blank=True, default=list, size=None
                    ),
                ),
                ("correct", models.SmallIntegerField()),
                ("explanation", models.TextField(blank=True)),
                ("added_at", models.DateTimeField()),
                ("dropped_at", models.DateTimeField(blank=True, null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="training_items",
                        to="annotation.campaign",
                    ),
                ),
                (
                    "image",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="hierarchy.image",
                    ),
                ),
                (
                    "shows",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="hierarchy.synset",
                    ),
                ),
                (
                    "synset",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="hierarchy.synset",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "PRACTICE")),
                        fields=("campaign", "synset", "image"),
                        name="training_item_picture_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind__in", ["GLOSS", "NOTES"])),
                        fields=("campaign", "synset", "kind"),
                        name="training_item_quiz_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("choices__len", 0),
                                ("correct__gte", 0),
                                ("correct__lte", 1),
                                ("image__isnull", False),
                                ("kind", "PRACTICE"),
                            ),
                            models.Q(
                                ("choices__len__gte", 2),
                                ("choices__len__lte", 6),
                                ("correct__gte", 0),
                                ("correct__lte", 5),
                                ("image", None),
                                ("kind__in", ["GLOSS", "NOTES"]),
                                ("shows", None),
                            ),
                            _connector="OR",
                        ),
                        name="training_item_of_its_kind",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.expressions.RawSQL(
                            "kind = 'PRACTICE' OR correct < cardinality(choices)",
                            (),
                            output_field=models.BooleanField(),
                        ),
                        name="training_item_correct_is_a_choice",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.expressions.RawSQL(
                            "char_length(explanation) <= 1000", (), output_field=models.BooleanField()
                        ),
                        name="training_item_explanation_length",
                    ),
                ],
            },
        ),
        migrations.RunSQL(BOUNDED, UNBOUNDED),
    ]
