import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """What annotators may know of their accuracy."""

    dependencies = [
        ("annotation", "0018_bars"),
    ]

    operations = [
        migrations.CreateModel(
            name="Accuracy",
            fields=[
                (
                    "annotator",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="accuracy",
                        serialize=False,
                        to="annotation.annotator",
                    ),
                ),
                ("percent", models.SmallIntegerField(help_text="right, of answers yes or no")),
                ("found_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "accuracies",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(percent__in=list(range(0, 101, 5))), name="accuracy_in_steps"
                    )
                ],
            },
        ),
    ]
