import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Campaigns can be opened to external crowds."""

    dependencies = [
        ("annotation", "0023_circles"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Assignment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reference", models.CharField(help_text="the provider's id", max_length=64)),
                ("begun_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "annotator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="annotation.annotator",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AssignmentPage",
            fields=[
                (
                    "batch",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="assignment_page",
                        serialize=False,
                        to="annotation.batch",
                    ),
                ),
                (
                    "assignment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="pages", to="annotation.assignment"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Crowd",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "provider",
                    models.CharField(choices=[("MTURK", "Mechanical Turk"), ("PROLIFIC", "Prolific")], max_length=8),
                ),
                ("token", models.CharField(max_length=43, unique=True)),
                ("pages", models.SmallIntegerField(help_text="pages of pictures in one assignment")),
                (
                    "sandbox",
                    models.BooleanField(default=False, help_text="Mechanical Turk's sandbox, where nobody is paid"),
                ),
                ("completion_code", models.CharField(blank=True, help_text="Prolific's", max_length=20)),
                ("opened_at", models.DateTimeField()),
                ("open_until", models.DateTimeField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="crowds", to="annotation.campaign"
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="assignment",
            name="crowd",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="assignments", to="annotation.crowd"
            ),
        ),
        migrations.CreateModel(
            name="CrowdWorker",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "provider",
                    models.CharField(choices=[("MTURK", "Mechanical Turk"), ("PROLIFIC", "Prolific")], max_length=8),
                ),
                ("worker_sha256", models.BinaryField(max_length=32)),
                (
                    "annotator",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="crowd_worker",
                        to="annotation.annotator",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="crowd",
            constraint=models.CheckConstraint(
                condition=models.Q(("pages__gte", 1), ("pages__lte", 100)), name="crowd_pages_range"
            ),
        ),
        migrations.AddConstraint(
            model_name="crowd",
            constraint=models.CheckConstraint(
                condition=models.Q(("token__regex", "^[A-Za-z0-9_-]{43}$")), name="crowd_token_is_secret"
            ),
        ),
        migrations.AddConstraint(
            model_name="crowd",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("completion_code", ""), ("provider", "MTURK")),
                    models.Q(
                        ("provider", "PROLIFIC"), ("sandbox", False), models.Q(("completion_code", ""), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="crowd_provider_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="crowd",
            constraint=models.CheckConstraint(
                condition=models.Q(("open_until__gt", models.F("opened_at"))), name="crowd_open_until_after"
            ),
        ),
        migrations.AddConstraint(
            model_name="crowd",
            constraint=models.CheckConstraint(
                condition=models.Q(("closed_at", None), ("closed_at__gte", models.F("opened_at")), _connector="OR"),
                name="crowd_closed_after",
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.UniqueConstraint(fields=("crowd", "reference"), name="assignment_once"),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=models.Q(("reference", ""), _negated=True), name="assignment_has_reference"
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=models.Q(("finished_at", None), ("finished_at__gte", models.F("begun_at")), _connector="OR"),
                name="assignment_finished_after",
            ),
        ),
        migrations.AddConstraint(
            model_name="crowdworker",
            constraint=models.UniqueConstraint(fields=("provider", "worker_sha256"), name="crowd_worker_once"),
        ),
        migrations.AddConstraint(
            model_name="crowdworker",
            constraint=models.CheckConstraint(
                condition=django.db.models.expressions.RawSQL(
                    "octet_length(worker_sha256) = 32", (), output_field=models.BooleanField()
                ),
                name="crowd_worker_sha256_length",
            ),
        ),
    ]
