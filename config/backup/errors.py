class BackupError(Exception):
    """A backup cannot be made, or cannot be restored; the message names the place."""
