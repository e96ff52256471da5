"""What routes share: where the controller is, and how a body is read."""

from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from gslb.config.faults import problems_of, suggest
from gslb.config.names import absolute, closest, is_below, wildcard_above
from gslb.control.controller import Controller
from gslb.control.helping import AUTHOR
from gslb.model.names import ServiceName
from gslb.model.options import Options

CONTROLLER = web.AppKey("controller", Controller)
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]+$"
"""Terminals obey control characters, and people read these words on terminals."""


def _not_ours(author: str) -> str:
    if author.startswith(AUTHOR):
        raise ValueError(f"{author!r} is how escalations sign; write another name")
    return author


Named = Annotated[str, Field(pattern=PRINTABLE, max_length=300)]
Why = Annotated[str, Field(pattern=PRINTABLE, max_length=500, description="why, in one line, for the record")]
Author = Annotated[
    str, Field(pattern=PRINTABLE, max_length=100, description="who orders it"), AfterValidator(_not_ours)
]

_AUTHOR: TypeAdapter[str] = TypeAdapter(Author)

Body = TypeVar("Body", bound=Options)


async def read_body(request: web.Request, schema: type[Body]) -> Body:
    """The body of a request.

    Raises:
        HTTPBadRequest: it has faults.
    """
    try:
        return schema.model_validate_json(await request.read())
    except ValidationError as error:
        found = problems_of(error, "request", (), schema)
        raise web.HTTPBadRequest(text="; ".join(str(problem) for problem in found)) from None


def author_in_query(request: web.Request) -> str:
    """Who asks, for requests that have no body; ``unknown`` where that is not said.

    Raises:
        HTTPBadRequest: nobody may sign like that.
    """
    said = request.query.get("author") or "unknown"
    try:
        return _AUTHOR.validate_python(said)
    except ValidationError as error:
        (fault,) = error.errors(include_url=False)
        raise web.HTTPBadRequest(text=f"author: {fault['msg']}") from None


def find_service(controller: Controller, text: str) -> ServiceName:
    """The service that ``text`` names.

    Raises:
        HTTPBadRequest: it is no DNS name.
        HTTPNotFound: there is none.
    """
    services = controller.engine.topology.services
    name = _service_name(text)
    if name not in services:
        raise web.HTTPNotFound(text=f"no service {name!r}; {suggest(name, services)}")
    return name


def answering_service(controller: Controller, text: str) -> ServiceName:
    """The service that answers for ``text``: the one of that name, or a wildcard above it (RFC 4592, section 3.3).

    Aliases (CNAME) are not followed.

    Raises:
        HTTPBadRequest: it is no DNS name.
        HTTPNotFound: none does.
    """
    services, name = controller.engine.topology.services, _service_name(text)
    if name in services or not any(service.startswith("*.") for service in services):
        return find_service(controller, text)
    configuration = controller.configuration
    origin = closest(name, configuration.published)
    if origin is None:
        return find_service(controller, text)
    owners = {record.name for zone in configuration.zones if zone.origin == origin for record in zone.records}
    owners |= {service for service in services if closest(service, configuration.published) == origin}
    wildcard = ServiceName(wildcard_above(name, owners))
    exists = any(is_below(owner, name) for owner in owners)
    return wildcard if wildcard in services and not exists else find_service(controller, text)


def _service_name(text: str) -> ServiceName:
    try:
        return ServiceName(absolute(text, wildcard=True))
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
