"""Small token classifiers for tests and benchmarks, trained from nothing on sentences of (word, label)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

Sentence = Sequence[tuple[str, str]]  # a label such as I-PER or O for each word
NO_LOSS = -100


def train_tagger(
    folder: Path, sentences: Sequence[Sentence], epochs: int, length: int = 64, width: int = 48, layers: int = 1,
    vocabulary: int = 700, seed: int = 0,
) -> Path:  # fmt: skip
    """Save a BERT over bytes pairs of these sentences into ``folder``, and return it."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    marks = ["[PAD]", "[CLS]", "[SEP]"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=marks, initial_alphabet=alphabet)
    texts = [" ".join(word for word, _ in sentence) for sentence in sentences]
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=length, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    )
    fast.save_pretrained(folder)
    names = ["O", *sorted({label for sentence in sentences for _, label in sentence} - {"O"})]
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(fast), hidden_size=width, num_hidden_layers=layers, num_attention_heads=4,
        intermediate_size=2 * width, max_position_embeddings=length, id2label=dict(enumerate(names)),
        label2id={name: number for number, name in enumerate(names)},
    )  # fmt: skip
    model = BertForTokenClassification(config).train()
    steps = list(range(0, len(sentences), 16))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * len(steps))
    chance = np.random.default_rng(seed)
    for _ in range(epochs):
        order = chance.permutation(len(sentences))
        for first in steps:
            chosen = order[first : first + 16].tolist()
            batch = fast(
                [texts[i] for i in chosen], truncation=True, max_length=length, padding=True, return_tensors="pt",
                return_offsets_mapping=True, return_token_type_ids=False,
            )  # fmt: skip
            rows = zip(batch.pop("offset_mapping").tolist(), chosen, strict=True)
            labels = torch.tensor([targets(offsets, sentences[i], names) for offsets, i in rows])
            model(**batch, labels=labels).loss.backward()
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    model.save_pretrained(folder)
    return folder


def targets(offsets: list[list[int]], sentence: Sentence, names: list[str]) -> list[int]:
    """The number of the label of the word in which each piece ends; marks have none."""
    ends = np.cumsum([len(word) + 1 for word, _ in sentence])
    words = [int(np.searchsorted(ends, end - 1, side="right")) for _, end in offsets]
    return [
        NO_LOSS if begin == end else names.index(sentence[word][1])
        for (begin, end), word in zip(offsets, words, strict=True)
    ]
