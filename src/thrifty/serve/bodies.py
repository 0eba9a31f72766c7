"""Bodies: what clients may ask, as checked values, and what they are answered, as JSON."""

import json
import math
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from thrifty.serve.problems import Problem

__all__ = ["PredictBody", "SearchBody", "answer_bytes", "checked", "parsed"]

Body = TypeVar("Body", bound=BaseModel)


class SearchBody(BaseModel):
    """A search."""

    model_config = ConfigDict(extra="forbid", title="Search")

    q: str = Field(description="what is looked for; may be empty")
    k: int = Field(10, description="how many results")
    filter: str | None = Field(None, description="such as year > 2020 and lang == 'en'")
    explain: bool = Field(False, description="tell for each result what its score is made of")
    highlight: bool = Field(True, description="cut snippets, with the words that were looked for")


class PredictBody(BaseModel):
    """Rows to predict."""

    model_config = ConfigDict(extra="forbid", title="Predict")

    rows: list[dict[str, Any]] = Field(description="an object a row; what it lacks is missing")
    top: int = Field(5, description="how many classes are ranked")
    explain: bool = Field(False, description="tell which features moved each answer")


def parsed(body: bytes) -> Any:
    """The value of a JSON text; NaN, infinities and half characters are none.

    Raises:
        Problem: 400, it is not JSON in UTF-8.

    Example:
        >>> parsed(b'{"k": 3}')
        {'k': 3}
        >>> parsed(b'[NaN]')
        Traceback (most recent call last):
        thrifty.serve.problems.Problem: the body must be JSON: NaN is none
    """
    try:
        text = body.decode()
        value = json.loads(text, parse_constant=_refused, parse_float=_number)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise Problem(400, "the body must be JSON: it is nested too deeply") from None
    except UnicodeEncodeError:
        raise Problem(400, "the body must be JSON: half a character in a text") from None
    except UnicodeDecodeError:
        raise Problem(400, "the body must be JSON in UTF-8") from None
    except ValueError as error:
        raise Problem(400, f"the body must be JSON: {error}") from None
    return value


def checked(kind: type[Body], value: Any) -> Body:
    """A value as what was asked for.

    Raises:
        Problem: 422, with each member that is wrong.

    Example:
        >>> checked(SearchBody, {"q": "cat"}).k
        10
        >>> checked(SearchBody, {"q": "cat", "size": 3})
        Traceback (most recent call last):
        thrifty.serve.problems.Problem: size: Extra inputs are not permitted
    """
    if not isinstance(value, dict):
        raise Problem(422, f"the body must be a JSON object, got {type(value).__name__}")
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_input=False)) from None


def invalid(errors: Any) -> Problem:
    """A problem that names each member that is wrong, at most ten."""
    told = [
        {"name": ".".join(str(part) for part in error["loc"]), "detail": error["msg"]}
        for error in list(errors)[:10]
    ]
    first = f"{told[0]['name']}: {told[0]['detail']}"
    return Problem(422, first, errors=told)


def answer_bytes(value: Any) -> bytes:
    """An answer as JSON; what is not finite is null, what JSON has not is a text.

    Example:
        >>> answer_bytes({"score": float("nan"), "ids": (1, 2)})
        b'{"score":null,"ids":[1,2]}'
    """
    try:
        return to_json(value, inf_nan_mode="null", bytes_mode="base64", fallback=_plain)
    except ValueError:  # half a character in a text
        return json.dumps(value, default=_plain).encode()


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _refused(name: str) -> None:
    raise ValueError(f"{name} is none")


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large a number")
    return number
