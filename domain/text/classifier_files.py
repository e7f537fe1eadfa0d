"""Opens a classifier of transformers with its tokenizer: safetensors alone, no code of its own, all of it trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from domain.errors import UserError
from domain.pretrained.folder import check_size, opening
from domain.pretrained.weights import weights_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

SHORTEST_WINDOW = 8  # pieces, two of them marks
LONGEST_WINDOW = 512  # pieces of a window; attention costs more than it brings beyond


def open_classifier(kind: Any, weights: str, place: str, what: str) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """The model and its tokenizer. ``kind`` is one of transformers' auto classes, ``what`` names it in a fix.

    ``weights`` is org/model@commit or a folder. Raises ``UserError`` at ``place``.
    """
    from transformers import AutoConfig

    from domain.tokenizer.encoding.texts import load_tokenizer

    folder = weights_folder(weights, place)
    with opening(folder, place, "does not open", f"name a {what} of transformers") as copy:
        config = AutoConfig.from_pretrained(copy, local_files_only=True, trust_remote_code=False)
        check_size(kind, config, folder, place)
        model, loading = kind.from_pretrained(
            copy, local_files_only=True, trust_remote_code=False, use_safetensors=True, output_loading_info=True
        )
    if loading["missing_keys"]:
        problem = f"has no trained head ({sorted(loading['missing_keys'])[0]} is missing)"
        raise UserError(place, problem, "name a model that was trained to classify")
    tokenizer = load_tokenizer(folder)
    rows, last = model.get_input_embeddings().weight.shape[0], max(tokenizer.get_vocab().values(), default=0)
    if last >= rows or tokenizer.pad_token_id is None:
        problem = f"its tokenizer has ids up to {last:,} and its model {rows:,} rows"
        problem = "its tokenizer has no padding token" if last < rows else problem
        raise UserError(place, problem, "name a model that was saved with its tokenizer")
    if (longest := window(model, tokenizer)) < SHORTEST_WINDOW:
        raise UserError(place, f"reads {longest} pieces at a time", "name a model that reads longer texts")
    return model, tokenizer


def window(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> int:
    """How many pieces the model reads at a time, marks included."""
    places = getattr(model.config, "max_position_embeddings", LONGEST_WINDOW)
    return int(min(LONGEST_WINDOW, tokenizer.model_max_length, places))


def label_names(model: PreTrainedModel) -> list[str]:
    """The names of the model's answers, by number."""
    return [str(model.config.id2label.get(number, number)) for number in range(model.config.num_labels)]
