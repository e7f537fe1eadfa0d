from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from domain.errors import UserError
from domain.tokenizer.encoding.texts import load_tokenizer
from domain.tokenizer.files import pieces_of
from domain.tokenizer.fit import Fitting, fit, named


def test_a_trained_tokenizer_has_the_asked_size_and_opens(tokenizer: Any) -> None:
    speaker = load_tokenizer(tokenizer.path)
    assert len(speaker) == pieces_of(tokenizer.path) == tokenizer.facts["size"] == 320
    assert (speaker.bos_token, speaker.eos_token, speaker.pad_token) == ("<|begin|>", "<|end|>", "<|pad|>")


def test_the_same_corpus_gives_the_same_tokenizer(tokenizer: Any, corpus: Any, tmp_path: Path) -> None:
    assert fit(Fitting(vocab_size=320), corpus=corpus, out=tmp_path).digest == tokenizer.digest


def test_fewer_pieces_than_bytes() -> None:
    with pytest.raises(ValidationError, match="every byte and special token needs an id: set at least 259"):
        Fitting(vocab_size=200)
    with pytest.raises(ValidationError, match="at least 359"):
        Fitting(vocab_size=300, objective="span")


def test_phrases_are_held_in_memory() -> None:
    with pytest.raises(ValidationError, match="at most 25,000,000"):
        Fitting(multiword=True, sample=26_000_000)


@pytest.mark.parametrize(("share", "absent"), [(1.0, "general"), (0.0, "domain")])
def test_a_blend_of_one_part(corpus: Any, tmp_path: Path, share: float, absent: str) -> None:
    with pytest.raises(UserError, match=rf"tokenizer.domain_share: is {share:g}, so {absent} text.*between 0 and 1"):
        fit(Fitting(vocab_size=300, domain_share=share), corpus=corpus, out=tmp_path)


def test_more_pieces_than_the_text_supports(corpus: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"supports .* pieces, not 50,000"):
        fit(Fitting(vocab_size=50_000), corpus=corpus, out=tmp_path)


def test_keep_copies_the_base_and_depends_on_its_content(pretrained: Path, corpus: Any, tmp_path: Path) -> None:
    kept = fit(Fitting(mode="keep", base=str(pretrained)), corpus=corpus, out=tmp_path / "kept")
    assert (kept.path / "tokenizer.json").read_bytes() == (pretrained / "tokenizer.json").read_bytes()
    assert kept.facts["size"] == 512
    asked = Fitting(mode="keep", base=str(pretrained)).identity_key()
    assert str(pretrained) not in str(asked)


def test_what_is_not_there(corpus: Any, tmp_path: Path) -> None:
    for mode in ("keep", "extend"):
        with pytest.raises(UserError, match="does not exist"):
            fit(Fitting(mode=mode, base=str(tmp_path / "none")), corpus=corpus, out=tmp_path / mode)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="a base from scratch has no tokenizer"):
        fit(Fitting(mode="keep"), corpus=corpus, out=tmp_path / "kept")


def test_a_slow_tokenizer_only(pretrained: Path, corpus: Any, tmp_path: Path) -> None:
    shutil.copytree(pretrained, tmp_path / "base")
    (tmp_path / "base" / "tokenizer.json").rename(tmp_path / "base" / "tokenizer.model")
    with pytest.raises(UserError, match=r"slow tokenizer only \(tokenizer.model.*save it again"):
        fit(Fitting(mode="extend", base=str(tmp_path / "base")), corpus=corpus, out=tmp_path / "out")


def test_ids_beyond_the_model_s_rows(pretrained: Path, corpus: Any, tmp_path: Path) -> None:
    shutil.copytree(pretrained, tmp_path / "base")
    path = tmp_path / "base" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "vocab_size": 500}))
    (tmp_path / "base" / "model.safetensors").unlink()  # whose rows would be compared with the configuration first
    with pytest.raises(UserError, match="ids up to 511 and its model 500 rows"):
        fit(Fitting(mode="keep", base=str(tmp_path / "base")), corpus=corpus, out=tmp_path / "out")


def test_an_extension_is_measured_beside_its_base(pretrained: Path, corpus: Any, tmp_path: Path) -> None:
    spec = Fitting(mode="extend", add=30, base=str(pretrained), compare_with=(str(pretrained),))
    extended = fit(spec, corpus=corpus, out=tmp_path)
    facts = extended.facts
    assert facts["size"] == 542
    assert facts["extended"]["pieces_added"] == 30
    assert facts["compared"].keys() == {"base", pretrained.name}
    for part in ("domain", "general"):
        assert facts["bytes_per_token"][part] > facts["compared"]["base"]["bytes_per_token"][part]
    gained = facts["improved"][0]
    assert gained["after"] < gained["before"]


def test_names_of_others(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "gpt", tmp_path / "b" / "gpt"
    for folder in (first, second):
        folder.mkdir(parents=True)
    assert named((str(first), str(second), "org/model@abc")) == ["gpt", "gpt (2)", "org/model@abc"]
