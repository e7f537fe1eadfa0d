from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.errors import UserError
from domain.text.scorers.transformer import Transformer
from domain.text.words import Split

LENGTH = 16  # pieces that the model reads, two of them marks


def classifier(folder: Path, problem: str = "single_label_classification") -> Path:
    """A BERT of one layer over a vocabulary of two words; its weights are large enough that the words tell."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    vocabulary = {piece: i for i, piece in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=LENGTH, **marks).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=6, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=LENGTH, id2label={0: "fine", 1: "toxic", 2: "obscene"},
        label2id={"fine": 0, "toxic": 1, "obscene": 2}, problem_type=problem,
    )  # fmt: skip
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:  # drawn with a deviation of 0.02, at which all texts look alike
                parameter *= 20
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return classifier(tmp_path_factory.mktemp("classifier"))


def expected(folder: Path, text: str) -> np.ndarray:
    """Probabilities of a text that fits one window, straight from transformers."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model: Any = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        logits = model(**AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")).logits
    return np.asarray(logits.double().softmax(-1)[0])


def test_probabilities_are_the_models(folder: Path) -> None:
    scores = Transformer.load(str(folder), ["toxic", "obscene"]).score(Split(["good bad good", "bad", ""]))
    one, two = expected(folder, "good bad good"), expected(folder, "bad")
    assert scores.values.tolist() == pytest.approx([one[1] + one[2], two[1] + two[2], 0.0], abs=1e-5)
    assert [scores.label(0), scores.label(1)] == [("toxic", "obscene")[int(p[2] > p[1])] for p in (one, two)]


def test_a_long_text_is_read_whole_in_windows(folder: Path) -> None:
    """30 words are windows of 14, 14 and 2, which weigh as many pieces as they have: 16, 16 and 4."""
    text = " ".join(["good"] * 14 + ["bad"] * 14 + ["good"] * 2)
    parts = [expected(folder, " ".join(part))[1] for part in (["good"] * 14, ["bad"] * 14, ["good"] * 2)]
    assert abs(parts[0] - parts[1]) > 0.01
    value = Transformer.load(str(folder), ["toxic"]).score(Split([text])).values[0]
    assert value == pytest.approx(np.average(parts, weights=[16, 16, 4]), abs=1e-5)


def test_answers_that_stand_each_for_itself_are_not_added(tmp_path: Path) -> None:
    model = Transformer.load(str(classifier(tmp_path, "multi_label_classification")), ["toxic", "obscene"])
    scores = model.score(Split(["bad good"]))
    assert 0.0 < scores.values[0] <= 1.0
    both = [Transformer.load(str(tmp_path), [label]).score(Split(["bad good"])).values[0] for label in model.labels]
    assert scores.values[0] == max(both)


def test_what_does_not_serve_is_refused(folder: Path, tmp_path: Path) -> None:
    from transformers import BertModel

    with pytest.raises(UserError, match="no label rude"):
        Transformer.load(str(folder), ["rude"])
    with pytest.raises(UserError, match="does not exist"):
        Transformer.load(str(tmp_path / "nothing"), ["toxic"])
    with pytest.raises(UserError, match="names no revision"):
        Transformer.load("org/model", ["toxic"])
    BertModel.from_pretrained(folder).save_pretrained(tmp_path)
    for file in folder.glob("tokenizer*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(UserError, match="has no trained head"):
        Transformer.load(str(tmp_path), ["LABEL_1"])


@pytest.mark.parametrize(
    ("name", "settings", "problem"),
    [
        ("tokenizer_config.json", {"model_max_length": 2}, "reads 2 pieces at a time"),
        ("tokenizer_config.json", {"model_max_length": "long"}, "states a model_max_length of long"),
        ("tokenizer_config.json", {"model_max_length": -5}, "states a model_max_length of -5"),
        ("tokenizer_config.json", {"pad_token": None}, "no padding token"),
        ("config.json", {"id2label": {"7": "toxic"}}, "no label|does not open"),
        ("config.json", {"id2label": {"0": 5, "1": ["toxic"], "2": "c"}}, "no label|does not open"),
    ],
)
def test_settings_that_cannot_be_used(
    folder: Path, tmp_path: Path, name: str, settings: dict[str, Any], problem: str
) -> None:
    shutil.copytree(folder, tmp_path / "model")
    path = tmp_path / "model" / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))
    with pytest.raises(UserError, match=problem):
        Transformer.load(str(tmp_path / "model"), ["toxic"])


def test_a_tokenizer_of_another_model(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "model")
    path = tmp_path / "model" / "tokenizer.json"
    content = json.loads(path.read_text())
    content["model"]["vocab"]["worse"] = 50
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="ids up to 50 and its model 6 rows"):
        Transformer.load(str(tmp_path / "model"), ["toxic"])


def test_a_classifier_with_the_files_of_roberta(tmp_path: Path) -> None:
    """The layout of the model that the documentation names for hate: vocab.json and merges.txt, no tokenizer.json."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import RobertaConfig, RobertaForSequenceClassification

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    marks = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=marks, show_progress=False)
    tokenizer.train_from_iterator(["they should all leave our country"] * 5, trainer)
    tokenizer.model.save(str(tmp_path))
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token", "mask_token"), marks, strict=True))
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({**names, "tokenizer_class": "RobertaTokenizer", "model_max_length": 64})
    )
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=66, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        id2label={0: "nothate", 1: "hate"}, label2id={"nothate": 0, "hate": 1},
    )  # fmt: skip
    RobertaForSequenceClassification(config).save_pretrained(tmp_path)
    assert not (tmp_path / "tokenizer.json").exists()
    scores = Transformer.load(str(tmp_path), ["hate"]).score(Split(["they should all leave our country " * 30, "fine"]))
    assert scores.labels == ("hate",)
    assert ((scores.values > 0) & (scores.values < 1)).all()
