"""The one error that a user can mend: where it is, what was found, what to do."""

from __future__ import annotations


class Refusal(Exception):
    """Something the user caused and can mend; the command prints it as one line and exits non-zero.

    ``place`` names a recipe path, a file and line, or an option; ``found`` says what is there;
    ``mend`` says what to do. Anything else that reaches the user is a defect of Shoptalk.
    """

    def __init__(self, place: str, found: str, mend: str) -> None:
        self.place, self.found, self.mend = place, found, mend
        super().__init__(place, found, mend)

    def __str__(self) -> str:
        return f"{self.place}: {self.found}. Mend: {self.mend}."

    def __reduce__(self) -> tuple[type[Refusal], tuple[str, str, str]]:
        """Survive the trip back from a worker process."""
        return type(self), (self.place, self.found, self.mend)
