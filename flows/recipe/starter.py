"""The starter recipe that ``shoptalk new`` writes: short, commented, and valid once its paths exist."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from domain.errors import UserError
from domain.manifest import write_atomically
from flows.recipe.domains import GENERIC, Domain
from flows.recipe.purposes import PURPOSES
from flows.recipe.recipe import RECIPE_NAME

STARTER = """\
# {name}: {what}.
name: {name}

# To {work}, {why}.
# Existing weights to continue from: org/model@<commit>, or a folder in the transformers layout. For instance
# {base}. To begin from scratch instead:
#   base: {{scratch: {{architecture: {scratch}, width: 512, layers: 8, heads: 8}}, tokens: 200M}}
base: models/general-base

corpus:
  domain:                               # your field's text
{sources}  general:                              # what the model must not forget
    - kind: files
      path: data/general/*.jsonl
      licence: cc-by-sa-4.0
  licences: {{allow: [{licences}]}}   # anything else stops the run
  filters: {filters}
  max_filtered: 0.5                     # a filter that takes more than half of a source stops the run
  dedup: {dedup}
  holdout: {{validation: 0.01, test: 0.02, later: 0.0}}   # later: the last share by date

tokenizer: {{mode: keep}}                 # the base's; {{mode: extend, add: 8000}} adds your field's words to it and
                                        # weighs their worth; train makes a new one (needed from scratch)

training:
  objective: {objective}
  tokens: 2M                            # or leave out, set budget and let `shoptalk plan --write` derive it
  mixture: {{domain: 0.7, general: 0.3}}  # shares of what is read
  learning_rate: 3.0e-4                 # for a large public base, about a tenth of its published peak

# budget: {{gpus: 1, hours: 8}}

evaluation: {{domain: [], general: []}}   # tasks whose questions no training text may contain

{tuning}release:
  licence: internal
  gates: {{domain_gain: 0.02, general_loss: 0.01}}   # better than the control by 2%; general no worse than by 1%
"""
TUNING = """\
# To have the released model do what it is asked, tune it by examples of that, each a line of a file:
#   {{"instruction": "{order}", "input": "a text", "label": "the answer"}}
# instruction_tuning: {{path: data/{name}/orders.jsonl, epochs: 2, learning_rate: 1.0e-4}}

"""


def write_starter(name: str, work: str, domain: Domain = GENERIC) -> Path:
    """Write ``<name>.yaml`` in the current folder for a kind of ``PURPOSES``; an existing file is left alone."""
    stem = name.removesuffix(".yaml")
    if not RECIPE_NAME.fullmatch(stem):
        raise UserError(name, "is not a valid recipe name", "use at most 100 of lower case, digits and hyphens")
    path = Path(f"{stem}.yaml")
    if path.exists():
        raise UserError(str(path), "exists already", "choose another name, or remove the file")
    try:
        write_atomically(path, starter(stem, work, domain).encode())
    except OSError as error:
        raise UserError(str(path), f"cannot be written ({error.strerror})", "go to a folder of your own") from None
    return path


def starter(name: str, work: str, domain: Domain) -> str:
    """The recipe's text; what only labels teach, to classify and to tag, has nothing to be tuned by."""
    values = {"name": name, "work": work, **asdict(PURPOSES[work]), **asdict(domain)}
    values["licences"] = ", ".join(("internal", "cc-by-sa-4.0", *domain.licences))
    values["sources"] = domain.sources.format(name=name)
    return STARTER.format(**values, tuning=TUNING.format(**values) if PURPOSES[work].order else "")
