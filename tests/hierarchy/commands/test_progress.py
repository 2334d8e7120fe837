from io import StringIO

from django.core.management.base import OutputWrapper

from hierarchy.management.progress import ERASE_LINE, ProgressLine


class Terminal(StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_one_line_that_is_rewritten():
    stream = Terminal()
    progress = ProgressLine(OutputWrapper(stream))

    progress.show("half")
    progress.show("whole")
    progress.clear()

    assert stream.getvalue() == f"{ERASE_LINE}half{ERASE_LINE}whole{ERASE_LINE}"


def test_a_log_gets_lines_without_control_characters():
    stream = StringIO()
    progress = ProgressLine(OutputWrapper(stream))

    progress.show("half")
    progress.show("whole")
    progress.clear()

    assert stream.getvalue() == "half\nwhole\n"


def test_what_comes_too_soon_is_left_out():
    stream = StringIO()
    progress = ProgressLine(OutputWrapper(stream))

    progress.show_sometimes("first")
    progress.show_sometimes("second")

    assert stream.getvalue() == "first\n"
