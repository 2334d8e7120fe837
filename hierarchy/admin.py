"""The hierarchy to look at: it changes through actions only."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from hierarchy.models import AuditEntry, Candidate, Image, Label, Release, ReleaseFile, Synset, WordNetImport


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Synset)
class SynsetAdmin(ReadOnlyAdmin):
    list_display = ("wnid", "name", "safety")
    list_filter = ("safety",)
    search_fields = ("wnid", "search_words__word")


@admin.register(Image)
class ImageAdmin(ReadOnlyAdmin):
    list_display = ("sha256_hex", "source", "author", "licence", "imported_at")
    search_fields = ("source", "author")


@admin.register(Candidate)
class CandidateAdmin(ReadOnlyAdmin):
    list_display = ("id", "image", "synset", "collected_at")
    list_select_related = ("image", "synset")
    search_fields = ("synset__wnid",)


@admin.register(Label)
class LabelAdmin(ReadOnlyAdmin):
    list_display = ("id", "candidate", "verdict", "probability", "source", "source_ref", "at", "superseded_at")
    list_select_related = ("candidate",)
    list_filter = ("verdict", "source")
    search_fields = ("synset__wnid",)


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    list_display = ("name", "state", "frozen_at", "published_at")


@admin.register(ReleaseFile)
class ReleaseFileAdmin(ReadOnlyAdmin):
    list_display = ("name", "release", "rows", "size")
    list_select_related = ("release",)


@admin.register(WordNetImport)
class WordNetImportAdmin(ReadOnlyAdmin):
    list_display = ("imported_at", "synsets", "parent_links", "instance_links")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("number", "at", "actor", "action", "subject", "detail")
    list_filter = ("action",)
    search_fields = ("=subject",)
    ordering = ("-number",)
