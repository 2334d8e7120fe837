from django.db import migrations, models


class Migration(migrations.Migration):
    """What an importer says of a candidate before any vote, such as a classifier's score."""

    dependencies = [("hierarchy", "0002_guards")]

    operations = [
        migrations.AddField(
            model_name="candidate",
            name="prior",
            field=models.FloatField(
                blank=True, help_text="probability that the importer gave, before any vote", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="candidate",
            constraint=models.CheckConstraint(
                condition=models.Q(("prior__gt", 0), ("prior__lt", 1)), name="candidate_prior_range"
            ),
        ),
    ]
