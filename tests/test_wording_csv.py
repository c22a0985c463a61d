"""All wording as one CSV: what goes out comes back as it was, and nothing bad or half comes in."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracking.models import Destination, Shop, Status, Wording
from tracking.wording_csv import (
    COLUMNS,
    MOST_ROWS,
    ChangedMeanwhile,
    Unreadable,
    bring_in,
    check,
    decode,
    export_all,
    export_for_translator,
)

EXPORT = "/admin/tracking/wording/export/"
IMPORT = "/admin/tracking/wording/import/"
HEADER = "status,language,destination,title,meaning,what_to_do,who_has_it,hidden\n"
CUSTOMS = "customs-clearance"

pytestmark = pytest.mark.django_db


def read(data: bytes) -> list[dict[str, str]]:
    """As a spreadsheet reads it."""
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def write(rows: list[dict[str, str]], delimiter: str = ",") -> str:
    sheet = io.StringIO(newline="")
    writer = csv.DictWriter(sheet, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return sheet.getvalue()


def store() -> list[dict[str, object]]:
    return list(Wording.objects.order_by("pk").values())


def wording(
    slug: str = CUSTOMS, language: str = "en", destination: str | None = None, **words: str
) -> Wording:
    key = {"status": Status.objects.get(slug=slug), "language": language, "destination_id": destination}
    return Wording.objects.update_or_create(**key, defaults=words)[0]


# Out


def test_every_wording_goes_out_in_the_guides_order():
    wording(language="fr", title="En douane", meaning="Votre colis attend.", hidden=True)
    rows = read(export_all())
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == Wording.objects.count()
    slugs = list(dict.fromkeys(row["status"] for row in rows))
    assert slugs == [status.slug for status in Status.objects.filter(slug__in=slugs)]
    (french,) = (row for row in rows if row["language"] == "fr")
    assert french == {
        "status": CUSTOMS,
        "status_name": Status.objects.get(slug=CUSTOMS).name,
        "language": "fr",
        "destination": "",
        "title": "En douane",
        "meaning": "Votre colis attend.",
        "what_to_do": "",
        "who_has_it": "",
        "hidden": "yes",
    }


def test_the_translators_sheet_has_english_for_reading_and_what_is_there_already():
    wording(destination="FR", title="With French customs", meaning="They look at it.")
    wording(language="fr", title="En douane", meaning="Votre colis attend.")
    wording("retention", language="fr", destination="BE", title="Au bureau", meaning="Allez-y.")
    rows = {(row["status"], row["destination"]): row for row in read(export_for_translator("fr"))}
    assert {row["language"] for row in rows.values()} == {"fr"}
    assert set(rows) == {
        (slug, code or "")
        for slug, code in Wording.objects.filter(hidden=False).values_list("status__slug", "destination")
    }
    there, missing, only_french = rows[CUSTOMS, ""], rows[CUSTOMS, "FR"], rows["retention", "BE"]
    assert there["title"] == "En douane"
    assert (
        there["english_title"]
        == Wording.objects.get(status__slug=CUSTOMS, language="en", destination=None).title
    )
    assert (missing["title"], missing["english_title"]) == ("", "With French customs")
    assert (only_french["title"], only_french["english_title"]) == (
        "Au bureau",
        Wording.objects.get(status__slug="retention", language="en", destination=None).title,
    )


def test_english_words_that_are_hidden_are_not_sent_to_the_translator():
    before = len(read(export_for_translator("fr")))
    Wording.objects.filter(status__slug=CUSTOMS, destination=None).update(hidden=True)
    assert len(read(export_for_translator("fr"))) == before - 1


# There and back


@pytest.mark.parametrize("delimiter", ",;\t")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_as_any_spreadsheet_writes_it_nothing_differs(delimiter, encoding):
    text = write(read(export_all()), delimiter).replace("\r\n", "\n")
    plan = check(decode(text.encode(encoding)))
    assert (plan.unchanged, plan.bad, plan.does_something) == (Wording.objects.count(), [], False)


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "＝1", "'=1", "''=1", "'quoted'", "=\n", "\t=1"]
)
def test_no_cell_is_a_formula_and_all_are_read_back_as_they_were(text):
    words = wording(language="fr", title=text, meaning=text)
    (row,) = (row for row in read(export_all()) if row["language"] == "fr")
    assert row["title"].lstrip()[0] not in "=+-@＝"
    assert check(decode(export_all())).differences == ()
    words.delete()
    (new,) = check(decode(write([row]).encode())).new
    assert new.wording.meaning == text.strip()


TEXT = st.text(
    st.one_of(
        st.sampled_from("=+-@'\",;\t\r\n {}<>＝😀é\u00a0\u202e"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT, st.booleans()), min_size=1, max_size=5))
def test_any_words_survive_the_way_out_and_back(words):
    Wording.objects.filter(language="fr").delete()
    for status, (title, meaning, what_to_do, who_has_it, hidden) in zip(
        Status.objects.all(), words, strict=False
    ):
        Wording.objects.create(
            status=status,
            language="fr",
            title=title,
            meaning=meaning,
            what_to_do=what_to_do,
            who_has_it=who_has_it,
            hidden=hidden,
        )
    before = store()
    for data in (export_all(), export_for_translator("fr")):
        plan = check(decode(data))
        assert (plan.bad, plan.differences) == ([], ())
        bring_in(decode(data), shown=plan.fingerprint)
    assert store() == before


def test_line_ends_and_spaces_at_the_ends_are_no_difference():
    wording(language="fr", title="En douane ", meaning="Une ligne.\r\nDeux.")
    (row,) = (row for row in read(export_all()) if row["language"] == "fr")
    row |= {"meaning": "Une ligne.\nDeux.\n", "title": "En  douane"}
    assert not check(write([row])).does_something


def test_the_french_space_before_a_colon_stays():
    plan = check(HEADER + f"{CUSTOMS},fr,,En\u00a0douane\u00a0!,Attendez.,,,\n")
    assert plan.new[0].wording.title == "En\u00a0douane\u00a0!"


# In


def test_the_dry_run_tells_new_changed_unchanged_and_left_out_and_stores_nothing():
    before, old = store(), wording().title
    rows = read(export_all())[:4]
    rows = [row for row in rows if row["status"] != CUSTOMS]
    unchanged = len(rows)
    (customs,) = (r for r in read(export_all()) if (r["status"], r["destination"]) == (CUSTOMS, ""))
    rows.append(customs | {"title": "Customs has it"})
    rows.append(customs | {"language": "FR", "title": "En douane", "what_to_do": ""})
    rows.append(customs | {"language": "de", "title": " ", "meaning": "", "what_to_do": "", "who_has_it": ""})
    plan = check(write(rows) + "\r\n,,,,,,,,\r\n")
    assert (len(plan.new), len(plan.changed), plan.unchanged) == (1, 1, unchanged)
    (difference,) = plan.changed[0].differences
    assert (difference.column, difference.now, difference.then) == ("title", old, "Customs has it")
    assert plan.new[0].wording.language == "fr"
    assert plan.left_out == f"{len(rows) + 1}–{len(rows) + 3}"
    assert store() == before


def test_bringing_in_does_what_was_shown_and_customers_see_it_at_once(client):
    version = Shop.objects.get().words_version
    (row,) = (r for r in read(export_all()) if (r["status"], r["destination"]) == (CUSTOMS, ""))
    text = write([row | {"title": "Customs has <it>"}, row | {"language": "fr", "hidden": "yes"}])
    client.get("/")
    bring_in(text, shown=check(text).fingerprint)
    assert "Customs has &lt;it&gt;" in client.get("/").content.decode()
    assert Wording.objects.get(status__slug=CUSTOMS, language="fr").hidden
    assert Shop.objects.get().words_version != version
    assert not check(text).does_something


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("custom,fr,,A,B,,,", "There is no status “custom”"),
        (f"{CUSTOMS},french,,A,B,,,", "Unknown language “french”: a code such as fr"),
        (f"{CUSTOMS},fr,France,A,B,,,", "Unknown destination “France”: two letters such as DE"),
        (f"{CUSTOMS},fr,,A,B,,,oui", "hidden: “oui” is neither “yes” nor empty."),
        (f"{CUSTOMS},fr,,,B,,,", "title: This field cannot be blank."),
        (f"{CUSTOMS},fr,,A,{'x' * 601},,,", "meaning: Ensure this value has at most 600 characters"),
        (f"{CUSTOMS},fr,,{'x' * 101},B,,,", "title: Ensure this value has at most 100 characters"),
        (f"{CUSTOMS},fr,,A,B,C,D,,,,E", "More cells than there are columns: “E”."),
    ],
)
def test_each_bad_row_is_named_as_the_spreadsheet_counts_and_nothing_comes_in(row, problem):
    before = store()
    good = f'{CUSTOMS},de,,"Beim\nZoll",Warten.,,,\n'
    text = f"{HEADER}{good}\n{row}\n"
    plan = check(text)
    (bad,) = plan.bad
    assert bad.number == 4
    assert any(problem in one for one in bad.problems)
    with pytest.raises(ChangedMeanwhile):
        bring_in(text, shown=plan.fingerprint)
    assert store() == before


def test_the_same_words_twice_in_the_file_are_refused():
    plan = check(HEADER + f"{CUSTOMS},fr,DE,A,B,,,\n{CUSTOMS},FR,de,C,D,,,\n")
    assert [(row.number, row.problems) for row in plan.bad] == [
        (3, ("The same status, language and destination as in row 2.",))
    ]


def test_what_the_model_refuses_is_refused_here_in_its_own_words(monkeypatch):
    """So the rules of words are written in one place."""

    def refuse(self):
        from django.core.exceptions import ValidationError

        raise ValidationError({"title": "Not like this.", "__all__": "Nor like that."})

    monkeypatch.setattr(Wording, "clean", refuse)
    (bad,) = check(HEADER + f"{CUSTOMS},fr,,A,B,,,\n").bad
    assert bad.problems == ("title: Not like this.", "Nor like that.")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "The file is empty."),
        ("\n\n", "The file is empty."),
        (HEADER, "There are no words in it"),
        (
            "status,language,title,meaning\n",
            "Columns are missing: destination, what_to_do, who_has_it, hidden",
        ),
        (HEADER.replace("title", "titel"), "Unknown column “titel”"),
        (HEADER.replace("hidden", "title"), "Two columns “title”"),
        (f'{HEADER}{CUSTOMS},fr,,"A\nB",C,,,\n{CUSTOMS},de,,"A,B,,,\n', "Row 3 cannot be read"),
        (f"{HEADER}{CUSTOMS},fr,,{'x' * 200_000},B,,,\n", "Row 2 cannot be read"),
        (HEADER + "x" * 1024 * 1024, "More than 1 MB"),
        (HEADER + f"{CUSTOMS},fr,,A,B,,,\n" * MOST_ROWS, "More than 2000 rows"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(text, reason):
    with pytest.raises(Unreadable, match=reason):
        check(text)


@pytest.mark.parametrize("encoding", ["cp1252", "cp932"])
def test_another_encoding_is_refused_with_its_row_and_the_way_out(encoding):
    text = f'{HEADER}{CUSTOMS},fr,,"A\nB",C,,,\n{CUSTOMS},de,,{{}},C,,,\n'
    letter = {"cp1252": "é", "cp932": "壊"}[encoding]
    with pytest.raises(Unreadable, match="Row 3 has letters that are not in UTF-8.*“CSV UTF-8”"):
        decode(text.format(letter).encode(encoding))


def test_a_picture_is_no_sheet():
    for data in (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"PK\x03\x04\0\0"):
        with pytest.raises(Unreadable):
            decode(data)


def test_excels_hint_at_the_separator_is_no_row():
    (bad,) = check("sep=;\r\n" + HEADER.replace(",", ";") + "custom;fr;;A;B;;;\n").bad
    assert bad.number == 2


def test_words_that_changed_meanwhile_are_shown_anew():
    text = HEADER + f"{CUSTOMS},fr,,En douane,Attendez.,,,\n"
    shown = check(text).fingerprint
    wording(language="fr", title="Chez la douane", meaning="Attendez.")
    with pytest.raises(ChangedMeanwhile):
        bring_in(text, shown=shown)
    assert Wording.objects.get(language="fr").title == "Chez la douane"
    bring_in(text, shown=check(text).fingerprint)
    assert Wording.objects.get(language="fr").title == "En douane"


def test_other_words_that_changed_meanwhile_do_not_matter():
    text = HEADER + f"{CUSTOMS},fr,,En douane,Attendez.,,,\n"
    shown = check(text).fingerprint
    wording("retention", title="At the post office")
    assert len(bring_in(text, shown=shown).new) == 1


def test_when_one_row_cannot_be_stored_none_is(monkeypatch):
    text = HEADER + f"{CUSTOMS},fr,,A,B,,,\nretention,fr,,A,B,,,\n"
    shown, before, save = check(text).fingerprint, store(), Wording.save

    def save_one(self, *arguments, **options):
        if self.status.slug == "retention":
            raise RuntimeError("the disk is full")
        save(self, *arguments, **options)

    monkeypatch.setattr(Wording, "save", save_one)
    with pytest.raises(RuntimeError):
        bring_in(text, shown=shown)
    assert store() == before


def test_the_dry_run_of_two_thousand_rows_needs_few_queries(django_assert_max_num_queries):
    codes = list(Destination.objects.values_list("code", flat=True))
    slugs = list(Status.objects.values_list("slug", flat=True))
    keys = [(slug, code) for slug in slugs for code in codes][: MOST_ROWS - 1]
    text = HEADER + "".join(f"{slug},fr,{code},A,B,,,\n" for slug, code in keys)
    with django_assert_max_num_queries(5):
        assert len(check(text).new) == MOST_ROWS - 1
