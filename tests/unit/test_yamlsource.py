"""YAML as kubectl reads it, and the line of each field."""

import pytest

from kindlabs.yamlsource import YamlFault, read, resolve

KUBECTL_READS = [
    ("yes", True), ("Y", True), ("on", True), ("True", True), ("no", False), ("OFF", False), ("n", False),
    ("tRue", "tRue"), ("null", None), ("~", None), ("", None),
    ("0777", 511), ("0o17", 15), ("0b11", 3), ("0x1F", 31), ("-0x10", -16), ("08", 8), ("1_000", 1000), ("+5", 5),
    ("1e3", 1000), ("1.", 1), ("1.5", 1.5), (".5", 0.5), ("-.5", -0.5), ("1e400", "1e400"),
    ("18446744073709551615", 18446744073709551615), ("18446744073709551616", 18446744073709551616),
    ("0xfffffffffffffffff", "0xfffffffffffffffff"), ("9" * 5000, "9" * 5000),
    ("1:30", "1:30"), ("2001-01-01", "2001-01-01"), ("_1", "_1"), ("0x", "0x"), ("+", "+"), ("500m", "500m"),
]  # fmt: skip
"""Plain scalars with their values as kubectl v1.36.3 prints them (``kubectl patch --local -o json``)."""


@pytest.mark.parametrize(("plain", "value"), KUBECTL_READS)
def test_plain_scalars(plain: str, value: object) -> None:
    """An unquoted scalar means what it means to kubectl."""
    assert resolve(plain) == value
    assert type(resolve(plain)) is type(value)


def test_quoted_scalars_are_text() -> None:
    """Quotes and block styles make text of anything; `!!str` too."""
    value = read("- 'yes'\n- \"8\"\n- !!str 8\n- |\n  no\n")[0].value
    assert value == ["yes", "8", "8", "no\n"]


def test_lines() -> None:
    """A mapping entry has the line of its key, a list item the line where it begins, a missing field its parent's."""
    document = read("# web\nkind: Pod\nspec:\n  containers:\n  - name: a\n    image: x\n  - name: b\n")[0]
    assert document.line_of("spec") == 3
    assert document.line_of("spec", "containers", 0, "image") == 6
    assert document.line_of("spec", "containers", 1) == 7
    assert document.line_of("spec", "containers", 1, "args", 0) == 7
    assert document.line_of("status") == document.line_of() == 2


def test_several_documents() -> None:
    """Documents come in their order, empty ones as None, each with its own lines."""
    first, empty, second = read("a: 1\n---\n---\nb: 2\n")
    assert (first.value, empty.value, second.value) == ({"a": 1}, None, {"b": 2})
    assert second.line_of("b") == 4


def test_aliases_and_merges() -> None:
    """An alias is a copy; `<<` fills in what the mapping does not say itself."""
    value = read("a: &a {x: 1, z: 2}\nb: *a\nc: {<<: *a, z: 3}\nd: {<<: [{x: 5}, *a]}\n")[0].value
    assert value["b"] == {"x": 1, "z": 2}
    assert value["b"] is not value["a"]
    assert value["c"] == {"z": 3, "x": 1}
    assert value["d"] == {"x": 5, "z": 2}


def test_keys_are_text() -> None:
    """A key that reads as a number or boolean becomes text, as in JSON."""
    assert read("8080: a\non: b\n")[0].value == {"8080": "a", "true": "b"}


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("a: 1\nb: [2\nc: 3\n", 3, 2, "expected ',' or ']'"),
        ("a: 1\n  b: 2\n", 2, 4, "mapping values are not allowed"),
        ("a: 1\n\tb: 2\n", 2, 1, "a tab; YAML is indented with spaces"),
        ("a:\n  b: 1\n \tc: 2\n", 3, 2, "a tab; YAML is indented with spaces"),
        ("a:\n  b:\n\t  c: 1\n", 3, 1, "a tab; YAML is indented with spaces"),
        ("a: 1\n---\n\ufeffb: 2\n", 3, 1, "an invisible character, byte order mark (U+FEFF): delete it"),
        ("a: 1\u2028b: 2\n", 1, 5, "an invisible character, line separator (U+2028): delete it"),
        ("a:\n\t- b\n", 2, 1, "a tab; YAML is indented with spaces"),
        ("a: @b\n", 1, 4, "cannot start any token"),
        ("a: 'open\n", 2, 1, "unexpected end of stream"),
        ("a: 1\nb: 2\na: 3\n", 3, 1, "the key 'a' stands twice in one mapping (first on line 1)"),
        ("a: 1\nb: \x01\n", 2, 4, "is not allowed"),
        ("a: !secret x\n", 1, 4, "the tag !secret"),
        ("a: .inf\n", 1, 4, "no number that JSON can hold"),
        ("? [x]\n: y\n", 1, 3, "a key has to be a string"),
        ("a: *b\n", 1, 4, "the alias *b"),
        ("a: &a [*a]\n", 1, 8, "the alias *a"),
        ("a: {<<: 3}\n", 1, 9, "merges mappings only"),
    ],
)
def test_faults_have_a_place(text: str, line: int, column: int, reason: str) -> None:
    """What cannot be read is refused with line, column and reason."""
    with pytest.raises(YamlFault) as caught:
        read(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert reason in caught.value.reason


def test_alias_bomb() -> None:
    """Aliases that multiply are counted as often as they are used, and stop before they fill the memory."""
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    with pytest.raises(YamlFault, match="more than 100000 values"):
        read("\n".join(["a0: &a0 [x]", *levels]))


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "- " * 100_000, "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 300))]
)
def test_deep_nesting(text: str) -> None:
    """Nesting is limited, whether written out or made of aliases; it never exhausts the stack."""
    with pytest.raises(YamlFault, match=r"nested deeper than 100 levels"):
        read("a0: &a0 [x]\n" + text if text.startswith("a1") else text)


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("a:\n\u00a0 b: 1\n  c: 2\n", 2, 1, "an invisible character, no-break space (U+00A0), which is not a space"),
        ("a:\u00a0b\n", 1, 3, "no-break space (U+00A0), which is not a space: write a space"),
        ("a: b\u00a0\n", 1, 5, "no-break space (U+00A0)"),
        ("a: b\n\u00a0\nc: d\n", 2, 1, "no-break space (U+00A0)"),
        ("a: b\r\nc: d\u3000e\r\n", 2, 5, "ideographic space (U+3000)"),
        (
            "a: '\N{GRINNING FACE}'\nb: web\u200b\n",
            2,
            7,
            "an invisible character, zero width space (U+200B): delete it",
        ),
        ("w\u200db: 1\n", 1, 2, "zero width joiner (U+200D)"),
        ("a: x\ufeffy\n", 1, 5, "byte order mark (U+FEFF): delete it"),
        ("a: 'x\u202ey'\n", 1, 6, "right-to-left override (U+202E)"),
        ("a: >\n  b\n  c\u00ad\n", 3, 4, "soft hyphen (U+00AD)"),
        ("a: [\u201cb\u201d]\n", 1, 5, '\u201c is a left double quotation mark (U+201C), not ": write "'),
        ("a: \u201cb: c\u201d\n", 1, 4, "left double quotation mark (U+201C)"),
        ("a: \u2018b\u2019\n", 1, 4, "left single quotation mark (U+2018), not ': write ', or put the text in quotes"),
        ("a:\n\u2013 b\n", 2, 1, "\u2013 is a en dash (U+2013), not -: write -"),
        ("a\uff1a 1\nb: 2\n", 1, 2, "fullwidth colon (U+FF1A), not :"),
        ("a: [b\uff0c c]\n", 1, 6, "fullwidth comma (U+FF0C), not ,"),
        ("data: {a: \u201cb\u201d}\n", 1, 11, "left double quotation mark"),
        ("metadata: {annotations: {a: b\u00a0}}\n", 1, 30, "no-break space"),
        ("env: [{value: b\u200b}]\n", 1, 16, "zero width space"),
    ],
)
def test_characters_that_nobody_types(text: str, line: int, column: int, reason: str) -> None:
    """What cannot be seen, or is taken for another character, is named, with its line and column."""
    with pytest.raises(YamlFault) as caught:
        read(text, typed=True)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    "text",
    [
        "\N{GRINNING FACE}: grün # a\u00a0comment, it\u2019s free\n",
        "data:\n  a: |\n    <p>\u00a0\u201cb\u201d</p>\n",
        "stringData: {a: 'b\u200b'}\n",
        "metadata: {annotations: {a: It\u2019s mine \u2013 and \N{WOMAN}\u200d\N{PERSONAL COMPUTER}}}\n",
        "env: [{value: '\u00a0'}]\n",
        "args: [sh, -c, 'echo \u201chello\u201d']\n",
        'a: "b\\u00a0c"\n',
    ],
)
def test_characters_that_are_meant(text: str) -> None:
    """Comments, texts in quotes where any text may stand, and escapes are the author's own."""
    assert read(text, typed=True)
