"""The one exception that means: the user can mend this. The command line shows it as one line, status 2."""


class UserError(ValueError):
    """Wrong use or unreadable input. The message names the offender, what was expected and what came."""


def one_line(error: BaseException) -> str:
    """An exception as a single line, its type first, fit for a table's footnote."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
