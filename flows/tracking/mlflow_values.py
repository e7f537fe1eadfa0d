"""Names that MLflow takes, one for each key, and batches of which one refused value does not cost the others."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from domain.errors import first_line

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag

logger = logging.getLogger(__name__)

LONGEST_NAME = 250  # characters that MLflow takes
REFUSED = "INVALID_PARAMETER_VALUE"  # MLflow's error code for a name or value that it does not take


def mlflow_name(key: str) -> str:
    """A name for a metric or parameter in the characters that MLflow takes; different keys have different names.

    MLflow refuses names that are no normal path (``a//b``, ``a/./b``, ``/a``). A key that had to be changed ends with
    the first digits of its SHA-256, so that two of them do not fall together.
    """
    characters = "".join(c if c.isalnum() or c in "_-./" else "_" for c in key)
    name = "/".join("_" * max(1, len(step)) if step in ("", ".", "..") else step for step in characters.split("/"))
    if name == key and len(name) <= LONGEST_NAME:
        return name
    mark = "-" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return name[: LONGEST_NAME - len(mark)] + mark


def log_values(client: MlflowClient, run: str, values: Sequence[Metric | Param | RunTag]) -> None:
    """Log values in one call; where MLflow refuses one of them, log the others and warn of that one."""
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.exceptions import MlflowException

    if not values:
        return
    try:
        client.log_batch(
            run,
            metrics=[each for each in values if isinstance(each, Metric)],
            params=[each for each in values if isinstance(each, Param)],
            tags=[each for each in values if isinstance(each, RunTag)],
        )
    except MlflowException as error:
        if error.error_code != REFUSED:
            raise
        if len(values) == 1:
            logger.warning("tracking: MLflow refuses %s (%s)", values[0].key[:100], first_line(error)[:200])
            return
        half = len(values) // 2
        log_values(client, run, values[:half])
        log_values(client, run, values[half:])
