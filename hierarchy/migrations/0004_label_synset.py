import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

# The table is written anew once, with all its indexes; an UPDATE would write each row and its place in each index again.
ADD = """
SET LOCAL statement_timeout = 0;
CREATE FUNCTION hierarchy_synset_of(candidate bigint) RETURNS integer LANGUAGE sql STABLE
    AS 'SELECT synset_id FROM hierarchy_candidate WHERE id = candidate';
ALTER TABLE hierarchy_label ADD COLUMN synset_id integer;
ALTER TABLE hierarchy_label ALTER COLUMN synset_id TYPE integer USING hierarchy_synset_of(candidate_id),
    ALTER COLUMN synset_id SET NOT NULL;
DROP FUNCTION hierarchy_synset_of;
"""

# Django knows no foreign keys of several columns. Questions have had one on the same index where annotation is installed already.
SYNSET_OF_CANDIDATE = """
CREATE UNIQUE INDEX IF NOT EXISTS candidate_with_synset ON hierarchy_candidate (id, synset_id);
ALTER TABLE hierarchy_label ADD CONSTRAINT label_synset_of_candidate FOREIGN KEY (candidate_id, synset_id)
    REFERENCES hierarchy_candidate (id, synset_id) DEFERRABLE INITIALLY DEFERRED;
"""
# The index stays: others may refer to it.
NO_KEY = "ALTER TABLE hierarchy_label DROP CONSTRAINT label_synset_of_candidate"


class Migration(migrations.Migration):
    """Labels carry their candidate's synset, so that the best of a synset are found without looking at all of them."""

    dependencies = [("hierarchy", "0003_candidate_prior")]

    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(ADD, "ALTER TABLE hierarchy_label DROP COLUMN synset_id")],
            [
                migrations.AddField(
                    "label",
                    "synset",
                    models.ForeignKey(
                        to="hierarchy.synset",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        db_index=False,
                        db_constraint=False,
                    ),
                )
            ],
        ),
        migrations.RunSQL(SYNSET_OF_CANDIDATE, NO_KEY),
        # The new key implies the old one.
        migrations.AlterField(
            "label",
            "candidate",
            models.ForeignKey(
                to="hierarchy.candidate",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="labels",
                db_index=False,
                db_constraint=False,
            ),
        ),
        migrations.AddIndex("label", models.Index(fields=["synset", "at", "id"], name="label_of_synset")),
        migrations.AddIndex(
            "label",
            models.Index(
                F("synset"),
                F("probability").desc(),
                F("id"),
                name="label_best",
                condition=Q(verdict="ACCEPTED"),
                include=("at", "superseded_at"),
            ),
        ),
        # Going back, the old key looks at every label.
        migrations.RunSQL(migrations.RunSQL.noop, "SET LOCAL statement_timeout = 0"),
    ]
