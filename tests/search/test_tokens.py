"""Tokens: written, read, and refused when they do not fit."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.search.token import Token, parse

TOKEN = Token("refimpl:late-write", "shared-wakeup", ((12, 1), (7, 2)), 1, "k3f")


def test_a_token_reads_back_as_it_was_written() -> None:
    assert parse(str(TOKEN)) == TOKEN


def test_a_token_of_two_deviations_is_short() -> None:
    assert str(TOKEN).rpartition("/")[2].count("") - 1 < 20


def test_the_default_schedule_has_a_token_too() -> None:
    token = Token("refimpl", "one-job", (), 0, "abc")
    assert parse(str(token)) == token


@pytest.mark.parametrize("at", range(len(str(TOKEN))))
def test_one_wrong_character_is_noticed(at: int) -> None:
    text = str(TOKEN)
    wrong = text[:at] + ("x" if text[at] != "x" else "y") + text[at + 1 :]
    with pytest.raises(UsageError):
        parse(wrong)


NO_TOKENS = ["", "hello", "a/b", "a/b/c", "a/b/2.xyzabc.-.t1", "a/b/1.....", "/" * 30, "a/b/1.é.-.t1"]


@pytest.mark.parametrize("text", NO_TOKENS)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_a_long_text_is_not_repeated_in_the_message() -> None:
    with pytest.raises(UsageError) as refused:
        parse("x" * 10_000)
    assert len(str(refused.value)) < 300
