"""Removes lines around an article that are not part of it: bylines, share buttons, photo credits, advertisements."""

from __future__ import annotations

import re

LONGEST_NOTICE = 140  # characters
TOP = 8  # lines from the beginning in which a byline or a day may stand
NETWORKS = (
    r"facebook|twitter|x|whats ?app|linked ?in|pinterest|pint|reddit|telegram|messenger|instagram|flipboard|tumblr|"
    r"xing|bluesky|mastodon|threads|viber|line|vk|weibo|wechat|e-?mail|mail|print|copy link|sms|youtube|rss"
)
VERBS = (
    r"share|tweet|pin(?: it)?|post|send|like|save|follow(?: us)?|teilen|partager|compartir|condividi|delen|поделиться"
)
WORDS = (
    r"on|via|this|article|story|page|post|with|a|friend|to|by|us|link|auf|sur|en|su|per|the|and|or|more|,|\||·|•|/|-"
)
SHARE = re.compile(
    rf"(?=.*\b(?:{VERBS}|{NETWORKS})\b.*\b(?:{VERBS}|{NETWORKS}|article|story|page|post)\b)"
    rf"(?:(?:{VERBS}|{NETWORKS}|{WORDS})(?:\W+|$))+",
    re.I,
)
NAME = r"[A-ZÀ-ÖØ-ÞА-Я][\w'’.-]*"
BYLINE = re.compile(
    rf"(?:(?i:written by|by|author|posted by|story by|reported by|von|par|por|di|door|автор)\s*:?\s+)"
    rf"{NAME}(?:\s+(?:(?:van|von|de|der|da|del|bin|al|and|&|und|et|y)\s+){{0,2}}{NAME}){{1,5}}"
    r"(?:\s*[,|/·•–—-].{0,80})?"
)
DAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*"
STATED = re.compile(
    r"(?:last )?(?:published|updated|posted|modified|veröffentlicht|aktualisiert|publié|mis à jour|actualizado"
    r"|publicado)\b"
    rf"\s*(?:on|at|am|le|el|um|:)?\s*(?:{DAY},?\s+)?(?:{MONTH}\.?,?\s+)?\d.{{0,50}}",
    re.I,
)
NOTICE = re.compile(
    r"\(?(?:advertisements?|advert|sponsored(?: content)?|promoted|anzeige|werbung|publicidad|publicité"
    r"|pubblicità|реклама)\)?"
    r"|(?:filed under|tagged(?: with)?|tags)\s*:.*|(?:story )?continues? (?:reading )?below.{0,40}|back to top"
    r"|skip to .{1,30}"
    r"|(?:also|related|read more|read also|see also|lire aussi|lesen sie auch)\s*:.{0,120}"
    r"|(?:click here to |sign up (?:for|to) |subscribe (?:to|now) ?).{0,80}(?:newsletters?|updates|alerts|app|inbox)\W*"
    r"|(?:\(c\)|copyright\b).{0,100}"
    r"|(?:photo(?:graph)?|image|picture|foto|bild)s?\s*(?:credit|courtesy|by|:).{0,100}"
    r"|(?:this (?:web)?site uses|we use) cookies (?:to|and|for|on)\b.*",
    re.I,
)
AGENCY = re.compile(r".*(?:/\s?(?:getty images|afp|reuters|ap)|getty images|shutterstock|istock(?:photo)?)\W*", re.I)
AGENCIES = ("images", "afp", "reuters", "ap", "shutterstock", "istock", "istockphoto")
# What may begin a line that is boilerplate: asked before the patterns, since most lines begin otherwise.
FIRST_WORDS = frozenset({
    "advertisement", "advertisements", "advert", "sponsored", "promoted", "anzeige", "werbung", "publicidad",
    "publicité", "pubblicità", "реклама", "filed", "tagged", "tags", "story", "continue", "continues", "back",
    "skip", "also", "related", "read", "see", "lire", "lesen", "click", "sign", "subscribe", "c", "copyright",
    "photo", "photos", "photograph", "image", "images", "picture", "pictures", "foto", "fotos", "bild", "this",
    "we", "written", "by", "author", "posted", "reported", "von", "par", "por", "di", "door", "автор", "last",
    "published", "updated", "modified", "veröffentlicht", "aktualisiert", "publié", "actualizado", "publicado",
    "share", "tweet", "pin", "post", "send", "like", "save", "follow", "teilen", "partager", "compartir",
    "mis", "condividi", "delen", "поделиться", "facebook", "twitter", "x", "whatsapp", "linkedin", "pinterest", "pint",
    "reddit", "telegram", "messenger", "instagram", "flipboard", "tumblr", "xing", "bluesky", "mastodon", "threads",
    "viber", "line", "vk", "weibo", "wechat", "email", "e-mail", "mail", "print", "copy", "sms", "youtube", "rss",
})  # fmt: skip


def without_boilerplate(text: str) -> str:
    """The text without short lines that are boilerplate by their words alone."""
    out: list[str] = []
    full = 0
    for line in text.split("\n"):
        bare = line.strip().lstrip("- ")
        full += bool(bare)
        if not bare or len(bare) > LONGEST_NOTICE or not boilerplate(bare, top=full <= TOP):
            out.append(line)
    return "\n".join(out).strip()


def boilerplate(line: str, *, top: bool) -> bool:
    """Whether a line is boilerplate; ``top``: it is one of a text's first, where its author and day may stand."""
    lower = line.lower()
    if "©" in line[:20] or "all rights reserved" in lower:
        return True
    if lower.rstrip(" ).|").endswith(AGENCIES) and AGENCY.fullmatch(line):
        return True
    if lower.split(None, 1)[0].strip("(),:.|•·/") not in FIRST_WORDS:
        return False
    if NOTICE.fullmatch(line) or SHARE.fullmatch(line):
        return True
    return top and bool(BYLINE.fullmatch(line) or STATED.fullmatch(line))
