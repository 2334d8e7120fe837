from django.core.management.base import CommandError

from hierarchy.errors import DomainError, InvalidInput


def describe_refusal(error: DomainError) -> CommandError:
    """What a command says where an action refused: each bad place on a line of its own."""
    if isinstance(error, InvalidInput):
        return CommandError("\n".join(f"{place}: {problem}" for place, problem in error.fields.items()))
    return CommandError(error.detail)
