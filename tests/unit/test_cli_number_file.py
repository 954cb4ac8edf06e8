"""Phone numbers in a file, each with its line."""

from pathlib import Path

import pytest

from callwright.cli.number_file import read_numbers
from callwright.errors import FieldInvalid


@pytest.mark.parametrize(
    ("data", "numbers"),
    [
        (b"6175550100\n+447700900123\n", [(1, "6175550100"), (2, "+447700900123")]),
        (b"\xef\xbb\xbf6175550100\r\n\r\n# said so\r\n", [(1, "6175550100")]),
        (b"# said so\n 617-555-0101 \n", [(2, "617-555-0101")]),
        (b"phone_number,name\n6175550100,Ana\n,Ben\n", [(2, "6175550100"), (3, "")]),
        (b'Name;Destination\n"Ana\nLee";6175550100\nBen;x\n', [(3, "6175550100"), (4, "x")]),
        (b"number\tnote\n6175550100\tcaf\xe9\n", [(2, "6175550100")]),
        (b"phone_number\n6175550100\n", [(2, "6175550100")]),
        (
            b"6175550100\r6175550101\x0b\r\n\n+4479\xe9",
            [(1, "6175550100"), (2, "6175550101"), (4, "+4479\xe9")],
        ),
        (b"", []),
        (b"\n\n", []),
    ],
)
def test_every_number_comes_with_its_line(
    data: bytes, numbers: list[tuple[int, str]], tmp_path: Path
) -> None:
    file = tmp_path / "numbers.csv"
    file.write_bytes(data)
    assert read_numbers(file) == numbers


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"a,b\n1,2\n", "must name a column phone_number"),
        (b"PK\x03\x04\0", "is no text"),
        (b"phone_number,note\n6175550100," + b"x" * 200_000, "cannot be read as CSV"),
    ],
)
def test_a_file_that_is_no_list_is_refused(data: bytes, told: str, tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_bytes(data)
    with pytest.raises(FieldInvalid, match=told):
        read_numbers(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FieldInvalid, match=r"nix\.csv: No such file"):
        read_numbers(tmp_path / "nix.csv")
