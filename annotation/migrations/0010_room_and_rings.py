import django.db.models.expressions
import django.db.models.lookups
from django.db import migrations, models


class Migration(migrations.Migration):
    """Indexes hold whether a question has room, not how much, so that most leases and votes write none of them."""
    dependencies = [
        ("annotation", "0009_rescored_ranges"),
        ("hierarchy", "0003_candidate_prior"),
    ]

    operations = [
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
    ]
