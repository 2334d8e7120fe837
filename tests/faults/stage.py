"""A service whose servers the test has in its own hands, with proxies between it, them and its clients."""

import csv
import dataclasses
import json
import os
import signal
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import psycopg2

from config.embedded.folders import make_private_folder, place_sockets
from config.embedded.postgres import APP, DATABASE, app_url, owner_url, start_postgres
from config.embedded.valkey import redis_url, start_valkey
from tests.faults.crowd import Load, Pace
from tests.faults.proxy import Proxy
from tests.functional.pictures import COLUMNS, NOUNS, draw_candidates, read_truths
from tests.functional.service import CHECKOUT, RESTART_SECONDS, Service, find_free_port, wait_until

# Each asks about the same pictures.
WNIDS = ("n00015388", "n02120997", "n02124623", "n02075296", "n01861778", "n08524735")
PICTURES = 40
ANNOTATORS = 8
CROWD = 50
SWEEP_SECONDS = 5
INTERVALS = {"SWEEP_SECONDS": str(SWEEP_SECONDS), "VISIBILITY_SECONDS": "10"}
POLICY = "vote_cap=5,page_size=4,lease_seconds=15,gold_rate=0"
SOCKET = ".s.PGSQL.5432"


class Stage:
    """A context. PostgreSQL and Valkey are children of this process; web, workers and beat are kept running by their supervisor."""

    def __init__(self, folder: Path, *, checkout: Path = CHECKOUT, variables: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.checkout = checkout
        self.variables = dict(variables or {})
        self.tokens: list[str] = []
        self.truths: dict[tuple[str, str], str] = {}
        self.polite = False
        self._campaigns = 0

    def __enter__(self) -> "Stage":
        self._opened = ExitStack()
        try:
            self._start_servers()
            self._start_proxies()
            self.service = self._make_service()
            self.start_service()
            self._start_web_proxy()
        except BaseException:
            self._opened.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _start_servers(self) -> None:
        self.postgres = start_postgres(home=self.folder / "postgres")
        self._opened.callback(lambda: self.postgres.stop())
        self.valkey = start_valkey(home=self.folder / "valkey")
        self._opened.callback(lambda: self.valkey.stop())

    def _start_proxies(self) -> None:
        sockets = make_private_folder(place_sockets(self.folder / "proxy"))
        self.database_proxy = Proxy(
            listen=sockets / SOCKET, server=place_sockets((self.folder / "postgres").resolve()) / SOCKET
        )
        self.redis_proxy = Proxy(
            listen=sockets / "redis", server=Path(redis_url(home=self.folder / "valkey").removeprefix("unix://"))
        )
        self.proxied = {
            "DATABASE_URL": f"postgres://{APP}@{quote(str(sockets), safe='')}:5432/{DATABASE}",
            "DATABASE_OWNER_URL": owner_url(home=self.folder / "postgres"),
            "REDIS_URL": f"unix://{sockets / 'redis'}",
        }
        for proxy in (self.database_proxy, self.redis_proxy):
            self._opened.callback(proxy.close)

    def _make_service(self) -> Service:
        folder = make_private_folder(self.folder / "service")
        return Service(folder, checkout=self.checkout, variables={**INTERVALS, **self.proxied, **self.variables})

    def start_service(self, **variables: str) -> None:
        """Web, workers and beat, with these variables besides."""
        self.service.variables = {**INTERVALS, **self.proxied, **self.variables, **variables}
        self.service.start()
        self._stopping = self._opened.enter_context(ExitStack())
        self._stopping.callback(self.service.stop)
        # What the test asks itself goes past the proxies.
        self.service.environment |= {
            "DATABASE_URL": app_url(home=self.folder / "postgres"),
            "REDIS_URL": redis_url(home=self.folder / "valkey"),
        }

    def _start_web_proxy(self) -> None:
        """It stays when the service is started again."""
        port = find_free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.web_proxy = Proxy(listen=("127.0.0.1", port), server=("127.0.0.1", self.service.port))
        self._opened.callback(self.web_proxy.close)

    def stop_service(self) -> None:
        self._stopping.close()

    def migrate(self, checkout: Path) -> None:
        """By the code there, as the owner of the tables; whatever runs goes on."""
        self.service.checkout = checkout
        owner = {"DATABASE_URL": owner_url(home=self.folder / "postgres"), "STATEMENT_TIMEOUT_SECONDS": "600"}
        usual, self.service.environment = self.service.environment, {**self.service.environment, **owner}
        self.service.manage("migrate", "--noinput", "--skip-checks")
        self.service.environment = usual

    def prepare(self) -> None:
        """The hierarchy, pictures and people that all campaigns share."""
        self.service.manage("import_wordnet", NOUNS / "data.noun")
        manifest = _propose(draw_candidates(self.folder / "pictures", wnids=WNIDS[:1], each=PICTURES))
        self.truths = read_truths(manifest)
        self.tokens = json.loads(self.service.run("-m", "tests.faults.prepare", "people", manifest, CROWD))

    def open_campaign(self, *, policy: str = POLICY, synsets: int = len(WNIDS), pace: Pace, annotators: int) -> Load:
        """A new campaign over the pictures; the one before is closed."""
        self._campaigns += 1
        pace = dataclasses.replace(pace, polite=self.polite)
        name = f"faults-{self._campaigns}"
        self.service.run("-m", "tests.faults.prepare", "open", name, policy, ",".join(WNIDS[:synsets]))
        return Load(self.service, name, self.truths, self.tokens[:annotators], url=self.url, pace=pace)

    def kill(self, name: str) -> None:
        """kill -9 of a server or of web, worker, labeller, beat; back when the service is ready with another in its place."""
        servers = {"postgres": (self.postgres, self.restart_postgres), "valkey": (self.valkey, self.restart_valkey)}
        if name not in servers:
            self.service.wait_for_another(name, than=self.service.kill(name))
            return
        child, restart = servers[name]
        os.kill(child.pid, signal.SIGKILL)
        restart()
        self.wait_until_ready()

    def restart_postgres(self) -> None:
        """When the one before has ended, as a supervisor would."""
        self.postgres.wait(seconds=RESTART_SECONDS)
        self.postgres = start_postgres(home=self.folder / "postgres")

    def restart_valkey(self) -> None:
        """The same."""
        self.valkey.wait(seconds=RESTART_SECONDS)
        self.valkey = start_valkey(home=self.folder / "valkey")

    def signal(self, names: tuple[str, ...], number: signal.Signals) -> None:
        """To each with all that belongs to it."""
        for name in names:
            os.killpg(self.service.processes()[name], number)

    def wait_until_ready(self) -> None:
        wait_until(self.service.is_ready, seconds=RESTART_SECONDS, what="the service is ready")

    def execute_as_owner(self, sql: str, *parameters: object) -> None:
        with psycopg2.connect(owner_url(home=self.folder / "postgres")) as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
        connection.close()


def _propose(manifest: Path) -> Path:
    """The same pictures for all other synsets, too."""
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with manifest.open("a", newline="") as file:
        lines = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        for wnid in WNIDS[1:]:
            for number, row in enumerate(rows):
                shown = (number + len(wnid) * int(wnid[-2:])) % 3 > 0
                truth = {"truth": "YES" if shown else "NO", "truth_wnid": wnid if shown else ""}
                lines.writerow({"sha256": row["sha256"], "wnid": wnid, **truth})
    return manifest
