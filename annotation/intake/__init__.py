"""Reads files of votes and of gold. Pure: no Django, no database."""
