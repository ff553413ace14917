"""What a plain YAML scalar means: YAML 1.2's core schema, and ``150_000``.

PyYAML follows YAML 1.1, in which ``3e-4`` is a text, ``off`` is false and ``1:30`` is ninety.
"""

import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}
_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_INT = re.compile(rf"[-+]?{_DIGITS}")
_HEX_OR_OCTAL = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(rf"[-+]?(?:\.{_DIGITS}|{_DIGITS}(?:\.(?:{_DIGITS})?)?)(?:[eE][-+]?[0-9]+)?")
_LONGEST = 60


def plain_scalar(text: str) -> Scalar:
    """Return the value that an unquoted ``text`` stands for.

    >>> [plain_scalar(text) for text in ("150_000", "1.5e5", "3e-4", "off", "true", "~", "5 ms")]
    [150000, 150000, 0.0003, 'off', True, None, '5 ms']
    """
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _HEX_OR_OCTAL.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return _number(text)
    return text


def _number(text: str) -> int | float:
    """Return 1.5e5 as the whole number that it is; 5.0 stays a float."""
    number = float(text)
    exact = "e" in text.lower() and number.is_integer() and abs(number) < 2**53
    return int(number) if exact else number


def is_plain_text(text: str) -> bool:
    """Return whether ``text``, written without quotes, is read as this same text."""
    return plain_scalar(text) == text and isinstance(plain_scalar(text), str)


def legible(text: str, most: int = 100) -> str:
    r"""Return ``text`` for a message: in one line, without what a terminal would obey or cannot show, and not too long.

    >>> print(legible("a\nb\x1b[31m"), legible("x" * 9, most=6))
    a\nb\x1b[31m xxx...
    """
    cut = text if len(text) <= most else f"{text[: most - 3]}..."
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in cut)
