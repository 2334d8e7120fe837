"""The database backend of settings.DATABASES, where Django looks for the class `DatabaseWrapper`."""

import select
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base
from psycopg2.extensions import cursor
from psycopg2.sql import Composable

from config.trace import find_trace


class TracedCursor(cursor):  # type: ignore[misc]  # psycopg2 has no types
    """Every statement begins with a comment that names the request it belongs to, where there is one, so that pg_stat_activity and the
    server's log show it. Below Django's own cursors, so that COPY carries it as well and what Django counts and tells stays the same."""

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 (psycopg2's name)
        super().execute(self._trace(query), vars)

    def executemany(self, query: Any, vars_list: Sequence[Any]) -> None:
        super().executemany(self._trace(query), vars_list)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        super().copy_expert(self._trace(sql), file, size)

    def _trace(self, query: Any) -> Any:
        request_id = find_trace().request_id
        if not request_id:
            return query
        # Letters, digits and hyphens: nothing that could end the comment or be a placeholder.
        comment = f"/*request={request_id}*/ "
        if isinstance(query, bytes):
            return comment.encode() + query
        return comment + (query.as_string(self) if isinstance(query, Composable) else query)


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        return {**super().get_connection_params(), "cursor_factory": TracedCursor}

    def is_usable(self) -> bool:
        """Whether the server has not hung up on an idle connection.

        Between two requests a server has nothing to say but farewell, and that can be seen without asking it, which every request
        would pay for. Behind a pooler, which answers for servers that are gone, it is asked.
        """
        if not settings.PREPARED_STATEMENTS:
            return super().is_usable()
        if self.connection is None or self.connection.closed:
            return False
        waiting = select.poll()
        waiting.register(self.connection.fileno(), select.POLLIN)
        return not waiting.poll(0)
