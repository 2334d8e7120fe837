"""Tells an operator how far a command has come."""

import time

from django.core.management.base import OutputWrapper

TERMINAL_SECONDS = 0.2
LOG_SECONDS = 10.0
ERASE_LINE = "\r\x1b[K"


class ProgressLine:
    """One line that is rewritten on a terminal; anywhere else, a new line at a time, and more rarely."""

    def __init__(self, stream: OutputWrapper) -> None:
        self.stream = stream
        self.is_terminal = stream.isatty()
        self.shown_at: float | None = None

    def show(self, text: str) -> None:
        """Show the text at once."""
        self.shown_at = time.monotonic()
        self._write(f"{ERASE_LINE}{text}" if self.is_terminal else f"{text}\n")

    def show_sometimes(self, text: str) -> None:
        """Show the text unless something was shown a moment ago."""
        interval = TERMINAL_SECONDS if self.is_terminal else LOG_SECONDS
        if self.shown_at is None or time.monotonic() - self.shown_at >= interval:
            self.show(text)

    def clear(self) -> None:
        """Make room for the result."""
        if self.is_terminal:
            self._write(ERASE_LINE)

    def _write(self, text: str) -> None:
        self.stream.write(text, style_func=str, ending="")  # not in the red of errors, and without Django's line ends
        self.stream.flush()
