"""CSV files as spreadsheet programs write them: each page reads them the same way or refuses them with a reason."""

import codecs
import csv
import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.stories import some_numbers
from tracking.models import Shipment, Wording
from tracking.staff.spreadsheets import SheetFormat, UnreadableFileError, write_csv
from tracking.staff.words import translation

COLUMNS = ("number", "order_reference", "note")
SHEET = SheetFormat(columns=COLUMNS, other_names={"order": "order_reference"}, takes_shift_jis=True)
UNICODE_ONLY = SheetFormat(columns=COLUMNS, needed=("number", "note"))

UTF16_LE, UTF16_BE = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE
ENCODINGS = {
    "utf-8": (b"", "utf-8"),
    "utf-8 with mark": (codecs.BOM_UTF8, "utf-8"),
    "utf-16 little endian": (UTF16_LE, "utf-16-le"),
    "utf-16 big endian": (UTF16_BE, "utf-16-be"),
    "shift_jis": (b"", "cp932"),
}
REGISTER = "/admin/tracking/shipment/register/"
IMPORT = "/admin/tracking/wording/import/"
(NUMBER,) = some_numbers(1)


def encoded(text: str, name: str) -> bytes:
    """The text as bytes in one of ENCODINGS."""
    mark, encoding = ENCODINGS[name]
    return mark + text.encode(encoding)


def read(data: bytes, sheet: SheetFormat = SHEET) -> list[tuple[int, list[str], str]]:
    """The rows of the file: number, cells, and the first text beyond the named columns."""
    records = sheet.records(sheet.decode(data))
    return [(one.number, list(one.cells.values()), one.extra) for one in records]


def refusal(data: bytes, sheet: SheetFormat = SHEET) -> str:
    """The sentence with which the file is refused."""
    with pytest.raises(UnreadableFileError) as caught:
        read(data, sheet)
    return str(caught.value)


def workbook(first: str = "[Content_Types].xml", content: str = "<Types/>") -> bytes:
    """A ZIP file as Excel and LibreOffice write it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(first, content)
        archive.writestr("content.xml", "<x/>")
    return file.getvalue()


# What is read


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("hint", ["", "sep={}", "SEP={},,"])
@pytest.mark.parametrize("delimiter", ",;\t")
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_program_gives_the_same_rows(encoding, delimiter, hint, line_end):
    lines = ["number;order_reference;note", 'A;"1;2";壊れ物', "", 'B;;"é"']
    if encoding == "shift_jis":
        lines[-1] = "B;;カナ"
    text = line_end.join(lines).replace(";", delimiter)
    if hint:
        text = hint.format(delimiter) + line_end + text
    last = lines[-1][3:].strip('"')
    assert read(encoded(text, encoding)) == [
        (2, ["A", f"1{delimiter}2", "壊れ物"], ""),
        (3, ["", "", ""], ""),
        (4, ["B", "", last], ""),
    ]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('number,note\n1,"a\nb\r\nc"\n2,d', [(2, ["1", "a\nb\r\nc"], ""), (3, ["2", "d"], "")]),
        ("\n\nnumber\n1", [(4, ["1"], "")]),
        (' \n,,\n"Number",NOTE,,\n1', [(4, ["1", ""], "")]),
        ("number,note\n1,2,,3,4", [(2, ["1", "2"], "3")]),
        ("number\n1,", [(2, ["1"], "")]),
        ("sep=;\nnumber\n1;x", [(2, ["1"], "x")]),
        ("sep=;\nnumber,note\n1,2", [(2, ["1", "2"], "")]),
        ("sep=|\nnumber,note\n1,2", [(2, ["1", "2"], "")]),
        ("number,note\n'=1+1,'plain'", [(2, ["=1+1", "'plain'"], "")]),
        ("Order-Reference,number\n1,2", [(2, ["1", "2"], "")]),
        (" ORDER ,number\n1,2", [(2, ["1", "2"], "")]),
        ("number", []),
    ],
)
def test_rows_are_counted_as_the_spreadsheet_counts(text, rows):
    assert read(text.encode()) == rows


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_byte_order_mark_is_no_part_of_the_text(encoding):
    assert SHEET.decode(encoded("壊れ物", encoding)) == "壊れ物"
    assert [one.cells for one in SHEET.records("\ufeffnumber\n1")] == [{"number": "1"}]


def test_column_names_are_normalised():
    assert SHEET.header(' \n"Order  Reference";order;NOTE;;') == [
        "order_reference",
        "order_reference",
        "note",
    ]
    assert SHEET.header("\n,,\n") == []


def test_a_list_without_cells_is_read_line_by_line():
    text = 'sep=,\nA, 1\r\n\r"B\nC'
    assert [(number, line.strip()) for number, line in SHEET.lines(text)] == [
        (1, "A, 1"),
        (2, ""),
        (3, '"B'),
        (4, "C"),
    ]


# What is refused


def test_files_of_other_programs_are_named():
    excel, old_excel = workbook(), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)
    open_document = workbook("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    for data, kind in (
        (excel, "an Excel file (.xlsx)"),
        (old_excel, "an Excel file (.xls)"),
        (open_document, "a LibreOffice spreadsheet (.ods)"),
    ):
        for sheet in (SHEET, UNICODE_ONLY):
            said = refusal(data, sheet)
            assert said.startswith(f"This is {kind}, not a CSV: open it, choose “Save As”")
            assert "“CSV UTF-8”" in said
    assert refusal(b"%PDF-1.7\n\xe2\xe3").startswith("This is a PDF, not a CSV")


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\xff\xd8\xff\xe0\0\x10JFIF\0",
        b"\x1f\x8b\x08\x08\x8a\xc3",
        b"number\n1\0",
        "number\n1".encode("utf-16-le"),
        UTF16_LE + b"n\0\0\0",
        codecs.BOM_UTF32_LE + "number".encode("utf-32-le"),
    ],
)
def test_a_file_that_is_no_text_is_refused(data):
    for sheet in (SHEET, UNICODE_ONLY):
        assert refusal(data, sheet).startswith("This is not a text file: save the sheet as “CSV UTF-8”")


@pytest.mark.parametrize(
    "word",
    ["été", "étés", "Don’t worry", "l’été", "Größe", "façade", "señor", "ÄÖ€", "Ñ", "“Été”", "Ø", "£5"],
)
def test_windows_1252_is_not_taken_for_japanese(word):
    data = f"number,note\n1,x\n2,{word}\n".encode("cp1252")
    assert "Row 3 has letters that are neither in UTF-8 nor in Shift_JIS." in refusal(data)


@pytest.mark.parametrize("word", ["済", "冷蔵", "ｺﾜﾚﾓﾉ", "Tシャツ", "5個", "DVDの箱", "EMS便です", "①", "～"])
def test_japanese_words_are_read_from_shift_jis(word):
    data = f"number,note\n1,{word}\n".encode("cp932")
    assert read(data) == [(2, ["1", word], "")]
    assert "Row 2 has letters that are not in UTF-8." in refusal(data, UNICODE_ONLY)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "The file is empty."),
        (b" \n,,\n", "The file is empty."),
        (
            codecs.BOM_UTF8 + "number,note\n1,壊れ物".encode("cp932"),
            "Row 2 has letters that are not in UTF-8.",
        ),
        (
            UTF16_LE + "number\n1".encode("utf-16-le") + b"\x00\xd8",
            "Row 2 has letters that are not in UTF-16.",
        ),
        ('sep=,\nnumber\n"a\nb"\né'.encode("cp1252"), "Row 3 has letters that are neither"),
        ('number\n"a" b\né'.encode("cp1252"), "Row 3 has letters that are neither"),
        (b'number,note\n"a\nb",1\n"c', "Row 3 cannot be read: a quotation mark"),
        (b'number,note\n"a" b,1', "Row 2 cannot be read: a quotation mark"),
        (b"number\n" + b"x" * 140_000, "Row 2 cannot be read"),
        (b"number,colour", "Unknown column “colour”. The first row names the columns: number, order_ref"),
        (b"number,Number", "Two columns “number”."),
    ],
)
def test_a_file_that_cannot_be_read_says_where(data, reason):
    assert refusal(data).startswith(reason)


def test_missing_columns_are_named():
    assert refusal(b"order_reference", UNICODE_ONLY).startswith("Columns are missing: number, note.")


# Written and read back

SIGNS = st.sampled_from("=+-@'\",;\t\r\n ＝＠あ壊ー、é€😀")
TEXTS = st.text(SIGNS | st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
JAPANESE = st.text(st.sampled_from("=+-@'\",;\t\r\n A1＝＠あ壊ー、カ"), max_size=12)


@st.composite
def sheets(draw):
    """An encoding, a delimiter, whether the file has a `sep=` line, and rows that the encoding can hold."""
    encoding = draw(st.sampled_from(sorted(ENCODINGS)))
    cell = JAPANESE if encoding == "shift_jis" else TEXTS
    rows = draw(st.lists(st.tuples(cell, cell, cell), max_size=4))
    if encoding == "shift_jis":
        rows.append(("1", "", "壊れ物"))
    return encoding, draw(st.sampled_from(",;\t")), draw(st.booleans()), rows


def test_a_formula_is_written_with_an_apostrophe():
    rows = [{"number": "=1", "note": "'=1"}, {"number": "1", "note": "'1"}]
    written = b"".join(write_csv(("number", "note"), rows))
    assert written == codecs.BOM_UTF8 + b"number,note\r\n'=1,''=1\r\n1,'1\r\n"
    assert [cells for _, cells, _ in read(written)] == [["=1", "'=1"], ["1", "'1"]]


@settings(max_examples=200, deadline=None)
@given(sheets())
def test_what_we_write_is_read_back_the_same(drawn):
    """Before it is read, another program may save our file with its own delimiter and encoding."""
    encoding, delimiter, has_hint, rows = drawn
    ours = b"".join(write_csv(COLUMNS, [dict(zip(COLUMNS, row, strict=True)) for row in rows]))
    saved = io.StringIO(newline="")
    writer = csv.writer(saved, delimiter=delimiter)
    writer.writerows(csv.reader(io.StringIO(ours.decode("utf-8-sig"), newline="")))
    text = (f"sep={delimiter}\r\n" if has_hint else "") + saved.getvalue()
    expected = [(number, list(row), "") for number, row in enumerate(rows, 2)]
    assert read(ours) == expected
    assert read(encoded(text, encoding)) == expected


# Through the pages


def upload(client, address: str, data: bytes, name: str = "sheet.csv"):
    """Send a file to one of the pages; returns the response."""
    return client.post(address, {"file": SimpleUploadedFile(name, data), "text": ""})


@pytest.mark.django_db
def test_parcels_from_japanese_excel_are_registered(admin_client):
    data = f"number,note\r\n{NUMBER},割れ物です\r\n".encode("cp932")
    page = upload(admin_client, REGISTER, data)
    assert [row.note for row in page.context["lines"]] == ["割れ物です"]
    response = admin_client.post(REGISTER, {"text": page.context["text"], "register": "1"})
    assert response.status_code == 302
    assert Shipment.objects.get(number=NUMBER).note == "割れ物です"


@pytest.mark.django_db
def test_words_saved_as_unicode_text_are_imported(admin_client):
    header = "status\tlanguage\tdestination\ttitle\tmeaning\twhat_to_do\twho_has_it\thidden\r\n"
    text = header + 'customs-clearance\tfr\t\tÀ la douane\t"Un\nDeux"\t\t\t\r\n'
    page = upload(admin_client, IMPORT, text.encode("utf-16"), "Unicode Text.txt")
    plan = page.context["plan"]
    assert ([row.number for row in plan.new], plan.bad) == ([2], [])
    admin_client.post(IMPORT, {"text": page.context["text"], "shown": plan.fingerprint})
    words = Wording.objects.get(language="fr")
    assert (words.title, words.meaning) == ("À la douane", "Un\nDeux")


@pytest.mark.django_db
@pytest.mark.parametrize("address", [REGISTER, IMPORT])
def test_an_excel_file_stores_nothing_and_says_why(admin_client, address):
    before = list(Wording.objects.values())
    response = upload(admin_client, address, workbook(), "sheet.xlsx")
    assert response.status_code == 200
    assert "This is an Excel file (.xlsx), not a CSV: open it" in response.content.decode()
    assert not Shipment.objects.exists() and list(Wording.objects.values()) == before


HEADER = ",".join(translation.COLUMNS)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" \n", "The file is empty."),
        (" ", "The file is empty."),
        ("\ufeff\ufeff", "The file is empty."),
        ("sep=;", "The file is empty."),
        (",,,,\n;;;\n", "Unknown column"),
        ("\t\t\n,\n", "The file is empty."),
        ("," * 100_000, "The file is empty."),
        ("a," * 1000, "Unknown column “a”"),
        ("a\0b", "This is not a text file"),
        ("x" * 200_000, "a cell is far too long"),
        (f'{HEADER}\n"never closed', "a quotation mark is not closed"),
        (f"{HEADER},title", "Two columns “title”"),
        (HEADER, "no words in it"),
        (f"{HEADER}\n" + "\n" * 60_000, "More than 50,000 rows"),
        ("\r" * 60_000, "More than 50,000 rows"),
    ],
    ids=range(15),
)
def test_an_odd_file_of_words_is_refused_with_a_sentence(text, words):
    with pytest.raises(UnreadableFileError, match=words):
        translation.plan_import(translation.SHEET.decode(text.encode()))
