"""What an action may answer instead of doing its work. Each door turns the five kinds into its own form once."""

from collections.abc import Mapping


class DomainError(Exception):
    """Base of everything anticipated; `detail` is a sentence for the person who asked."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidInput(DomainError):
    """What was sent cannot be meant; `fields` names each place and what is wrong there."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in fields.items()))
        self.fields = dict(fields)


class NotFound(DomainError):
    """There is no such thing, or none that this person may know of."""


class NotPermitted(DomainError):
    """This person may not do that."""


class Conflict(DomainError):
    """Nobody may do that in the present state."""


class KeyReused(DomainError):
    """The idempotency key was used before with another body."""
