import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

IMMUTABLE = """
CREATE FUNCTION annotation_guard_notes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.created_by_id IS NULL
       AND (to_jsonb(NEW) - 'created_by_id') = (to_jsonb(OLD) - 'created_by_id') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'notes do not change; add a version' USING ERRCODE = 'check_violation', CONSTRAINT = 'synset_notes_are_immutable';
END $$;
CREATE TRIGGER synset_notes_are_immutable BEFORE UPDATE OR DELETE ON annotation_synsetnotes
    FOR EACH ROW EXECUTE FUNCTION annotation_guard_notes();
"""
CHANGEABLE = """
DROP TRIGGER synset_notes_are_immutable ON annotation_synsetnotes;
DROP FUNCTION annotation_guard_notes();
"""


class Migration(migrations.Migration):
    """What curators say a synset includes and does not."""

    dependencies = [
        ("annotation", "0016_flags"),
        ("hierarchy", "0007_more_audit_actions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SynsetNotes",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.IntegerField()),
                ("includes", models.TextField(blank=True)),
                ("excludes", models.TextField(blank=True)),
                ("created_at", models.DateTimeField()),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                    models.UniqueConstraint(fields=("synset", "version"), name="synset_notes_version_once"),
                    models.CheckConstraint(
                        condition=models.Q(("version__gte", 1)), name="synset_notes_version_from_one"
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.expressions.RawSQL(
                            "char_length(includes) <= 2000 AND char_length(excludes) <= 2000",
                            (),
                            output_field=models.BooleanField(),
                        ),
                        name="synset_notes_length",
                    ),
                ],
            },
        ),
        migrations.RunSQL(IMMUTABLE, CHANGEABLE),
    ]
