"""Reading forms. What is wrong with a field is one sentence beside the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import falcon

Form = Mapping[str, str]

_LARGEST = 64 * 1024  # bytes; our forms have a few hundred


class FieldRefused(ValueError):
    """A field cannot be used as it was filled in."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def read_form(req: falcon.Request, largest: int = _LARGEST) -> dict[str, str]:
    """The fields of a URL-encoded form of at most so many bytes; of a field sent twice, the first.

    Raises:
        falcon.HTTPUnsupportedMediaType: the body is something else.
        falcon.HTTPContentTooLarge: it is far larger than any form of ours.
    """
    if (req.content_type or "").partition(";")[0].strip().lower() != falcon.MEDIA_URLENCODED:
        raise falcon.HTTPUnsupportedMediaType()
    # The server lets bodies of any size pass, for the uploads' sake; this one would be read into memory.
    if (req.content_length or 0) > largest:
        raise falcon.HTTPContentTooLarge()
    fields = req.get_media()
    return {name: value[0] if isinstance(value, list) else str(value) for name, value in fields.items()}


def whole_number(form: Form, field: str, least: int, most: int) -> int:
    """A whole number in these bounds.

    Raises:
        FieldRefused: it is none.
    """
    text = form.get(field, "").strip()
    sentence = f"Give a whole number from {least:,} to {most:,}"
    if not text:
        raise FieldRefused(field, f"{sentence}.")
    if len(text) > 12 or not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise FieldRefused(field, f"{sentence}, not “{_short(text)}”.")
    return int(text)


def line_of_text(form: Form, field: str, most: int) -> str:
    """One line of text with something in it.

    Raises:
        FieldRefused: it is empty, too long, or holds what cannot be stored or mailed.
    """
    text = " ".join(form.get(field, "").split())
    if not text:
        raise FieldRefused(field, "Write something here.")
    if len(text) > most:
        raise FieldRefused(field, f"Write at most {most} letters; these are {len(text):,}.")
    if not text.isprintable():
        raise FieldRefused(field, "There are characters in this that cannot be shown.")
    return text


def lines_of_text(form: Form, field: str, most: int) -> str:
    """Several lines of text with something in them, ends of lines as ``\\n``.

    Raises:
        FieldRefused: it is empty, too long, or holds what cannot be stored or shown.
    """
    text = with_plain_line_ends(form.get(field, "")).strip()
    if not text:
        raise FieldRefused(field, "Write something here.")
    if len(text) > most:
        raise FieldRefused(field, f"Write at most {most:,} letters; these are {len(text):,}.")
    if not text.replace("\n", " ").replace("\t", " ").isprintable():
        raise FieldRefused(field, "There are characters in this that cannot be shown.")
    return text


def with_plain_line_ends(text: str) -> str:
    """Forms send every end of a line as two characters; scripts see one."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def one_of(form: Form, field: str, choices: Sequence[str]) -> str:
    """One of the offered choices.

    Raises:
        FieldRefused: it is none of them.
    """
    value = form.get(field, "")
    if value not in choices:
        raise FieldRefused(field, f"Choose one of these, not “{_short(value)}”.")
    return value


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"
