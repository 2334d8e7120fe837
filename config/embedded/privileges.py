"""How to run PostgreSQL's programs, which refuse to run as root, when this user is root."""

import functools
import os
import subprocess
from dataclasses import dataclass

from config.embedded.process import StartError

NOBODY = 65534
IN_NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")
# Where user namespaces are refused: another user, who may still reach a checkout inside a private folder such as /root.
# setpriv has to set the death signal again, because changing the user clears it.
AS_NOBODY = (
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--inh-caps=-all,+dac_override",
    "--ambient-caps=-all,+dac_override",
    "--bounding-set=-all,+dac_override",
    "--pdeathsig=INT",
    "--",
)


@dataclass(frozen=True)
class Guise:
    """Who a program runs as: what stands before its arguments, and the number of the user who must own its data."""

    prefix: tuple[str, ...]
    owner: int


@functools.cache
def choose_guise(program: str) -> Guise:
    """The first way in which `program --version` runs as somebody else than root. Raises StartError when none does."""
    user = os.geteuid()
    if user != 0:
        return Guise(prefix=(), owner=user)
    for guise in (Guise(prefix=IN_NAMESPACE, owner=user), Guise(prefix=AS_NOBODY, owner=NOBODY)):
        if _can_run((*guise.prefix, program, "--version")):
            return guise
    raise StartError(
        f"{program} refuses to run as root, and neither `unshare --user` nor `setpriv` is allowed here: "
        "run as an ordinary user, or set DATABASE_URL."
    )


def _can_run(arguments: tuple[str, ...]) -> bool:
    try:
        return subprocess.run(arguments, cwd="/", capture_output=True, check=False).returncode == 0
    except OSError:
        return False
