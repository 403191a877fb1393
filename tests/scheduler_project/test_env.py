"""Settings are read from variables or from files that variables name, and a wrong value is refused with its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_project.env import Environment


def env(**variables: str) -> Environment:
    return Environment(variables)


def test_a_value_is_read_without_the_blanks_around_it() -> None:
    assert env(NAME="  a b \n").text("NAME") == "a b"


@pytest.mark.parametrize("value", ["", "   "])
def test_an_empty_variable_counts_as_not_set(value: str) -> None:
    assert env(NAME=value).text("NAME", "default") == "default"
    with pytest.raises(KeyError):
        env(NAME=value)["NAME"]


def test_a_variable_may_name_a_file_that_holds_its_value(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    named = {"NAME_FILE": f" {tmp_path / 'secret'} "}
    assert env(**named).text("NAME") == "from the file"
    assert env(NAME="  ", **named).text("NAME") == "from the file"
    assert env(NAME="own", **named).text("NAME") == "own"


def test_a_file_that_cannot_be_read_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "binary"):
        with pytest.raises(ImproperlyConfigured, match=f"^NAME_FILE is '{path}', and this file cannot be read: "):
            env(NAME_FILE=str(path)).text("NAME", "default")


def test_a_required_value_that_is_missing_is_refused_with_an_example() -> None:
    assert env(NAME="x").required("NAME", "y") == "x"
    with pytest.raises(ImproperlyConfigured, match="^NAME is not set. Set NAME, for example to y, or set NAME_FILE"):
        env().required("NAME", "y")


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("YES", True), ("1", True), ("False", False), ("no", False), ("0", False)],
)
def test_a_switch_is_read_in_any_case(text: str, value: bool) -> None:
    assert env(NAME=text).flag("NAME", default=not value) is value


@pytest.mark.parametrize("default", [True, False])
def test_a_switch_that_is_not_set_has_its_default(default: bool) -> None:
    assert env().flag("NAME", default) is default


@pytest.mark.parametrize("text", ["on", "2", "truee", "t", "-1"])
def test_a_switch_refuses_other_words(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^NAME is '{text}': it must be true or false"):
        env(NAME=text).flag("NAME", default=False)


def test_a_choice_is_read_in_any_case_and_refuses_other_words() -> None:
    levels = ("DEBUG", "INFO")
    assert env(NAME="debug").choice("NAME", "INFO", levels) == "DEBUG"
    assert env().choice("NAME", "info", levels) == "INFO"
    with pytest.raises(ImproperlyConfigured, match="^NAME is 'LOUD': it must be one of DEBUG, INFO"):
        env(NAME="loud").choice("NAME", "INFO", levels)


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("007", 7), ("9" * 18, int("9" * 18)), ("", 5)])
def test_a_whole_number_may_be_zero_and_has_at_most_18_digits(text: str, value: int) -> None:
    assert env(NAME=text).count("NAME", 5) == value


@pytest.mark.parametrize("text", ["-1", "1.0", "1e3", "9" * 19, "٣", "²", "five", "1_000"])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="it must be a whole number, 0 or more"):
        env(NAME=text).count("NAME", 5)


@pytest.mark.parametrize(
    ("text", "words"),
    [("a", ["a"]), (" a , b,", ["a", "b"]), (",,", ["default"]), ("", ["default"]), ("a b", ["a b"])],
)
def test_a_list_is_separated_by_commas_and_has_no_empty_parts(text: str, words: list[str]) -> None:
    assert env(NAME=text).words("NAME", ["default"]) == words


@pytest.mark.parametrize(
    "url",
    ["mysql://u:p@host/db", "postgres://u:p@host:5432/", "sqlite:///file", "postgres://u:p@host:port/db"],
)
def test_a_url_of_another_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="^NAME is not the URL of a PostgreSQL database") as caught:
        env(NAME=url).postgresql("NAME")
    assert url not in str(caught.value)


def test_the_parts_of_a_postgresql_url_become_settings() -> None:
    database = env(NAME="postgres://me:p%40ss@db.example:6543/jobs?sslmode=require").postgresql("NAME")
    assert {name: database[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME")} == {
        "USER": "me",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": 6543,
        "NAME": "jobs",
    }
    assert database["OPTIONS"] == {"sslmode": "require"}


@settings(max_examples=50)
@given(st.integers(0, 10**18 - 1))
def test_every_number_that_fits_is_read_as_itself(number: int) -> None:
    assert env(NAME=str(number)).count("NAME", 1) == number
