"""Makes ids unique in bounded memory: hashes of all ids in sorted files, with a bit or two for each in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xxhash

RECENT = 1 << 20  # hashes in memory until they are written: 100 MB
LARGEST = 1 << 24  # hashes in a file that others are still joined to: 128 MB
BITS = 8  # in memory for each hash on disk, so that one look-up in eight is made in vain


class HashFile:
    """A file of sorted hashes, and bits of which those that are not set belong to no hash in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        hashes = np.load(path)
        self.count = len(hashes)
        places, bits = hashes % np.uint64(BITS * self.count), np.zeros(self.count, np.uint8)
        np.bitwise_or.at(bits, places >> np.uint64(3), np.uint8(1) << (places & np.uint64(7)).astype(np.uint8))
        self.bits = bits.tobytes()

    def __contains__(self, value: int) -> bool:
        place = value % (BITS * self.count)
        if not self.bits[place >> 3] >> (place & 7) & 1:
            return False
        hashes = np.load(self.path, mmap_mode="r")
        row = int(np.searchsorted(hashes, np.uint64(value)))
        return row < self.count and int(hashes[row]) == value


class UniqueIds:
    """Gives each document an id of its own: of several ``a`` the second is ``a#2``.

    Ids are compared by 64 bits of XXH3: of a billion different ones a pair is taken for equal in 3 of 100 collections,
    and one of the two is then called ``#2``.
    """

    def __init__(self, folder: Path, names: list[str], repeats: dict[str, int]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.repeats = folder, repeats  # how often an id came that came more than once
        self.files, self.recent = [HashFile(folder / name) for name in names], set[int]()
        self.written = 1 + max((int(name.partition(".")[0]) for name in names), default=-1)

    def unique(self, name: str) -> str:
        """The id, with #2, #3 behind it where it was there before."""
        value = xxhash.xxh3_64_intdigest(name.encode("utf-8", "surrogatepass"))
        if value in self.recent or any(value in file for file in self.files):
            self.repeats[name] = self.repeats.get(name, 1) + 1
            return self.unique(f"{name}#{self.repeats[name]}")
        self.recent.add(value)
        if len(self.recent) >= RECENT:
            self.write()
        return name

    def write(self) -> None:
        """Write what is in memory alone, and join small files."""
        if self.recent:
            self.put(np.sort(np.fromiter(self.recent, np.uint64, len(self.recent))))
            self.recent.clear()
        while len(self.files) > 1:
            before, last = self.files[-2:]
            if before.count > 2 * last.count or before.count + last.count > LARGEST:
                break
            del self.files[-2:]
            self.put(np.sort(np.concatenate((np.load(before.path), np.load(last.path)))))

    def put(self, hashes: np.ndarray) -> None:
        """Write a file."""
        path = self.folder / f"{self.written:08}.npy"
        np.save(path, hashes)
        self.written += 1
        self.files.append(HashFile(path))

    def tidy(self) -> None:
        """Remove files that are parts of others; only once nobody goes on from a state that names them."""
        names = {file.path.name for file in self.files}
        for path in self.folder.iterdir():
            if path.name not in names:
                path.unlink()
