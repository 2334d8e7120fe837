"""The database backend of settings.DATABASES, where Django looks for the class `DatabaseWrapper`."""

import select

from django.conf import settings
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
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
