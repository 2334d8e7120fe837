"""Texts of Django's that Django REST framework's catalogues put otherwise, and less politely, for pages too: ours decide."""

from django.utils.translation import gettext_noop

BORROWED = (
    gettext_noop("Enter a valid email address."),
    gettext_noop("Enter a valid URL."),
)
