"""docker-compose.yml's services as plain processes: the same commands and environments, with embedded servers behind."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from config.embedded.folders import place_sockets
from config.embedded.valkey import redis_url
from tests.functional.service import CHECKOUT, describe_outside, restore_signals

VARIABLE = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")
GIVEN = {
    "SECRET_KEY": "only for the test of the compose file",
    "OWNER_PASSWORD": "owner's",
    "APP_PASSWORD": "the app's",
    "ALLOWED_HOSTS": "localhost",
    "SECURE": "false",
}
STOP_SECONDS = 30


class MissingVariable(Exception):
    """The file asks for a variable that .env must hold."""


def read_compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
    return found


def fill_in(text: str, given: dict[str, str]) -> str:
    """${NAME}, ${NAME:-default} and ${NAME:?message} as compose reads them."""

    def fill(match: re.Match[str]) -> str:
        name, kind, rest = match[1], match[2], match[3]
        if given.get(name):
            return given[name]
        if kind == "?":
            raise MissingVariable(name)
        return rest or ""

    return VARIABLE.sub(fill, text)


def read_dockerfile() -> list[tuple[str, str]]:
    """(instruction, its text) of the last stage, continued lines joined."""
    text = (CHECKOUT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    pairs = [(line[0], line[1]) for line in lines]
    last = max(index for index, (instruction, _) in enumerate(pairs) if instruction == "FROM")
    return pairs[last:]


@dataclass(frozen=True)
class Machine:
    """Where the containers' folders and servers are on this machine."""

    folder: Path
    port: int
    metrics_port: int

    def translate(self, text: str) -> str:
        """A path, port or host of the containers as it is here."""
        sockets = quote(str(place_sockets(self.folder / "postgres")), safe="")
        for there, here in (
            ("@postgres:5432", f"@{sockets}:5432"),
            ("redis://redis:6379", redis_url(home=self.folder / "valkey")),
            ("/srv/", f"{self.folder}/srv/"),
        ):
            text = text.replace(there, here)
        return re.sub(r"\b9464\b", str(self.metrics_port), re.sub(r"\b8000\b", str(self.port), text))

    def environment(self, service: dict[str, Any]) -> dict[str, str]:
        """What the service finds set: the image's variables, then those of the file."""
        image = [text for instruction, text in read_dockerfile() if instruction == "ENV"]
        pairs = dict(part.split("=", 1) for text in image for part in shlex.split(text))
        given = {name: fill_in(str(value), GIVEN) for name, value in service.get("environment", {}).items()}
        found = {name: self.translate(value) for name, value in {**pairs, **given}.items()}
        return {**describe_outside(), **found, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def run(self, command: list[str], service: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.translate(part) for part in command],
            cwd=CHECKOUT,
            env=self.environment(service),
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, name: str, command: list[str], service: dict[str, Any]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [self.translate(part) for part in command],
                cwd=CHECKOUT,
                env=self.environment(service),
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=restore_signals,
            )
