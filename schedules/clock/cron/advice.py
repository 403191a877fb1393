"""Recognizes what other schedulers accept as a cron expression, and says what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterable

from schedules.clock.cron.errors import CronError
from schedules.clock.cron.punctuation import exact, range_error, spaces_error
from schedules.clock.wording import WEEKDAYS, joined
from schedules.clock.zones.hints import ABBREVIATIONS
from schedules.clock.zones.zones import zone_names
from values.durations import read_duration
from values.quoting import quoted

_SETTING = re.compile(r"\s*(?P<name>\w+)\s*=\s*(?P<value>\S*)")
_AWS = re.compile(r"\s*(?P<kind>cron|rate|at)\s*\((?P<inner>[^()]*)\)?\s*", re.IGNORECASE)
_COMMENT = re.compile(r"(?:^|\s)(?P<comment>#.*)", re.DOTALL)
_YEAR = re.compile("(?:19|20)[0-9]{2}(?:[-,/][0-9]+)*")
_OFFSET = re.compile("(?:UTC|GMT|[+])[+-]?[0-9]{1,2}(?::?[0-9]{2})?", re.IGNORECASE)
_WEEKDAY_NAME = re.compile("SUN|MON|TUE|WED|THU|FRI|SAT", re.IGNORECASE)
_COMMAND = re.compile(r"[./~$].*|.*\..*")
_FIELD_NAMES = "minute, hour, day of month, month, day of week"


def refuse_notation(text: str, nicknames: Iterable[str]) -> None:
    """Raise CronError if `text` is not a list of cron fields, but a notation that other schedulers accept."""
    for problem in (
        _setting(text),
        _aws(text),
        _comment(text),
        _interval(text),
        range_error(text),
        _character(text),
        _nickname(text, nicknames),
    ):
        if problem:
            raise CronError([problem])
    words = text.split()
    if problem := spaces_error(words) or _trailing(words) or _year(words):
        raise CronError([problem])


def count_error(words: list[str]) -> str:
    """Return the error for an expression that has the wrong number of fields."""
    return (
        f"has {len(words)} field{'' if len(words) == 1 else 's'}, but needs 5 ({_FIELD_NAMES}), 6 with seconds first, "
        "or 7 with seconds first and the year last."
    )


def _setting(text: str) -> str:
    match = _SETTING.match(text)
    if match is None:
        return ""
    found = quoted(match[0].strip())
    if match["name"].upper() in ("TZ", "CRON_TZ"):
        zone = match["value"].strip("\"'")
        return f"must not contain a time zone: remove {found}, and set the field timezone to {quoted(zone)}."
    return f"must not contain settings: remove {found}."


def _aws(text: str) -> str:
    match = _AWS.fullmatch(text)
    if match is None:
        return ""
    kind, inner = match["kind"].lower(), " ".join(match["inner"].split())
    what = f"{kind}(…) is the notation of AWS"
    if kind == "rate":
        return f"{what}: {_every(inner)}"
    if kind == "at":
        return f'{what}: remove the field "cron", and set the field "at" to {quoted(inner)}.'
    words = inner.split()
    if len(words) != 6:
        return f"{what}: write only the fields between the parentheses."
    *fields, weekdays, year = words
    # In AWS, days of the week count from 1 (Sunday). Numbers after # and / are no days.
    named = re.sub(r"(?<![#/0-9])[1-7](?![0-9])", lambda day: WEEKDAYS[int(day[0]) - 1][:3].upper(), weekdays)
    because = (
        f" AWS counts the days of the week from 1 (Sunday), so {weekdays} is {named}." if named != weekdays else ""
    )
    instead = " ".join([*fields, named] if year in ("*", "?") else ["0", *fields, named, year])
    return f"{what}: write {exact(instead)}.{because}"


def _every(length: str) -> str:
    """Return what to write instead of a cron expression that means an interval."""
    if not _is_length(length):
        return 'remove the field "cron", and set the field "every", for example to "15m".'
    return f'remove the field "cron", and set the field "every" to {quoted(length)}.'


def _interval(text: str) -> str:
    """Return the error for `every 5 minutes`, `every hour` or `5 minutes`."""
    words = text.split()
    is_every, length = words[0].lower() == "every", " ".join(words).lower().removeprefix("every").strip()
    found = quoted(" ".join(words))
    for each in (length, f"1 {length}"):
        if not length.isdecimal() and _is_length(each):
            return f"{found} is not cron syntax: {_every(each)}"
    return f'{found} is not cron syntax: write five fields, such as "0 9 * * MON-FRI".' if is_every else ""


def _is_length(text: str) -> bool:
    try:
        read_duration(text)
    except ValueError:
        return False
    return True


def _comment(text: str) -> str:
    match = _COMMENT.search(text)
    return f"must not contain a comment: remove {quoted(match['comment'].strip())}." if match else ""


def _character(text: str) -> str:
    if text.isascii() and all(char.isprintable() or char in "\t\r\n" for char in text):
        return ""
    return "has a character that cron does not allow: use a-z, A-Z, 0-9, spaces and * , - / # ? ( ) only."


def _nickname(text: str, nicknames: Iterable[str]) -> str:
    words = text.split()
    word, known = words[0].lower(), joined(list(nicknames), "or")
    if not word.startswith("@"):
        return ""
    if word == "@reboot":
        return f"@reboot names no time, so it can't be scheduled here. Use {known}."
    if word == "@every":
        return f"@every is not cron syntax: {_every(' '.join(words[1:]))}"
    if word in nicknames:
        return _trailing(words) or f"must not contain anything after {word}: remove {quoted(' '.join(words[1:]))}."
    return f"{quoted(word)} is not a nickname. Use {known}."


def _trailing(words: list[str]) -> str:
    """Return the error for a time zone or a command that follows the fields."""
    last = words[-1]
    if len(words) > 1 and (zone := _zone_of(last)):
        return f"must not contain a time zone: remove {quoted(last)}, and set the field timezone to {zone}."
    for index, word in enumerate(words[5:], start=5):
        if _COMMAND.fullmatch(word):
            start = 5 if words[5].isalpha() and words[5].islower() else index  # a system crontab names a user first
            command = " ".join(words[start:])
            return f"must not contain a command: remove {quoted(command)}, and set the job's target instead."
    return ""


def _zone_of(word: str) -> str:
    """Return the time zone that `word` names, in quotes, with "for example" if it is not certain; or an empty text."""
    by_fold = {name.casefold(): name for name in zone_names()}
    if word.casefold() in by_fold:
        return quoted(by_fold[word.casefold()])
    if word.upper() in ABBREVIATIONS:
        return f"one such as {quoted(ABBREVIATIONS[word.upper()][0])}"
    if _OFFSET.fullmatch(word) or re.fullmatch("[A-Za-z_]{4,}/[A-Za-z_/]+", word):
        return "the name of an IANA time zone"
    return ""


def _year(words: list[str]) -> str:
    """Return the error for a year in an expression that does not have seven fields."""
    if len(words) in (5, 6) and _YEAR.fullmatch(words[-1]):
        place = "fifth" if len(words) == 5 else "sixth"
        instead = " ".join(["0", *words[:4], "*", words[4]] if len(words) == 5 else ["0", *words])
        return f"has a year as its {place} field: write seven fields, with the second first: {exact(instead)}."
    if len(words) == 6 and words[5] in ("*", "?") and _WEEKDAY_NAME.search(words[4]):
        instead = " ".join(words[:5])
        return (
            f"has a day of the week as its fifth field, but six fields begin with the second: write {exact(instead)}."
        )
    return ""
