"""Pages to text: HTML and PDF, each page in a worker process with a bound on time and memory."""

from corpora.extract.job import EXTRACTORS, Extracted, Failed, Job, Mode, form_of
from corpora.extract.pool import extract_pages

__all__ = ["EXTRACTORS", "Extracted", "Failed", "Job", "Mode", "extract_pages", "form_of"]
