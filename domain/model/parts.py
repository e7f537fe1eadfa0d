"""What a piece of one tokenizer is in the pieces of another, so that new rows can begin from those that learned."""

from __future__ import annotations

import json
import re
from typing import Any

from domain.errors import Refusal

ROLES = ("bos", "eos", "pad", "unk", "cls", "sep", "mask")
SPACE = "\u2581"  # how sentencepiece writes a space
BYTE = re.compile(r"<0x([0-9A-F]{2})>")  # and how it writes a byte that no piece holds


def alphabet() -> list[str]:
    """The 256 characters that stand for bytes in byte-level pieces: printable Latin-1 as itself, the rest from U+0100.

    This is the table of GPT-2 (``bytes_to_unicode`` in openai/gpt-2, encoder.py).
    """
    shown = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    rest = iter(range(0x100, 0x200))
    return [chr(byte) if byte in shown else chr(next(rest)) for byte in range(256)]


class Spelling:
    """How a fast tokenizer writes bytes in its pieces: by the byte alphabet, or as text with bytes as ``<0xNN>``."""

    def __init__(self, tokenizer: Any) -> None:
        backend = tokenizer.backend_tokenizer
        built = json.loads(backend.to_str())
        built = [built[name] for name in ("normalizer", "pre_tokenizer", "decoder")]
        self.byte_level = '"type": "ByteLevel"' in json.dumps(built)
        self.model, self.vocabulary = backend.model, tokenizer.get_vocab()
        self.unknown = None if self.byte_level else tokenizer.unk_token_id
        self.characters = alphabet()
        self.bytes = {character: byte for byte, character in enumerate(self.characters)}

    def read(self, piece: str) -> bytes:
        """The bytes of the text that a piece stands for; part of a character where the piece is one."""
        if self.byte_level:
            return bytes(self.bytes[c] for c in piece) if self.bytes.keys() >= set(piece) else piece.encode()
        byte = BYTE.fullmatch(piece)
        return bytes([int(byte[1], 16)]) if byte else piece.replace(SPACE, " ").encode()

    def write(self, data: bytes) -> list[int]:
        """Ids of the pieces that spell these bytes, by the model's own merges or scores; none for what is unknown.

        Normaliser and pre-tokeniser are passed by: they would set a space before a piece, or change its case.
        """
        if self.byte_level:
            return self.split("".join(self.characters[byte] for byte in data))
        ids: list[int] = []
        # Bytes that are no UTF-8 become lone surrogates, each a run of its own: U+DC80 + (byte - 0x80).
        for run in re.findall("[\udc80-\udcff]|[^\udc80-\udcff]+", data.decode("utf-8", "surrogateescape")):
            if "\udc80" <= run <= "\udcff":
                byte = self.vocabulary.get(f"<0x{ord(run) - 0xDC00:02X}>")
                ids += [] if byte is None else [byte]
            else:
                ids += self.split(run.replace(" ", SPACE))
        return ids

    def split(self, written: str) -> list[int]:
        """Ids of a string in the model's own writing: the one piece where there is one."""
        whole = self.vocabulary.get(written)
        if whole is not None:
            return [whole]
        return [token.id for token in self.model.tokenize(written) if token.id != self.unknown]


def parts(old: Any, new: Any) -> dict[int, list[int]]:
    """Id -> ids of ``old`` that spell it, for every id of ``new`` that has not the same piece in ``old``.

    Special tokens are matched by name, then by role (begin for begin); one that ``old`` has no like of has no parts,
    such as a mask. Both are fast tokenizers.
    """
    had = old.get_vocab()
    reader, writer = Spelling(new), Spelling(old)
    alike = reader.byte_level == writer.byte_level  # else the same characters stand for other bytes
    fresh = {number: piece for piece, number in new.get_vocab().items() if not alike or had.get(piece) != number}
    added = new.added_tokens_decoder
    found = {}
    for number, piece in sorted(fresh.items()):
        if number not in added:
            found[number] = [had[piece]] if alike and piece in had else writer.write(reader.read(piece))
        elif added[number].special:
            found[number] = [had[piece]] if piece in had else counterpart(number, old, new)
        else:
            found[number] = writer.write(piece.encode())
    return found


def counterpart(number: int, old: Any, new: Any) -> list[int]:
    """The id that has the role in ``old`` that the special token ``number`` has in ``new``, in a list; or none."""
    from domain.tokens.encode import frame

    for role in ROLES:
        same = getattr(old, f"{role}_token_id", None)
        if number == getattr(new, f"{role}_token_id", None) and same is not None:
            return [same]
    # One that only begins or ends texts here may do so there under another role, or nothing there does.
    try:
        pairs = zip(frame(new), frame(old), strict=True)
    except Refusal:
        return []
    return [there for here, there in pairs if here == number][:1]


def silent(tokenizer: Any, model: Any) -> list[int] | None:
    """The ids that ``model`` must never speak: its rows that are no piece of the tokenizer, and what it suppressed.

    None where there is none.
    """
    rows = set(range(model.get_input_embeddings().weight.shape[0]))
    unheard = rows - set(tokenizer.get_vocab().values())
    return sorted(unheard | set(model.generation_config.suppress_tokens or ())) or None
