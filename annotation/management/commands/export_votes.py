import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.consensus.files import STANDARD_OUTPUT, open_output
from annotation.exports.pseudonyms import draw_key
from annotation.exports.votes import FORMATS, VoteFormat
from annotation.queries.exports import write_votes
from hierarchy.errors import DomainError


class Command(BaseCommand):
    help = "Writes every vote in recorded order, annotators under pseudonyms. A file is there whole or not at all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--campaign", help="the name of one campaign; else the votes of all")
        parser.add_argument("--format", choices=("csv", "jsonl"), default="csv")
        parser.add_argument("--standing", action="store_true", help="without votes that were withdrawn")
        parser.add_argument(
            "--replay",
            action="store_true",
            help="CSV with task,worker,label of the votes that count (not withdrawn, nobody barred) for python -m annotation.consensus.replay"
            " --positive yes --unsure unsure; needs --campaign",
        )
        parser.add_argument(
            "--pseudonyms",
            metavar="KEY",
            help="any words: the same ones name annotators alike in every export; else names are those of this export alone",
        )
        parser.add_argument("--output", type=Path, help="a file to write; else standard output")

    def handle(self, *args: Any, output: Path | None, **options: Any) -> None:
        form = _choose_format(options)
        if options["pseudonyms"] == "":
            raise CommandError("--pseudonyms: must not be empty")
        wanted = {
            "form": form,
            "campaign": options["campaign"],
            "standing": options["standing"],
            "pseudonyms": options["pseudonyms"] or draw_key(),
        }
        try:
            if output is None or output == STANDARD_OUTPUT:
                self._write_to_stdout(wanted)
            else:
                self.stdout.write(f"{_write_file(output, wanted):,} votes written to {output}")
        except DomainError as error:
            raise CommandError(error.detail) from error
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror or error}") from error

    def _write_to_stdout(self, wanted: dict[str, Any]) -> None:
        """A reader that has had enough, as head has, ends the export quietly."""
        try:
            write_votes(output=self.stdout, **wanted)
            self.stdout.flush()
        except BrokenPipeError:
            # Python flushes once more at its end, and would complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())


def _choose_format(options: dict[str, Any]) -> VoteFormat:
    if not options["replay"]:
        return FORMATS[options["format"]]
    if options["format"] != "csv":
        raise CommandError("--replay writes CSV: leave out --format")
    if not options["campaign"]:
        raise CommandError("--replay needs --campaign: another campaign may ask the same annotator the same again")
    return FORMATS["replay"]


def _write_file(path: Path, wanted: dict[str, Any]) -> int:
    with open_output(path) as file:
        return write_votes(output=file, **wanted)
