"""The texts people read: found in the sources, kept by language in locale/, compiled for gettext."""
