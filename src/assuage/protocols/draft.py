"""A draft of protocol.json: every field of a technique, empty, or with what a published protocol gives.

The fields come from the JSON Schema, so that a draft can hold nothing that a protocol does not. A field that is null
has to be filled or may stay empty; `read_protocol` names those that have to be filled. Numbers with a default (one
pulse a burst, one session a day) start as null as well: a draft states nothing that neither a source nor the user has
said.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from assuage.errors import DataError
from assuage.protocols.mandatory import mandatory_items
from assuage.protocols.protocol import SCHEMA_VERSION, json_schema
from assuage.protocols.published import Published, load_published, published_protocols

EXAMPLES = {"electrodes": 2, "pairs": 2, "contacts": 2}
"""Empty entries in a list of records; one elsewhere."""


def technique_names() -> tuple[str, ...]:
    """Return the techniques that a protocol can be written for."""
    return tuple(_mapping(json_schema()))


def draft(start: str | Published, *, screening: Iterable[str] = ()) -> dict[str, Any]:
    """Return a draft to fill in.

    Parameters
    ----------
    start
        A technique ("itbs"), or a published protocol or its name ("macmaster2019").
    screening
        Topics to ask; each starts as "unknown".

    Raises
    ------
    DataError
        Neither a technique nor a published protocol.
    """
    published = _published(start)
    technique = published.technique if published else str(start)
    empty = _empty_protocol(technique)
    empty["schema_version"] = SCHEMA_VERSION
    empty["safety"]["screening"] = dict.fromkeys(screening, "unknown")
    if published is None:
        return empty
    parts = {part: filled(empty[part], published.parts[part]) for part in published.parts}
    notes = [f"{published.citation}: {text}" for text in (*published.says, *published.derived)]
    return empty | parts | {"evidence": [evidence_entry(published)], "notes": notes}


def evidence_entry(published: Published) -> dict[str, Any]:
    """Return what `evidence` of a protocol says about a published one."""
    return {
        "name": published.name,
        "citation": published.citation,
        "source": published.source,
        "source_level": published.source_level,
        "evidence_row": published.evidence_row or None,
        "not_reported": list(published.not_reported),
    }


def open_fields(content: Any, path: str = "") -> tuple[str, ...]:
    """Return the dotted paths of a draft that are null."""
    if content is None:
        return (path,)
    if isinstance(content, Mapping):
        pairs: Iterable[tuple[Any, Any]] = content.items()
    elif isinstance(content, list):
        pairs = enumerate(content)
    else:
        return ()
    return tuple(found for key, value in pairs for found in open_fields(value, f"{path}.{key}".lstrip(".")))


def _published(start: str | Published) -> Published | None:
    if isinstance(start, Published):
        return start
    if start in technique_names():
        return None
    try:
        return load_published(start)
    except DataError:
        raise DataError(
            f"{start!r} is neither a technique ({', '.join(technique_names())}) nor a published protocol "
            f"({', '.join(known.name for known in published_protocols())})"
        ) from None


def _mapping(schema: Mapping[str, Any]) -> dict[str, str]:
    """Return technique to the definition of its dose plan."""
    return dict(schema["properties"]["dose"]["discriminator"]["mapping"])


def _empty_protocol(technique: str) -> dict[str, Any]:
    schema = json_schema()
    needed = [item.path_for(technique) for item in mandatory_items() if technique in item.techniques]
    empty = {name: _empty(node, schema, name, needed) for name, node in schema["properties"].items() if name != "dose"}
    empty["dose"] = _empty({"$ref": _mapping(schema)[technique]}, schema, "dose", needed) | {"technique": technique}
    return empty


def _empty(node: Mapping[str, Any], schema: Mapping[str, Any], path: str, needed: list[str]) -> Any:
    """Return the empty value of a schema node; an optional record is opened only where something in it is needed."""
    options = node.get("anyOf", [node])
    inner = next((option for option in options if option.get("type") != "null"), node)
    optional = len(options) > 1
    if optional and not any(item == path or item.startswith(f"{path}.") for item in needed):
        return None
    if "$ref" in inner:
        inner = schema["$defs"][inner["$ref"].rsplit("/", maxsplit=1)[-1]]
    if "properties" in inner:
        return {name: _empty(each, schema, f"{path}.{name}", needed) for name, each in inner["properties"].items()}
    if isinstance(node.get("default"), list | dict):
        return deepcopy(node["default"])
    if isinstance(inner.get("additionalProperties"), dict) and not optional:
        return {}
    items = inner.get("items", {})
    if inner.get("type") == "array" and "$ref" in items and not optional:
        name = path.rsplit(".", maxsplit=1)[-1]
        return [_empty(items, schema, f"{path}.{k}", needed) for k in range(EXAMPLES.get(name, 1))]
    return inner.get("const") if not optional else None


def filled(base: Any, over: Any) -> Any:
    """Return `base` with the values of `over`; a list of records takes the shape of the empty record for each entry."""
    if isinstance(base, dict) and isinstance(over, Mapping):
        unknown = set(over) - set(base)
        if unknown and base:
            raise DataError(f"the draft is given {', '.join(sorted(unknown))}, which this part of a protocol has not")
        return base | {key: filled(base.get(key), value) for key, value in over.items()}
    if isinstance(base, list) and isinstance(over, list) and base and isinstance(base[0], dict):
        return [filled(base[0], entry) for entry in over]
    return deepcopy(over)
