"""Imports and tables that every worker needs, loaded once in the process that workers are forked from.

Importing this takes 0.3 s, which each worker of each pass would else spend on its own, with memory of its own.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
from threadpoolctl import threadpool_limits

import corpora.curation.filter_pass
import corpora.curation.write_pass  # noqa: F401
from corpora.dedup.exact import unicode_folds
from corpora.document import replaced_table
from domain.text.characters import fold_tables, mark_table
from domain.text.quality.languages import languages
from domain.text.quality.letters import letter_tables
from domain.text.words import unicode_tables

unicode_folds(), unicode_tables(), fold_tables(), mark_table(), replaced_table(), letter_tables(), languages()
pa.array([])  # brings pandas, if it is there
# There is a worker for each core. Where each had threads of its own for products, two workers took a fifth longer.
threadpool_limits(1, user_api="blas")
