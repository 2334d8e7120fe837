from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from hierarchy.models.checks import IS_SHA256


class SynsetQuerySet(models.QuerySet["Synset"]):
    def below(self, synset_id: int, *, instances: bool) -> "SynsetQuerySet":
        """The synset itself and all its descendants; `instances` adds those reached by instance links."""
        pairs = Closure.objects.filter(ancestor_id=synset_id)
        if not instances:
            pairs = pairs.filter(instance=False)
        return self.filter(pk__in=pairs.values("descendant_id"))

    def children_of(self, synset_id: int) -> "SynsetQuerySet":
        return self.filter(parent_links__parent_id=synset_id)


class Synset(models.Model):
    """A noun synset of WordNet 3.0. Its key is the offset, the number in the wnid."""

    class Safety(models.TextChoices):
        UNSET = "UNSET", _("unset")
        SAFE = "SAFE", _("safe")
        SENSITIVE = "SENSITIVE", _("sensitive")
        OFFENSIVE = "OFFENSIVE", _("offensive")

    id = models.IntegerField(primary_key=True)
    wnid = models.CharField(max_length=9, unique=True)
    words = ArrayField(models.TextField())
    gloss = models.TextField()
    safety = models.CharField(max_length=9, choices=Safety.choices, default=Safety.UNSET)

    objects = SynsetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="synset_wnid_matches_id",
                condition=Q(wnid=RawSQL("'n' || lpad(id::text, 8, '0')", ())),
            ),
            models.CheckConstraint(name="synset_has_words", condition=Q(words__len__gt=0)),
            models.CheckConstraint(
                name="synset_safety_known", condition=Q(safety__in=["UNSET", "SAFE", "SENSITIVE", "OFFENSIVE"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.wnid} {self.words[0]}"

    @property
    def name(self) -> str:
        """All words, as people read them."""
        return ", ".join(self.words)


class SynsetWord(models.Model):
    """One word of a synset in lower case, for search; position 0 is the synset's first word. Derived, as the closure."""

    synset = models.ForeignKey(Synset, on_delete=models.CASCADE, related_name="search_words", db_constraint=False)
    position = models.SmallIntegerField()
    word = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="synset_word_position_once", fields=["synset", "position"]),
            models.CheckConstraint(name="synset_word_lower_case", condition=Q(word=RawSQL("lower(word)", ()))),
        ]
        indexes = [
            models.Index(name="synset_word_prefix", fields=["word"], opclasses=["text_pattern_ops"]),
            GinIndex(name="synset_word_trigrams", fields=["word"], opclasses=["gin_trgm_ops"]),
        ]

    def __str__(self) -> str:
        return self.word


class ParentLink(models.Model):
    """child -> parent. `instance` marks WordNet's instance hypernyms (Einstein is an instance of physicist)."""

    child = models.ForeignKey(Synset, on_delete=models.CASCADE, related_name="parent_links")
    parent = models.ForeignKey(Synset, on_delete=models.CASCADE, related_name="child_links")
    instance = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="parent_link_once", fields=["child", "parent"]),
            models.CheckConstraint(name="parent_link_not_to_itself", condition=~Q(child=F("parent"))),
        ]

    def __str__(self) -> str:
        return f"{self.child_id} -> {self.parent_id}"


class Closure(models.Model):
    """Every (ancestor, descendant) pair, each synset with itself at distance 0.

    `instance` says that every path takes an instance link; `distance` is the shortest path over ordinary links
    where there is one, over all links otherwise. Derived from the links and written by their import alone: checking
    1.6 million references one by one would take longer than all else in it, so verify_integrity checks them instead.
    """

    pk = models.CompositePrimaryKey("descendant_id", "ancestor_id")
    ancestor = models.ForeignKey(
        Synset, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    descendant = models.ForeignKey(
        Synset, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    distance = models.SmallIntegerField()
    instance = models.BooleanField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="closure_distance_zero_is_itself",
                condition=Q(distance=0, ancestor=F("descendant")) | (Q(distance__gt=0) & ~Q(ancestor=F("descendant"))),
            )
        ]
        indexes = [
            models.Index(name="closure_subtree", fields=["ancestor", "distance", "descendant"], include=["instance"])
        ]

    def __str__(self) -> str:
        return f"{self.descendant_id} under {self.ancestor_id} at {self.distance}"


class WordNetImport(models.Model):
    """One finished import of a noun file; the newest row says what the tables hold."""

    sha256 = models.BinaryField(max_length=32)
    synsets = models.IntegerField()
    parent_links = models.IntegerField()
    instance_links = models.IntegerField()
    imported_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="wordnet_import_sha256_length", condition=IS_SHA256),
        ]

    def __str__(self) -> str:
        return f"{self.synsets} synsets at {self.imported_at:%Y-%m-%d %H:%M}"
