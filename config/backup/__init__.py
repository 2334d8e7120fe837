"""Backup and restore of the whole service: its database, its pictures, its releases."""
