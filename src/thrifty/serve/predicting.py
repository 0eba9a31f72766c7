"""Predicting: the routes of the models."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from thrifty.core import whole
from thrifty.serve._routes import asked_json, found, takes
from thrifty.serve.bodies import PredictBody, answer_bytes, checked, parsed
from thrifty.serve.guard import security
from thrifty.serve.limits import Limits
from thrifty.serve.pages import REPORT_STYLE
from thrifty.serve.problems import Problem
from thrifty.serve.shelf import Served, Shelf
from thrifty.serve.workers import Workers

__all__ = ["predicting"]

REASONS = 10
LISTED = 1000
SCALARS = (str, int, float, bool, type(None))


def predicting(shelf: Shelf, workers: Workers, limits: Limits) -> APIRouter:
    """The routes under /v1/models.

    Args:
        shelf: what is served.
        workers: do the work.
        limits: k and rows are kept.
    """
    router = APIRouter(prefix="/v1/models", tags=["predict"])

    async def predict(request: Request, name: str, asked: PredictBody) -> Response:
        model = found(shelf, "model", name, request).thing
        whole("top", asked.top, 1, limits.k)
        whole("number of rows", len(asked.rows), 1, limits.rows)
        names = model.featurizer.schema.names
        for number, row in enumerate(asked.rows):
            check_row(row, names, number)
        return await workers.do(_predict, model, asked)

    @router.get("/{name}", summary="What a model reads and answers")
    async def describe(request: Request, name: str) -> Response:
        return await workers.do(_described, found(shelf, "model", name, request))

    @router.get("/{name}/report", summary="The report of the run that made a model, as a page")
    async def report(request: Request, name: str) -> Response:
        return await workers.do(_report, found(shelf, "model", name, request))

    @router.get("/{name}/predict", summary="Predict one row")
    async def by_query(
        request: Request,
        name: str,
        row: Annotated[str, Query(description="a JSON object")],
        top: int = 5,
        explain: bool = False,
    ) -> Response:
        asked = {"rows": [parsed(row.encode())], "top": top, "explain": explain}
        return await predict(request, name, checked(PredictBody, asked))

    @router.post("/{name}/predict", summary="Predict rows", openapi_extra=takes(PredictBody))
    async def by_body(request: Request, name: str) -> Response:
        return await predict(request, name, checked(PredictBody, await asked_json(request)))

    return router


def check_row(row: Mapping[str, Any], names: list[str], number: int) -> None:
    """See that a row has known columns only, and values that a column can have.

    Raises:
        Problem: 422, with the row and the column.

    Example:
        >>> check_row({"age": 3, "tags": ["a"]}, ["age", "tags"], 0)
        >>> check_row({"agee": 3}, ["age"], 0)
        Traceback (most recent call last):
        thrifty.serve.problems.Problem: row 0 has an unknown column 'agee'
    """
    for name, value in row.items():
        if name not in names:
            shown = f"row {number} has an unknown column {name!r}"
            raise Problem(422, shown, columns=names)
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(one, SCALARS) for one in values):
            shown = "a text, a number, true, false, null or a list of those"
            raise Problem(422, f"row {number}, column {name!r} must be {shown}")


def _predict(model: Any, asked: PredictBody) -> Response:
    answers = model.predict(asked.rows, asked.top)
    shown = [_named(found) for found in answers]
    for row, answer in zip(asked.rows, shown, strict=True):
        if asked.explain:
            (why,) = model.explain(row, 1, REASONS)
            pairs = [{"feature": text, "weight": weight} for text, weight in why["features"]]
            answer["because"] = pairs
    return Response(answer_bytes({"predictions": shown}), media_type="application/json")


def _named(found: Mapping[str, Any]) -> dict[str, Any]:
    if "top" not in found:
        return dict(found)
    pairs = [{"class": name, "probability": share} for name, share in found["top"]]
    return {"predicted": found["predicted"], "top": pairs}


def _described(served: Served) -> Response:
    model = served.thing
    columns = [
        {"name": one.name, "kind": one.kind, "separator": one.separator, "format": one.format}
        for one in (model.featurizer.schema[name] for name in model.featurizer.schema.names)
    ]
    target = model.target
    count = 0 if model.task == "number" else target.num_outputs
    told = {
        "name": served.name, "task": model.task, "target": target.name, "columns": columns,
        "classes": count, "rows": model.rows, "nbytes": model.nbytes,
        "examples": [target.value_of(number) for number in range(min(count, LISTED))],
    }  # fmt: skip
    return Response(answer_bytes(told), media_type="application/json")


def _report(served: Served) -> Response:
    from thrifty.models.report import html_page

    facts = report_facts(served)
    text = html_page(facts)
    headers = security(style=REPORT_STYLE)
    return Response(text, media_type="text/html; charset=utf-8", headers=headers)


def report_facts(served: Served) -> dict[str, Any]:
    """What is known of a run: the report beside the model, or else what the model itself says."""
    model = served.thing
    known = {"target": model.target.name, "task": model.task, "rows": model.rows, **model.facts}
    path = served.path / "report.json"
    try:
        return {**known, **json.loads(path.read_text())}
    except (OSError, ValueError, TypeError):
        return known
