"""Writes votes to files. Pure: no Django, no database."""
