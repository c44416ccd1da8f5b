"""A VXU broken in every way that NIST's profile of Z22 knows: the profile's own tree says what there is to break.

`mutations(profile, message)` yields (what was done, message). `profile` is a loaded profile of the checker; elements,
lengths, types and codes come from it, never from our own table, so that what our table lacks shows.
"""

from collections.abc import Iterator
from itertools import islice

SEPARATORS = "^&"
DELIMITERS = "|^~\\&"
OTHER_DELIMITERS = "|@~\\&"

# A value of each primitive type, and values that break its form.
GOOD = {"NM": "1", "SI": "1", "DT": "20240229", "TM": "1200", "DTM": "20240229"}
BAD = {
    "NM": ["one", "1,5", "--1"],
    "SI": ["x"],
    "DT": ["20241301", "20230229", "2024-01-01", "202402291200"],
    "TM": ["9999"],
    "DTM": ["20240431", "2024022925", "20240229120000.1-0500", "202402", "today"],
}
# What the value sets that are bound to no list hold.
SAMPLES = {"HL70396_IZ": "L", "CVX": "21", "NDC_Use": "00005-0100-01", "MVX": "MSD"}
ODD_SEGMENTS = (
    "ZZZ|1",
    "SFT|Example|1|Example|1",
    "PV1||R",
    "PV2|",
    "GT1|1",
    "not a segment",
    "IN2|1",
    "TQ2|1",
    "NTE|||stray",
)
INSURANCE = "IN1|1|PLAN^Plan^L|C1^^^EX0000^NI||||||||||||1||||||||||||||20240101"


ODD_TEXTS = {
    "ID": ("QQ", "LN"),
    "IS": ("Q",),
    "ST": ("0", "999", "-1", "1.5", "2.16.840.1.113883", "9.9"),
    "NM": ("0", "1", "2", "999"),
    "SI": ("0", "1", "2", "01"),
}


def some(codes):
    """All codes of a short value set; of a long one a few."""
    ordered = sorted(codes)
    return ordered if len(ordered) <= 12 else [*ordered[:2], ordered[len(ordered) // 2], *ordered[-1:]]


def segment_types(profile):
    """The segment types of the profile by name."""
    found = {}

    def walk(type_):
        for child in type_.children:
            if child.type.kind == "Segment":
                found[child.type.name] = child.type
            elif child.type.kind == "Group":
                walk(child.type)

    walk(profile.root)
    return found


def segments(message):
    return [line for line in message.split("\r") if line]


def joined(lines):
    return "\r".join(lines) + "\r"


def structure(message) -> Iterator[tuple[str, str]]:
    """Segments that are missing, repeated, out of place or not of the profile."""
    yield from _structure(segments(message))


def of_one_segment(profile, message, chance) -> Iterator[tuple[str, str]]:
    """Every mutation of one segment, chosen by chance."""
    lines = segments(message)
    at = chance.randrange(len(lines))
    for what, mutated in _segment(segment_types(profile)[lines[at][:3]], lines[at], profile):
        yield f"{lines[at][:3]}@{at} {what}", joined([*lines[:at], mutated, *lines[at + 1 :]])


def mutations(profile, message) -> Iterator[tuple[str, str]]:
    """Every mutation of every field, of one segment of each kind."""
    lines = segments(message)
    types = segment_types(profile)
    seen = set()
    for at, line in enumerate(lines):
        name = line[:3]
        # Of many observations one of each kind is enough.
        kind = (name, line.split("|")[2] if name == "OBX" else line.split("|")[-2] if name == "RXA" else "")
        if kind in seen:
            continue
        seen.add(kind)
        for what, mutated in _segment(types[name], line, profile):
            yield f"{name}@{at} {what}", joined([*lines[:at], mutated, *lines[at + 1 :]])


def _structure(lines):
    for at, line in enumerate(lines):
        name = line[:3]
        rest = lines[:at] + lines[at + 1 :]
        yield f"{name}@{at} dropped", joined(rest)
        yield f"{name}@{at} twice", joined([*lines[:at], line, line, *lines[at + 1 :]])
        if at:
            yield f"{name}@{at} one earlier", joined([*lines[: at - 1], line, lines[at - 1], *lines[at + 1 :]])
            yield f"{name}@{at} last", joined([*rest, line])
            yield f"{name}@{at} second", joined([rest[0], line, *rest[1:]])
        for odd in (*ODD_SEGMENTS, INSURANCE):
            yield f"{odd[:3]} after {name}@{at}", joined([*lines[: at + 1], odd, *lines[at + 1 :]])
    header = lines[0].replace("^~\\&", OTHER_DELIMITERS[1:], 1)
    yield (
        "other component separator",
        joined([header.replace("^", "@"), *(line.replace("^", "@") for line in lines[1:])]),
    )
    yield "other field separator", joined([line.replace("|", "!") for line in lines])
    numbers = [at for at, line in enumerate(lines) if line.startswith("OBX")]
    for start in (0, 2):
        changed = list(lines)
        for number, at in enumerate(numbers, start):
            fields = changed[at].split("|")
            changed[at] = "|".join(["OBX", str(number), *fields[2:]])
        yield f"OBX numbered from {start}", joined(changed)
    changed = list(lines)
    for number, at in enumerate(numbers, 1):
        fields = changed[at].split("|")
        changed[at] = "|".join(["OBX", str(number), *fields[2:]])
    yield "OBX numbered through the message", joined(changed)


def _segment(type_, line, profile):
    fields = line.split("|")
    shift = 1 if fields[0] == "MSH" else 0  # MSH-1 is the separator itself
    if shift:
        fields.insert(1, "|")

    def put(position, value):
        made = fields + [""] * (position + 1 - len(fields))
        made[position] = value
        if shift:
            del made[1]
        return "|".join(made)

    for spec in type_.children:
        if shift and spec.position <= 2:
            continue
        value = fields[spec.position] if spec.position < len(fields) else ""
        actual = _actual(type_, spec, fields)
        for what, mutated in _field(spec, actual, value, profile):
            yield f"-{spec.position} {what}", put(spec.position, mutated)
    yield "too many fields", put(len(type_.children) + 1 - 0, "X")


def _actual(type_, spec, fields):
    """The type of a field, which for OBX-5 follows from OBX-2 and OBX-3."""
    for mapping in type_.mappings:
        if mapping.position == spec.position:
            keys = (fields[2], fields[3].split("^")[0])
            return mapping.cases.get(keys) or mapping.cases.get((keys[0], "")) or spec.type
    return spec.type


def _field(spec, type_, value, profile):
    first = value.split("~")[0]
    if value:
        yield "dropped", ""
        yield "twice", f"{first}~{first}"
        yield "null", '""'
        yield "null and a value", f'""~{first}'
        yield "blank", " "
        yield "only separators", "^&^"
        yield "after an empty repetition", f"~{first}"
    else:
        first = sample(type_, spec, profile)
        yield "added", first
        yield "added twice", f"{first}~{first}"
    if spec.usage == "X":
        return
    yield from _value(spec, type_, first, "^", profile)
    if value and spec.high > 1:
        for what, mutated in islice(_value(spec, type_, first, "^", profile), 0, None, 7):
            yield f"second repetition {what}", f"{first}~{mutated}"


def _value(spec, type_, value, separator, profile):
    """One value broken: as a primitive, or part by part."""
    if not type_.children:
        yield from _primitive(spec, type_, value, separator, profile)
        return
    parts = value.split(separator)
    yield "too many parts", separator.join(parts + [""] * (len(type_.children) - len(parts)) + ["X"])
    yield "only the last part", separator.join([""] * (len(type_.children) - 1) + ["X"])
    below = SEPARATORS[SEPARATORS.index(separator) + 1 :][:1]
    for part in type_.children:
        here = parts[part.position - 1] if part.position <= len(parts) else ""

        def put(text, part=part):
            made = parts + [""] * (part.position - len(parts))
            made[part.position - 1] = text
            return separator.join(made)

        if here:
            yield f".{part.position} dropped", put("")
            yield f".{part.position} blank", put(" ")
        else:
            here = sample(part.type, part, profile)
            yield f".{part.position} added", put(here)
        if part.type.children and not below:
            continue
        if part.type.children:
            changes = _value(part, part.type, here, below, profile)
        else:
            changes = _primitive(part, part.type, here, separator, profile)
        for what, mutated in changes:
            yield f".{part.position}{'' if what[0] == '.' else ' '}{what}", put(mutated)
    if spec.binding and spec.binding.location:
        codes = sorted(profile.library.sets.get(spec.binding.sets[0], ()))
        for code in [*codes[:3], *codes[-1:], "QQ", "00"]:
            yield f".1 is {code}", separator.join([code, *parts[1:]])


def _primitive(spec, type_, value, separator, profile):
    kind = type_.name
    for bad in BAD.get(kind, ()):
        yield f"is {bad}", bad
    low, high = spec.length or (1, 0)
    if 0 < high < 70000:
        long = ("9" if kind in GOOD else "X") * (int(high) + 1)
        yield "too long", long
        yield "as long as may be", long[1:]
        if kind not in GOOD and high > 4:
            yield "long by its escapes", long[: int(high) - 1] + "\\T\\"
    if low > 1:
        yield "too short", "X" * (low - 1)
    for part in SEPARATORS[SEPARATORS.index(separator) :]:
        if not (part == "^" and separator == "&"):
            yield f"holds {part}", f"{value}{part}b"
    if spec.usage != "O":
        for text in ODD_TEXTS.get(kind, ()):
            yield f"is {text}", text
        if spec.binding:
            yield from ((f"is {code}", code) for code in some(profile.library.sets.get(spec.binding.sets[0], ())))


def sample(type_, spec, profile):
    """A value of a type, as good as the profile tells: required parts only."""
    if not type_.children:
        for name in spec.binding.sets if spec.binding else ():
            codes = sorted(profile.library.sets.get(name, ()))
            if name in SAMPLES:
                return SAMPLES[name]
            if codes:
                return codes[0]
        return GOOD.get(type_.name, "X")
    parts = []
    for part in type_.children:
        needed = part.usage == "R" or (part.usage == "C" and part.position <= 2)
        below = sample(part.type, part, profile) if needed else ""
        parts.append(below.replace("^", "&") if part.type.children else below)
    if spec.binding and spec.binding.location:
        name = spec.binding.sets[0]
        codes = sorted(profile.library.sets.get(name, ()))
        parts[spec.binding.location - 1] = SAMPLES.get(name) or (codes[0] if codes else "X")
        systems = profile.library.sets.get(name, {}).get(parts[spec.binding.location - 1])
        if systems and type_.name in ("CE", "CWE"):
            parts[2] = min(systems)
    while parts and not parts[-1]:
        parts.pop()
    return "^".join(parts) or "X"
