import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.lookups
from django.db import migrations, models

# Whoever still writes waits.
LOCK = "LOCK TABLE annotation_question IN SHARE ROW EXCLUSIVE MODE"
FILL = """
INSERT INTO annotation_duequestions (campaign_id, questions, due_at)
SELECT campaign_id, array_agg(id ORDER BY id), min(due_at)
FROM (SELECT id, campaign_id, due_at, (row_number() OVER (PARTITION BY campaign_id ORDER BY due_at, id) - 1) / 100 AS part
      FROM annotation_question WHERE due_at IS NOT NULL AND NOT is_gold) AS question
GROUP BY campaign_id, part ORDER BY min(due_at);
-- What waits for the end of the transaction would keep the table from being altered.
SET CONSTRAINTS ALL IMMEDIATE;
"""
EMPTY = """
UPDATE annotation_question AS question SET due_at = due.due_at
FROM (SELECT unnest(questions) AS id, min(due_at) AS due_at FROM annotation_duequestions GROUP BY 1) AS due
WHERE question.id = due.id;
SET CONSTRAINTS ALL IMMEDIATE;
"""
# A queue: its rows come and go.
CLEARED_OFTEN = """
ALTER TABLE annotation_duequestions SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)
"""


class Migration(migrations.Migration):
    """Which questions are due stands in a table of its own, and indexes hold whether a question has room, not how much: so most leases
    and votes write the row of a question and none of its indexes."""

    dependencies = [
        ("annotation", "0009_rescored_ranges"),
        ("hierarchy", "0003_candidate_prior"),
    ]

    operations = [
        migrations.CreateModel(
            name="DueQuestions",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "questions",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
                ("due_at", models.DateTimeField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="annotation.campaign",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(LOCK, LOCK),
        migrations.RunSQL(FILL, EMPTY),
        migrations.RunSQL(CLEARED_OFTEN, migrations.RunSQL.noop),
        migrations.RemoveIndex(
            model_name="question",
            name="question_due",
        ),
        migrations.RemoveIndex(
            model_name="question",
            name="question_to_lease",
        ),
        migrations.RemoveIndex(
            model_name="question",
            name="question_gold",
        ),
        migrations.RemoveField(
            model_name="question",
            name="due_at",
        ),
        migrations.RemoveField(
            model_name="question",
            name="room",
        ),
        migrations.AddField(
            model_name="question",
            name="has_room",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.db.models.lookups.GreaterThan(
                    models.F("votes_wanted"),
                    django.db.models.expressions.CombinedExpression(
                        models.F("votes_in_time"), "+", models.Func(models.F("held_until"), function="cardinality")
                    ),
                ),
                output_field=models.BooleanField(),
            ),
        ),
        migrations.AddIndex(
            model_name="question",
            index=models.Index(
                condition=models.Q(
                    ("closed_at__isnull", True), ("has_room", True), ("is_gold", False), ("state", "OPEN")
                ),
                fields=["campaign", "synset", "priority", "lot"],
                name="question_to_lease",
            ),
        ),
        migrations.AddIndex(
            model_name="question",
            index=models.Index(
                condition=models.Q(("is_gold", True)), fields=["campaign", "synset", "lot"], name="question_gold"
            ),
        ),
        migrations.AddIndex(
            model_name="duequestions",
            index=models.Index(fields=["due_at", "id"], name="due_in_turn"),
        ),
        migrations.AddConstraint(
            model_name="duequestions",
            constraint=models.CheckConstraint(
                condition=models.Q(("questions__len__gte", 1), ("questions__len__lte", 100)),
                name="due_questions_number",
            ),
        ),
    ]
