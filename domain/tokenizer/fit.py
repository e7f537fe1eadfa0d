"""The stage that makes the tokenizer: keep, extend or train, then measure the result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from domain.artifacts import PARTS, Corpus, Tokenizer
from domain.errors import UserError
from domain.machine import Machine
from domain.pretrained.weights import is_local
from domain.spec import Bytes, Count, Share, Spec, Weights
from domain.stage import stage
from domain.tokenizer.blend import blend
from domain.tokenizer.encoding.tokenizer_file import encoding_errors
from domain.tokenizer.files import copy_tokenizer, ids_of, model_rows, tokenizer_folder, tokenizer_identity
from domain.tokenizer.measure import measure
from domain.tokenizer.train import Digits, Model, ObjectiveName, smallest, train

# Bytes. Clauses hardly repeat, so nearly all of them are held: 1.9 GB resident for 25 MB of text.
MOST_CLAUSES = 25_000_000
Factor = Annotated[float, Field(ge=0.0, le=10**6)]


class Fitting(Spec):
    """What tokenizer to make."""

    mode: Annotated[
        Literal["keep", "extend", "train"],
        Field(description="keep the base's tokenizer, extend it by pieces of the domain, or train a new one"),
    ] = "train"
    model: Annotated[Model, Field(description="bpe or unigram (train)")] = "bpe"
    vocab_size: Annotated[Count, Field(le=10**7, description="pieces in all, special tokens included (train)")] = 32_768
    add: Annotated[Count, Field(le=10**7, description="pieces to add to the base's (extend)")] = 8_000
    digits: Annotated[Digits, Field(description="each alone, in groups of up to three, or free (train)")] = "alone"
    multiword: Annotated[bool, Field(description="spaces inside pieces, as BloombergGPT has them (train)")] = False
    domain_share: Annotated[
        Share, Field(description="share of domain text, by bytes, in what is fitted on (train)")
    ] = 0.5
    weights: Annotated[
        dict[str, Factor], Field(description="factor on a source's share of its part, by name (train, extend)")
    ] = Field(default_factory=dict)
    sample: Annotated[Bytes, Field(description="text that is fitted on at most (train, extend)")] = 20_000_000
    compare_with: Annotated[
        tuple[Weights, ...], Field(description="other tokenizers to measure beside: folders, or org/name@commit")
    ] = ()
    objective: Annotated[
        ObjectiveName, Field(description="what the special tokens serve: the recipe's objective fills this in (train)")
    ] = "causal"
    base: Annotated[str, Field(description="whose tokenizer to keep or extend: the recipe's base fills this in")] = ""

    @model_validator(mode="after")
    def _possible(self) -> Fitting:
        if self.mode != "train":
            return self
        minimum = smallest(self.objective)
        if self.vocab_size < minimum:
            raise ValueError(
                f"vocab_size is {self.vocab_size}, and every byte and special token needs an id: set at least {minimum}"
            )
        if self.multiword and self.sample > MOST_CLAUSES:
            raise ValueError(
                f"sample is {self.sample:,} bytes; with multiword the whole text is kept in memory, so set "
                f"at most {MOST_CLAUSES:,}"
            )
        return self

    def identity_key(self) -> dict[str, Any]:
        """What the mode reads, with the content of the tokenizers that it names by a path."""
        read = {"keep": {"mode"}, "extend": {"mode", "add", "weights", "sample"}}
        fields = self.model_dump(
            mode="json", include=read.get(self.mode, set(Fitting.model_fields) - {"base", "compare_with", "add"})
        )
        others = [tokenizer_identity(place, "tokenizer.compare_with") for place in self.compare_with]
        base = {"base": tokenizer_identity(self.base, "base")} if self.base else {}
        return {**fields, **base, "compared": [*zip(named(self.compare_with), others, strict=True)]}


@stage("tokenizer", makes=Tokenizer, version=3)
def fit(spec: Fitting, corpus: Corpus, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Corpus -> Tokenizer in the transformers layout.

    facts: those of ``measure``, beside the base's tokenizer if it is another and those named by ``compare_with``; for
    an extension also ``extended`` with those of ``extend``.
    """
    against = dict(zip(named(spec.compare_with), spec.compare_with, strict=True))
    others = {name: tokenizer_folder(place, "tokenizer.compare_with") for name, place in against.items()}
    facts: dict[str, Any] = {}
    base = base_folder(spec) if spec.base or spec.mode != "train" else None
    if spec.mode == "keep" and base:
        copy_tokenizer(base, out)
    elif spec.mode == "extend" and base:
        from domain.tokenizer.extension.extend import extend

        texts = blend(corpus, domain=1.0, sample=spec.sample, weights=spec.weights)
        with encoding_errors("base", panics_only=True):
            facts["extended"] = extend(base, texts, spec.add, out)
    else:
        train(
            blended(spec, corpus),
            model=spec.model,
            pieces=spec.vocab_size,
            digits=spec.digits,
            multiword=spec.multiword,
            objective=spec.objective,
            out=out,
        )
    if base and spec.mode != "keep":
        others = {"base": base, **others}
    return {**measure(out, corpus, others), **facts}


def blended(spec: Fitting, corpus: Corpus) -> Iterator[str]:
    """The texts to train on; raises ``UserError`` where one of two parts would have no word in it."""
    has = {part: bool(corpus.shards("train", part)) for part in PARTS}
    if all(has.values()) and spec.domain_share in (0.0, 1.0):
        absent = PARTS[int(spec.domain_share)]
        raise UserError(
            "tokenizer.domain_share",
            f"is {spec.domain_share:g}, so {absent} text, which the model reads too, would have no piece of its own",
            "state a share between 0 and 1, or set tokenizer.mode to keep",
        )
    return blend(corpus, domain=spec.domain_share, sample=spec.sample, weights=spec.weights)


def base_folder(spec: Fitting) -> Path:
    """The folder of the base's tokenizer; raises ``UserError`` where it has none, or ids beyond the model's rows."""
    if not spec.base:
        raise UserError(
            "tokenizer.mode", f"is {spec.mode}, and a base from scratch has no tokenizer", "set it to train"
        )
    folder = tokenizer_folder(spec.base, "base")
    rows, last = model_rows(folder), max(ids_of(folder))
    if rows is not None and last >= rows:
        problem = f"its tokenizer has ids up to {last:,} and its model {rows:,} rows"
        raise UserError("base", problem, "choose a base whose tokenizer.json and config.json belong together")
    return folder


def named(places: tuple[str, ...]) -> list[str]:
    """Names for tokenizers: the hub's, or the last part of a path; a second one of a name is numbered."""
    names: list[str] = []
    for place in places:
        name = Path(place).expanduser().resolve().name if is_local(place) else place
        taken = sum(other == name or other.startswith(f"{name} (") for other in names)
        names.append(f"{name} ({taken + 1})" if taken or name == "base" else name)
    return names
