"""Proves the sentence for each limit of a field, how several errors are joined, and that long input is cut."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from values.field_errors import (
    MAX_ERRORS_LISTED,
    MAX_ERRORS_SHOWN,
    MAX_NAME_LENGTH,
    field_errors,
    sentences,
)


class Leaf(BaseModel):
    model_config = ConfigDict(extra="forbid")

    height: int = 0


class Branch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    width: int = 0
    leaves: list[Leaf] = []
    best: Leaf | None = None


class Tree(BaseModel):
    model_config = ConfigDict(extra="forbid")

    branches: list[Branch] = []
    by_name: dict[str, Leaf] = {}


Checked = Annotated[str, AfterValidator(str)]  # a limit after another check


def errors_of(model: type[BaseModel], data: object, prefix: str = "") -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(data)
    return field_errors(caught.value, data, prefix=prefix, model=model)


def sentence_of(annotation: Any, value: object) -> str:
    model = create_model("Sample", field=(annotation, ...))
    ((sentence,),) = errors_of(model, {"field": value}).values()
    return sentence


@pytest.mark.parametrize(
    ("limits", "kind", "value", "sentence"),
    [
        ({"gt": 3}, int, 3, "field must be more than 3."),
        ({"ge": 3}, int, 2, "field must be 3 or more."),
        ({"lt": 3}, int, 3, "field must be less than 3."),
        ({"le": 3}, int, 4, "field must be 3 or less."),
        ({"multiple_of": 5}, int, 7, "field must be a multiple of 5."),
        ({"min_length": 1}, str, "", "field must not be empty."),
        ({"min_length": 2}, str, "a", "field must have 2 characters or more."),
        ({"max_length": 2}, str, "abc", "field must have 2 characters or fewer."),
        ({"min_length": 2}, list[int], [1], "field must have 2 items or more."),
        ({"min_length": 1}, list[int], [], "field must not be empty."),
        ({"max_length": 2}, list[int], [1, 2, 3], "field must have 2 items or fewer."),
        ({"min_length": 1}, Checked, "", "field must not be empty."),
        ({"min_length": 2}, Checked, "a", "field must have 2 characters or more."),
        ({"max_length": 2}, Checked, "abc", "field must have 2 characters or fewer."),
        ({"pattern": "^a+$"}, str, "b", "field must match the pattern ^a+$."),
    ],
    ids=lambda part: "" if not isinstance(part, dict) else "-".join(f"{name}{limit}" for name, limit in part.items()),
)
def test_each_limit_has_its_sentence(limits: dict[str, Any], kind: Any, value: object, sentence: str) -> None:
    assert sentence_of(Annotated[kind, Field(**limits)], value) == sentence


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        (int, 1.5, "field must be a whole number."),
        (int, None, "field must be a whole number."),
        (float, "x", "field must be a number."),
        (bool, "perhaps", "field must be true or false."),
        (list[int], 5, "field must be a list."),
        (dict[str, int], 5, "field must be an object."),
        (Leaf, 5, "field must be an object."),
        (None, 5, "field must be null."),
        (Annotated[float, Field(allow_inf_nan=False)], float("inf"), "field must be a finite number."),
    ],
    ids=["fraction", "null", "number", "boolean", "list", "object", "model", "null only", "infinity"],
)
def test_a_value_of_another_type_gets_the_type_that_is_expected(kind: Any, value: object, sentence: str) -> None:
    assert sentence_of(kind, value) == sentence


def test_the_branches_of_a_union_become_one_sentence_without_repetition() -> None:
    assert sentence_of(int | float | list[int] | bool, "x") == (
        "field must be a whole number or a number or a list or true or false."
    )
    assert sentence_of(list[int] | tuple[int, ...], "x") == "field must be a list."


def test_the_expected_type_precedes_the_other_sentences_of_a_field() -> None:
    class Sample(BaseModel):
        field: Literal["all"] | int

    errors = errors_of(Sample, {"field": "some"})

    assert errors == {"field": ["field must be a whole number.", "field must be one of 'all'."]}


@pytest.mark.parametrize(
    ("data", "field", "suggestion"),
    [
        ({"branch": []}, "branch", ' Did you mean "branches"?'),
        ({"branches": [{}, {"widht": 1}]}, "branches.1.widht", ' Did you mean "width"?'),
        ({"branches": [{"leaves": [{"hight": 1}]}]}, "branches.0.leaves.0.hight", ' Did you mean "height"?'),
        ({"branches": [{"best": {"hight": 1}}]}, "branches.0.best.hight", ' Did you mean "height"?'),
        ({"branches": [{"branches": 1}]}, "branches.0.branches", ""),
    ],
    ids=["root", "list", "list in a list", "optional model", "name of another level"],
)
def test_a_suggestion_comes_from_the_place_of_the_unknown_field(
    data: dict[str, Any], field: str, suggestion: str
) -> None:
    name = field.rpartition(".")[2]

    assert errors_of(Tree, data) == {field: [f"{name} is not a known field.{suggestion}"]}


def test_without_a_model_an_unknown_field_gets_no_suggestion() -> None:
    with pytest.raises(ValidationError) as caught:
        Tree.model_validate({"branch": []})

    assert field_errors(caught.value, {"branch": []}) == {"branch": ["branch is not a known field."]}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"branches": [{}, {"width": "x"}]}, "body.branches.1.width"),
        ({"by_name": {"a.b": {"height": "x"}}}, "body.by_name.a.b.height"),
        ({"by_name": {"": {"height": "x"}}}, "body.by_name..height"),
        ({"branches": {"width": 1}}, "body.branches"),
        ([], "body"),
    ],
    ids=["list", "name with a dot", "empty name", "wrong type", "whole value"],
)
def test_a_field_is_the_dotted_path_below_the_prefix(data: object, field: str) -> None:
    assert list(errors_of(Tree, data, "body")) == [field]


def test_as_many_errors_as_can_be_read_are_shown() -> None:
    data = {"branches": [{"width": "x"}] * (MAX_ERRORS_SHOWN + 5)}

    assert list(errors_of(Tree, data)) == [f"branches.{index}.width" for index in range(MAX_ERRORS_SHOWN)]


@pytest.mark.parametrize(("n_errors", "is_listed"), [(MAX_ERRORS_LISTED, True), (MAX_ERRORS_LISTED + 1, False)])
def test_more_errors_than_can_be_listed_are_counted(n_errors: int, is_listed: bool) -> None:
    errors = errors_of(Tree, {f"unknown_{number}": 1 for number in range(n_errors)}, "target")

    if is_listed:
        assert len(errors) == MAX_ERRORS_SHOWN
    else:
        assert errors == {"target": [f"There are {n_errors} errors here: too many to list."]}


def test_a_long_name_is_cut_in_the_field_and_in_the_sentence() -> None:
    ((field, (sentence,)),) = errors_of(Tree, {"x" * 5000: 1}).items()

    assert field == "x" * MAX_NAME_LENGTH
    assert sentence == f"{field} is not a known field."


def test_a_validator_can_report_several_sentences_by_field() -> None:
    class Span(BaseModel):
        start: int
        end: int

        @model_validator(mode="after")
        def _check(self) -> Span:
            raise sentences({"start": ["Start is odd.", "Start is late."], "end": ["End is early."]})

    data = {"start": 3, "end": 1}

    assert errors_of(Span, data) == {"start": ["Start is odd.", "Start is late."], "end": ["End is early."]}
    assert list(errors_of(Span, data, "span")) == ["span.start", "span.end"]


def test_a_reported_sentence_may_contain_braces() -> None:
    error = sentences({"body": ['Write {"kind": "http"}.']})

    assert field_errors(error, {}) == {"body": ['Write {"kind": "http"}.']}


def test_a_sentence_without_a_field_belongs_to_the_whole_value() -> None:
    error = sentences({"": ["The two times are equal."]})

    assert field_errors(error, {}, prefix="window") == {"window": ["The two times are equal."]}
    assert field_errors(error, {}) == {"": ["The two times are equal."]}
