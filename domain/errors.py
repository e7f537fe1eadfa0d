"""The one error that a user can fix: where it is, what was found, what to do."""

from __future__ import annotations


class UserError(Exception):
    """Something the user caused and can fix; the command prints it as one line and exits non-zero.

    ``place`` names a recipe path, a file and line, or an option; ``found`` says what is there;
    ``fix`` says what to do. Anything else that reaches the user is a defect of Shoptalk.
    """

    def __init__(self, place: str, found: str, fix: str) -> None:
        self.place, self.found, self.fix = place, found, fix
        super().__init__(place, found, fix)

    def __str__(self) -> str:
        return f"{self.place}: {self.found}. Fix: {self.fix}."

    def __reduce__(self) -> tuple[type[UserError], tuple[str, str, str]]:
        """Survive the trip back from a worker process."""
        return type(self), (self.place, self.found, self.fix)
