"""Faults in words: where, what was found, what would do, the likeliest intent."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from evsim._typed_in.json_source import Path

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

MOST_SHOWN = 20
NO_SUCH_SETTING = "no such setting"
_LONGEST_VALUE = 50
_LONGEST_TEXT = 600
_LONGEST_NAME = 200
_MOST_BITS = 1_000
_NEAR_ENOUGH = 0.6
_MOST_OPTIONS = 12
_MOST_REMEMBERED = 1_024
_PERCENT = 100
_TOLD_UNITS = ("kWh", "kW", "miles", "miles/kWh", "min", "h")


class Fault(NamedTuple):
    """One thing to mend: where (`path`), and what to say of it.

    about_several : whether it is about values that do not go together; such faults are told last
    """

    path: Path
    text: str
    about_several: bool = False


def printable(text: str) -> str:
    """`text` without line breaks, control characters and halves of characters."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def shorten(text: str) -> str:
    """A file's name, or the end of a very long one."""
    return text if len(text) <= _LONGEST_NAME else f"...{text[-_LONGEST_NAME:]}"


def quoted(text: str) -> str:
    """A name, whole, in quotes."""
    return f'"{printable(text)}"'


def show(value: object) -> str:
    """A value as its writer would recognise it, on one line and not too long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return f"a number of about {value.bit_length() * 3 // 10:,} digits"
    if isinstance(value, int):
        text = str(value)
    elif isinstance(value, float):
        text = f"{value:.10g}"
    elif isinstance(value, str):
        text = f'"{printable(value[: 2 * _LONGEST_VALUE])}"'
    elif isinstance(value, Mapping):
        return "an object { }" if value else "an empty object { }"
    elif isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    else:
        text = printable(str(type(value).__name__))
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 4]}...{text[-1]}"


def show_path(path: Path) -> str:
    """`archetypes[2].battery_kwh`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier():
            text += f".{part}" if text else part
        else:
            text += f"[{show(part)}]"
    return text


def nearest(word: object, options: Iterable[str]) -> str | None:
    """The option that `word` is probably meant to be."""
    if not isinstance(word, str) or len(word) > 2 * _LONGEST_VALUE:
        return None
    return _nearest(word, tuple(options))


@lru_cache(maxsize=_MOST_REMEMBERED)
def _nearest(word: str, options: tuple[str, ...]) -> str | None:
    """Remembered, because a slip in a sheet's header comes back in every row. `boost` is `boost_percent`."""
    from difflib import get_close_matches

    by_plain = {option.casefold(): option for option in options}
    plain = word.strip().casefold()
    longer = [option for option in by_plain if plain and option.startswith(f"{plain}_")]
    found = longer if len(longer) == 1 else get_close_matches(plain, by_plain, 1, _NEAR_ENOUGH)
    return by_plain[found[0]] if found else None


def did_you_mean(word: object, options: Iterable[str]) -> str:
    """`; did you mean "days"?`, or what there is to choose from."""
    options = list(options)
    near = nearest(word, options)
    if near is not None:
        return f"; did you mean {show(near)}?"
    if not options or len(options) > _MOST_OPTIONS:
        return ""
    return f"; there {'is' if len(options) == 1 else 'are'} {', '.join(show(option) for option in options)}"


def describe(info: FieldInfo | None) -> str:
    """What a setting is, its unit and range: `usable battery capacity [kWh], over 0, at most 1000`."""
    if info is None:
        return ""
    first = (info.description or "").split(". ", maxsplit=1)[0].rstrip(".")
    parts = [first[:1].lower() + first[1:] if first[1:2].islower() or first[1:2] == " " else first]
    extra = info.json_schema_extra
    unit = extra.get("unit") if isinstance(extra, dict) else None
    if unit in _TOLD_UNITS:
        parts[0] += f" [{unit}]"
    parts.append(_range_of(info))
    return ", ".join(part for part in parts if part)


def and_then(text: str, more: str) -> str:
    """Two parts of a sentence."""
    return text if not more else f"{text}{' ' if text.endswith('?') else '; '}{more}"


def _range_of(info: FieldInfo) -> str:
    bounds = {name: getattr(m, name) for m in info.metadata for name in ("ge", "gt", "le", "lt") if hasattr(m, name)}
    if "ge" in bounds and "le" in bounds:
        return f"{_limit(bounds['ge'])}-{_limit(bounds['le'])}"
    words = {"ge": "at least", "gt": "over", "le": "at most", "lt": "under"}
    return ", ".join(f"{words[name]} {_limit(bounds[name])}" for name in words if name in bounds)


def _limit(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:,.10g}"


def typed_fault(text: str) -> PydanticCustomError:
    """To raise in a validator: the value is faulty; what the setting is will be added."""
    return PydanticCustomError("typed", "{text}", {"text": text})


def told_fault(text: str) -> PydanticCustomError:
    """To raise in a validator: `text` says all there is to say."""
    return PydanticCustomError("told", "{text}", {"text": text})


def as_validation_error(title: str, faults: Sequence[Fault]) -> ValidationError:
    """The faults as pydantic tells them, so that a model built by hand says the same as a file."""
    lines = [
        InitErrorDetails(
            type=PydanticCustomError("about_several" if f.about_several else "told", "{text}", {"text": f.text}),
            loc=f.path,
            input=None,
        )
        for f in faults
    ]
    return ValidationError.from_exception_data(title, lines, hide_input=True)


def faults_of(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """What pydantic found wrong with a `model`, in our words."""
    lines = error.errors(include_url=False)
    paths = [line["loc"] for line in lines]
    fields = model.model_fields
    meant = _meant_by([str(p[0]) for p in paths if len(p) == 1 and p[0] not in fields], fields)
    deeper = {p[:end] for p in paths for end in range(len(p))}
    faults = []
    for line in lines:
        path: Path = tuple(part if isinstance(part, int) else _whole(part) for part in line["loc"])
        if _goes_without_saying(path, line["type"], meant, deeper):
            continue
        text = _sentence(dict(line), path, model)
        faults.append(Fault(path, printable(text)[:_LONGEST_TEXT], line["type"] == "about_several"))
    return faults


def _whole(key: str) -> str:
    """A key without halves of characters, which pydantic cannot bear."""
    return key if key.isprintable() else key.encode("utf-8", "replace").decode()


def _meant_by(strange: Sequence[str], fields: Iterable[str]) -> set[str | None]:
    """The settings that unknown keys are probably meant to be; of the first ones, as no more are shown."""
    return {nearest(key, fields) for key in strange[:MOST_SHOWN]}


def _goes_without_saying(path: Path, kind: str, meant: Container[object], deeper: Container[Path]) -> bool:
    """Whether a fault only follows from another one: a misspelt key, or one inside the list.

    meant : settings that unknown keys are meant to be; deeper : paths inside which there are faults
    """
    if kind == "missing" and len(path) == 1:
        return path[0] in meant
    if kind == "too_short":
        return path in deeper
    return kind == "default_factory_not_called"


def _sentence(line: dict[str, Any], path: Path, model: type[BaseModel]) -> str:
    kind = line["type"]
    in_field = path and all(isinstance(part, int) for part in path[1:])
    info = describe(model.model_fields.get(str(path[0])) if in_field else None)
    if kind in ("told", "about_several"):
        return str(line["msg"])
    if kind == "value_error":
        return str(line["ctx"]["error"])
    if kind == "extra_forbidden" and path:
        return NO_SUCH_SETTING + did_you_mean(path[-1], model.model_fields)
    return and_then(_found(kind, line), info)


def _found(kind: str, line: dict[str, Any]) -> str:
    """What is wrong with a value, for the kinds of error that pydantic knows."""
    if kind in _SENTENCES:
        return _SENTENCES[kind](line["input"], line.get("ctx", {}))
    return f"{show(line['input'])}: {line['msg'][:1].lower()}{line['msg'][1:]}"


def _no_object(found: object, _: dict[str, Any]) -> str:
    return f"{show(found)} where an object {{ }} with settings belongs"


def _no_list(found: object, _: dict[str, Any]) -> str:
    return f"{show(found)} where a list [ ] belongs"


def _too_high(found: Any, ctx: dict[str, Any]) -> str:
    text = f"{show(found)} is over {_limit(ctx['le'])}"
    return f"{text}; is {found / _PERCENT:g} meant?" if ctx["le"] == 1 and 1 < found / 2 <= _PERCENT / 2 else text


_SENTENCES: dict[str, Callable[[Any, dict[str, Any]], str]] = {
    "typed": lambda _, ctx: str(ctx["text"]),
    "missing": lambda _found, _ctx: "missing",
    "greater_than": lambda found, ctx: f"{show(found)} is not over {_limit(ctx['gt'])}",
    "greater_than_equal": lambda found, ctx: f"{show(found)} is under {_limit(ctx['ge'])}",
    "less_than": lambda found, ctx: f"{show(found)} is not under {_limit(ctx['lt'])}",
    "less_than_equal": _too_high,
    "literal_error": lambda found, ctx: f"{show(found)} is not {str(ctx['expected']).replace(chr(39), chr(34))}",
    "model_type": _no_object,
    "model_attributes_type": _no_object,
    "dict_type": _no_object,
    "tuple_type": _no_list,
    "list_type": _no_list,
    "is_instance_of": lambda found, _: f"{show(found)} is not a charging strategy (name, asked, orders)",
    "string_too_long": lambda found, ctx: f"{show(found)} is longer than {ctx['max_length']} characters",
    "string_too_short": lambda found, _: f"{show(found)} is empty",
    "too_short": lambda _, ctx: f"an empty list; at least {ctx['min_length']} is needed",
}


def report(header: str, told: Sequence[tuple[str, str]], n: int | None = None) -> str:
    """The whole message: `header: 3 things to mend`, then a line for each (place, sentence).

    told : all of them, or the first of `n`
    """
    n = len(told) if n is None else n
    told = [(printable(place), printable(text)) for place, text in told[:MOST_SHOWN]]
    width = max((len(place) for place, _ in told), default=0)
    lines = [f"{shorten(printable(header))}: {n:,} thing{'s' * (n != 1)} to mend"]
    lines += [f"  {place:<{width}}  {text}" if width else f"  {text}" for place, text in told]
    if n > MOST_SHOWN:
        lines.append(f"  and {n - MOST_SHOWN:,} more")
    return "\n".join(lines)
