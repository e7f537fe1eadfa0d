"""The one error that a user can fix: where it is, what the problem is, how to fix it; and other errors in a line."""

from __future__ import annotations

from domain.url_secrets import shown


class UserError(Exception):
    """Something the user caused and can fix; the command prints it as one line and exits non-zero.

    ``place`` names a recipe path, a file and line, or an option; ``problem`` says what is
    wrong there; ``fix`` says how to correct it. Anything else that reaches the user is a bug in Shoptalk. Secrets of
    addresses in them are hidden.
    """

    def __init__(self, place: str, problem: str, fix: str) -> None:
        self.place, self.problem, self.fix = shown(place), shown(problem), shown(fix)
        super().__init__(self.place, self.problem, self.fix)

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}. Fix: {self.fix}."

    def __reduce__(self) -> tuple[type[UserError], tuple[str, str, str]]:
        """Survive the trip back from a worker process."""
        return type(self), (self.place, self.problem, self.fix)


def first_line(error: BaseException) -> str:
    """The first line of an error's message that says something; the type's name if there is none."""
    lines = (line.strip() for line in str(error).splitlines())
    return next(filter(None, lines), type(error).__name__)
