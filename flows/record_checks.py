"""Reads the record of a run or a release, and refuses one of other types, also in what is shown of its stages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NotRequired, cast

from pydantic import AfterValidator, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from domain.advice import described
from domain.errors import UserError
from domain.jsonfile import JSONFileError, read_json
from domain.release.scores import PartScore
from flows.records import ReleaseContent, RunContent, Stages


class EarlierFacts(TypedDict):
    """What is shown of a corpus beside the one before it: documents."""

    remembered: int
    edited: int
    gone: int
    drawn: dict[str, int]


class LossFacts(TypedDict):
    """What is shown of a source that lost much to one step."""

    part: str
    source: str
    stage: str
    documents: int
    share: float
    reasons: dict[str, int]


class CurationFacts(TypedDict):
    """What is shown of a corpus."""

    documents_in: int
    documents_out: int
    bytes_in: float
    bytes_out: float
    dropped: dict[str, int]
    earlier: NotRequired[EarlierFacts]
    losses: NotRequired[list[LossFacts]]


class TokenizerFacts(TypedDict):
    """What is shown of a tokenizer."""

    size: int
    bytes_per_token: dict[str, float | None]


class DecisionFacts(TypedDict):
    """What is shown of a decision."""

    released: bool
    reasons: list[str]


class ReleaseFacts(TypedDict):
    """What is shown of a release."""

    prompt: str


def scored(content: dict[str, Any]) -> dict[str, Any]:
    """A part's score; raises ``ValueError`` if it is malformed."""
    try:
        PartScore.from_dict(content)
    except (KeyError, TypeError) as error:
        raise ValueError(f"is not a score ({error})") from None
    return content


PartFacts = Annotated[dict[str, Any], AfterValidator(scored)]


class ScorecardFacts(TypedDict):
    """What is shown of a scorecard."""

    domain: PartFacts
    general: PartFacts


FACTS: Mapping[str, TypeAdapter[Any]] = {
    "curate": TypeAdapter(CurationFacts),
    "tokenizer": TypeAdapter(TokenizerFacts),
    "evaluate": TypeAdapter(ScorecardFacts),
    "decide": TypeAdapter(DecisionFacts),
    "release": TypeAdapter(ReleaseFacts),
}
RUN, RELEASE = TypeAdapter(RunContent), TypeAdapter(ReleaseContent)


def read_run(path: Path) -> RunContent:
    """The record of a run. Raises ``UserError`` if it is malformed, ``FileNotFoundError`` if it does not exist."""
    return cast(RunContent, checked(path, RUN))


def read_release(path: Path) -> ReleaseContent:
    """The record of a release; raises as ``read_run`` and ``check_facts`` do, and for one without scores."""
    content = cast(ReleaseContent, checked(path, RELEASE))
    check_facts(path, content["stages"])
    if missing := {"evaluate", "release"} - content["stages"].keys():
        raise refusal(path, f"has no stage {min(missing)}")
    return content


def checked(path: Path, kind: TypeAdapter[Any]) -> object:
    """The content of a record, as it was written."""
    try:
        content = read_json(path)
        kind.validate_python(content, strict=True)
    except FileNotFoundError:
        raise
    except ValidationError as error:
        raise refusal(path, described(error)) from None
    except (OSError, JSONFileError) as error:
        raise refusal(path, str(error)) from None
    return content


def check_facts(path: Path, stages: Stages) -> None:
    """Raise ``UserError`` where what is shown of a stage in a record has another type, or is not there."""
    for label, stage in stages.items():
        try:
            if label in FACTS:
                FACTS[label].validate_python(stage["facts"], strict=True)
        except ValidationError as error:
            raise refusal(path, f"stages.{label}.facts.{described(error)}") from None


def refusal(path: Path, reason: str) -> UserError:
    """The error of a record that cannot be used."""
    return UserError(str(path), f"cannot be read ({reason[:200]})", "remove it, then run its recipe again")
