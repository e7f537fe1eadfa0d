"""A bucket called ``shop``, filled by plain requests as the stores document them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from urllib.parse import quote

import httpx

OWNER = {"authorization": "AWS mine:signed"}  # nobody looks whether this is true


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """It is there once it is made."""

    scheme: str
    server: str

    @property
    def url(self) -> str:
        """How a recipe names it."""
        return f"{self.scheme}://shop"

    def make(self) -> None:
        """An empty one."""
        if self.scheme == "s3":
            httpx.post(f"{self.server}/moto-api/reset").raise_for_status()
            httpx.put(f"{self.server}/shop").raise_for_status()
        else:
            httpx.get(f"{self.server}/wipe").raise_for_status()
            httpx.post(f"{self.server}/storage/v1/b", json={"name": "shop"}).raise_for_status()

    def put(self, **files: bytes) -> None:
        """Each file, by its name."""
        for name, content in files.items():
            if self.scheme == "s3":
                httpx.put(f"{self.server}/shop/{quote(name)}", content=content, headers=OWNER).raise_for_status()
            else:
                query = {"uploadType": "media", "name": name}
                answer = httpx.post(f"{self.server}/upload/storage/v1/b/shop/o", params=query, content=content)
                answer.raise_for_status()

    def remove(self, name: str) -> None:
        """This file is gone."""
        folder = "shop" if self.scheme == "s3" else "storage/v1/b/shop/o"
        httpx.delete(f"{self.server}/{folder}/{quote(name, safe='')}", headers=OWNER).raise_for_status()

    def mark(self, content: bytes) -> str:
        """What the store says of this content: its MD5, in the store's own spelling."""
        md5 = hashlib.md5(content)
        return f'"{md5.hexdigest()}"' if self.scheme == "s3" else base64.b64encode(md5.digest()).decode()
