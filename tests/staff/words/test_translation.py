"""All words as one CSV file: an export is imported unchanged, and a file with an error changes nothing."""

import csv
import io

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracking.models import Destination, Shop, Status, Wording
from tracking.staff.spreadsheets import UnreadableFileError
from tracking.staff.words.translation import (
    COLUMNS,
    MOST_ROWS,
    SHEET,
    ChangedMeanwhileError,
    export_all,
    export_for_translator,
    import_wording,
    plan_import,
)

EXPORT = "/admin/tracking/wording/export/"
IMPORT = "/admin/tracking/wording/import/"
HEADER = "status,language,destination,title,meaning,what_to_do,who_has_it,hidden\n"
CUSTOMS = "customs-clearance"

pytestmark = pytest.mark.django_db


def read(data: bytes) -> list[dict[str, str]]:
    """The rows of a CSV file, as a spreadsheet reads them."""
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def write(rows: list[dict[str, str]], delimiter: str = ",") -> str:
    """A CSV file with these rows."""
    sheet = io.StringIO(newline="")
    writer = csv.DictWriter(sheet, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return sheet.getvalue()


def stored_wordings() -> list[dict[str, object]]:
    """All columns of all stored words."""
    return list(Wording.objects.order_by("pk").values())


def wording(
    slug: str = CUSTOMS, language: str = "en", destination: str | None = None, **words: str
) -> Wording:
    """The stored words of this status, language and destination, with these texts set."""
    key = {"status": Status.objects.get(slug=slug), "language": language, "destination_id": destination}
    return Wording.objects.update_or_create(**key, defaults=words)[0]


# Export


def test_the_export_has_every_wording_in_the_guides_order():
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


def test_the_translators_sheet_has_english_and_existing_words():
    wording(destination="FR", title="With French customs", meaning="They look at it.")
    wording(language="fr", title="En douane", meaning="Votre colis attend.")
    wording("retention", language="fr", destination="BE", title="Au bureau", meaning="Allez-y.")
    rows = {(row["status"], row["destination"]): row for row in read(export_for_translator("fr"))}
    assert {row["language"] for row in rows.values()} == {"fr"}
    assert set(rows) == {
        (slug, code or "")
        for slug, code in Wording.objects.filter(hidden=False).values_list("status__slug", "destination")
    }
    assert [code for slug, code in rows if slug == CUSTOMS] == ["", "BR", "FR", "GB"]
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


def test_the_translators_sheet_leaves_out_hidden_english_words():
    before = len(read(export_for_translator("fr")))
    Wording.objects.filter(status__slug=CUSTOMS, destination=None).update(hidden=True)
    assert len(read(export_for_translator("fr"))) == before - 1


def test_empty_hidden_words_do_not_come_back_hidden():
    wording(language="fr", title="", meaning="", hidden=True)
    (row,) = (
        row
        for row in read(export_for_translator("fr"))
        if (row["status"], row["destination"]) == (CUSTOMS, "")
    )
    assert row["hidden"] == ""
    (changed,) = plan_import(write([row | {"title": "En douane", "meaning": "Attendez."}])).changed
    assert not changed.wording.hidden


def test_words_that_are_only_a_draft_are_not_exported():
    """Their published texts are empty, so a row of them would only puzzle its readers."""
    draft = dict.fromkeys(("title", "meaning", "what_to_do", "who_has_it"), "Not yet")
    before = len(read(export_all())), len(read(export_for_translator("fr")))
    wording(language="fr", destination="BE", hidden=True, draft=draft)
    wording(language="en", destination="BE", hidden=True, draft=draft)
    assert (len(read(export_all())), len(read(export_for_translator("fr")))) == before


# Export and import


@pytest.mark.parametrize("delimiter", ",;\t")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_saved_by_any_spreadsheet_changes_nothing(delimiter, encoding):
    text = write(read(export_all()), delimiter).replace("\r\n", "\n")
    plan = plan_import(SHEET.decode(text.encode(encoding)))
    assert (plan.unchanged, plan.bad, plan.does_something) == (Wording.objects.count(), [], False)


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "＝1", "'=1", "''=1", "'quoted'", "=\n", "\t=1"]
)
def test_no_cell_is_a_formula_and_all_are_read_back_unchanged(text):
    words = wording(language="fr", title=text, meaning=text)
    (row,) = (row for row in read(export_all()) if row["language"] == "fr")
    assert row["title"].lstrip()[0] not in "=+-@＝"
    assert plan_import(SHEET.decode(export_all())).differences == ()
    words.delete()
    (new,) = plan_import(SHEET.decode(write([row]).encode())).new
    assert new.wording.meaning == text.strip()


TEXT = st.text(
    st.one_of(
        st.sampled_from("=+-@'\",;\t\r\n {}<>＝😀é\u00a0\u202e"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    max_size=30,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(words=st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT, st.booleans()), min_size=1, max_size=5))
def test_any_words_survive_export_and_import(words):
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
    before = stored_wordings()
    for data in (export_all(), export_for_translator("fr")):
        plan = plan_import(SHEET.decode(data))
        assert (plan.bad, plan.differences) == ([], ())
        import_wording(SHEET.decode(data), shown=plan.fingerprint)
    assert stored_wordings() == before


def test_line_ends_and_spaces_at_the_ends_are_no_difference():
    wording(language="fr", title="En douane ", meaning="Une ligne.\r\nDeux.")
    (row,) = (row for row in read(export_all()) if row["language"] == "fr")
    row |= {"meaning": "Une ligne.\nDeux.\n", "title": "En  douane"}
    assert not plan_import(write([row])).does_something


def test_the_french_space_before_a_colon_stays():
    plan = plan_import(HEADER + f"{CUSTOMS},fr,,En\u00a0douane\u00a0!,Attendez.,,,\n")
    assert plan.new[0].wording.title == "En\u00a0douane\u00a0!"


# Import


def test_the_dry_run_counts_each_kind_of_row_and_stores_nothing():
    before, old = stored_wordings(), wording().title
    rows = read(export_all())[:4]
    rows = [row for row in rows if row["status"] != CUSTOMS]
    unchanged = len(rows)
    (customs,) = (r for r in read(export_all()) if (r["status"], r["destination"]) == (CUSTOMS, ""))
    rows.append(customs | {"title": "Customs has it"})
    rows.append(customs | {"language": "FR", "title": "En douane", "what_to_do": ""})
    rows.append(customs | {"language": "de", "title": " ", "meaning": "", "what_to_do": "", "who_has_it": ""})
    plan = plan_import(write(rows) + "\r\n,,,,,,,,\r\n")
    assert (len(plan.new), len(plan.changed), plan.unchanged) == (1, 1, unchanged)
    (difference,) = plan.changed[0].differences
    assert (difference.column, difference.now, difference.then) == ("title", old, "Customs has it")
    assert plan.new[0].wording.language == "fr"
    assert plan.left_out == f"{len(rows) + 1}–{len(rows) + 3}"
    assert stored_wordings() == before


def test_the_import_stores_what_was_shown_and_customers_see_it(client):
    version = Shop.objects.get().words_version
    (row,) = (r for r in read(export_all()) if (r["status"], r["destination"]) == (CUSTOMS, ""))
    text = write([row | {"title": "Customs has <it>"}, row | {"language": "fr", "hidden": "yes"}])
    client.get("/")
    import_wording(text, shown=plan_import(text).fingerprint)
    assert "Customs has &lt;it&gt;" in client.get("/").content.decode()
    assert Wording.objects.get(status__slug=CUSTOMS, language="fr").hidden
    assert Shop.objects.get().words_version != version
    assert not plan_import(text).does_something


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
        (f"{CUSTOMS},fr,,A,{{numbr}},,,", "meaning: We cannot fill in “{numbr}”"),
        (f"{CUSTOMS},fr,,In {{country,B,,,", "title: We cannot fill in"),
        (f"{CUSTOMS},fr,,A,B,C,D,,,,E", "More cells than there are columns: “E”."),
    ],
)
def test_a_bad_row_is_named_by_its_number_and_blocks_the_import(row, problem):
    before = stored_wordings()
    good = f'{CUSTOMS},de,,"Beim\nZoll",Warten.,,,\n'
    text = f"{HEADER}{good}\n{row}\n"
    plan = plan_import(text)
    (bad,) = plan.bad
    assert bad.number == 4
    assert any(problem in one for one in bad.problems)
    with pytest.raises(ChangedMeanwhileError):
        import_wording(text, shown=plan.fingerprint)
    assert stored_wordings() == before


def test_the_same_words_twice_in_the_file_are_refused():
    plan = plan_import(HEADER + f"{CUSTOMS},fr,DE,A,B,,,\n{CUSTOMS},FR,de,C,D,,,\n")
    assert [(row.number, row.problems) for row in plan.bad] == [
        (3, ("The same status, language and destination as in row 2.",))
    ]


def test_the_import_refuses_what_the_model_refuses(monkeypatch):
    """So the rules for words are written in one place."""

    def refuse(self):
        from django.core.exceptions import ValidationError

        raise ValidationError({"title": "Not like this.", "__all__": "Nor like that."})

    monkeypatch.setattr(Wording, "clean", refuse)
    (bad,) = plan_import(HEADER + f"{CUSTOMS},fr,,A,B,,,\n").bad
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
    with pytest.raises(UnreadableFileError, match=reason):
        plan_import(text)


@pytest.mark.parametrize("encoding", ["cp1252", "cp932"])
def test_another_encoding_is_refused_with_its_row_and_advice(encoding):
    text = f'{HEADER}{CUSTOMS},fr,,"A\nB",C,,,\n{{}}{CUSTOMS},de,,A,C,,,\n'
    letter = {"cp1252": "é", "cp932": "壊"}[encoding]
    with pytest.raises(UnreadableFileError, match=r"Row 3 has letters that are not in UTF-8.*“CSV UTF-8”"):
        SHEET.decode(text.format(letter).encode(encoding))


def test_a_picture_is_refused():
    for data in (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"PK\x03\x04\0\0"):
        with pytest.raises(UnreadableFileError):
            SHEET.decode(data)


def test_excels_hint_at_the_separator_is_no_row():
    (bad,) = plan_import("sep=;\r\n" + HEADER.replace(",", ";") + "custom;fr;;A;B;;;\n").bad
    assert bad.number == 2


def test_words_changed_since_the_check_are_shown_again():
    text = HEADER + f"{CUSTOMS},fr,,En douane,Attendez.,,,\n"
    shown = plan_import(text).fingerprint
    wording(language="fr", title="Chez la douane", meaning="Attendez.")
    with pytest.raises(ChangedMeanwhileError):
        import_wording(text, shown=shown)
    assert Wording.objects.get(language="fr").title == "Chez la douane"
    import_wording(text, shown=plan_import(text).fingerprint)
    assert Wording.objects.get(language="fr").title == "En douane"


def test_words_written_at_the_same_moment_are_shown_again(monkeypatch):
    text = HEADER + f"{CUSTOMS},fr,,En douane,Attendez.,,,\n"
    shown, before = plan_import(text).fingerprint, stored_wordings()

    def save_what_is_there_already(self):
        Wording.objects.bulk_create([self, Wording(status=self.status, language="fr")])

    monkeypatch.setattr(Wording, "save", save_what_is_there_already)
    with pytest.raises(ChangedMeanwhileError):
        import_wording(text, shown=shown)
    assert stored_wordings() == before


def test_a_change_of_other_words_does_not_stop_the_import():
    text = HEADER + f"{CUSTOMS},fr,,En douane,Attendez.,,,\n"
    shown = plan_import(text).fingerprint
    wording("retention", title="At the post office")
    assert len(import_wording(text, shown=shown).new) == 1


def test_when_one_row_cannot_be_stored_none_is(monkeypatch):
    text = HEADER + f"{CUSTOMS},fr,,A,B,,,\nretention,fr,,A,B,,,\n"
    shown, before, save = plan_import(text).fingerprint, stored_wordings(), Wording.save

    def save_one(self, *arguments, **options):
        if self.status.slug == "retention":
            raise RuntimeError("the disk is full")
        save(self, *arguments, **options)

    monkeypatch.setattr(Wording, "save", save_one)
    with pytest.raises(RuntimeError):
        import_wording(text, shown=shown)
    assert stored_wordings() == before


def test_the_dry_run_of_two_thousand_rows_needs_few_queries(django_assert_max_num_queries):
    codes = list(Destination.objects.values_list("code", flat=True))
    slugs = list(Status.objects.values_list("slug", flat=True))
    keys = [(slug, code) for slug in slugs for code in codes][: MOST_ROWS - 1]
    text = HEADER + "".join(f"{slug},fr,{code},A,B,,,\n" for slug, code in keys)
    with django_assert_max_num_queries(5):
        assert len(plan_import(text).new) == MOST_ROWS - 1


# The pages


def upload(client, text: str):
    return client.post(IMPORT, {"file": SimpleUploadedFile("fr.csv", text.encode())})


def test_the_list_links_to_both_pages_and_a_row_to_its_status(admin_client):
    page = admin_client.get(reverse("admin:tracking_wording_changelist"), {"q": "customs"}).content.decode()
    assert EXPORT in page and IMPORT in page
    words = Wording.objects.first()
    page = admin_client.get(reverse("admin:tracking_wording_change", args=[words.pk])).content.decode()
    assert reverse("admin:tracking_status_change", args=[words.status_id]) in page


def test_the_history_of_words_is_that_of_their_status(admin_client):
    words = Wording.objects.first()
    response = admin_client.get(reverse("admin:tracking_wording_history", args=[words.pk]))
    assert response["Location"] == reverse("admin:tracking_status_history", args=[words.status_id])
    assert admin_client.get(reverse("admin:tracking_wording_history", args=[0])).status_code == 404


def test_the_sheet_is_downloaded_as_a_file(admin_client):
    response = admin_client.get(EXPORT, {"language": "fr"})
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="wording-fr-')
    assert response.content == export_for_translator("fr")
    assert admin_client.get(EXPORT, {"language": "all"}).content == export_all()
    page = admin_client.get(EXPORT, {"language": "klingon"}).content.decode()
    assert "Select a valid choice" in page and "Download the sheet" in page


def test_an_upload_is_shown_and_stored_after_confirmation(admin_client, admin_user):
    text = HEADER + f'{CUSTOMS},fr,,<b>Douane</b>,"Un\r\ndeux",,,\r\n{CUSTOMS},en,,Customs,Look.,,,\n'
    response = upload(admin_client, text)
    page = response.content.decode()
    assert "1 new, 1 changed, 0 as they are" in page
    assert "&lt;b&gt;Douane" in page and "<b>Douane" not in page
    assert not Wording.objects.filter(language="fr").exists()
    plan = response.context["plan"]
    response = admin_client.post(IMPORT, {"text": text, "shown": plan.fingerprint}, follow=True)
    assert "Brought in: 1 new, 1 changed." in response.content.decode()
    assert Wording.objects.get(language="fr").title == "<b>Douane</b>"
    assert {(entry.user, entry.action_flag) for entry in LogEntry.objects.all()} == {
        (admin_user, 1),
        (admin_user, 2),
    }


def test_a_draft_of_the_same_words_is_mentioned_and_stays(admin_client):
    draft = {"title": "Chez la douane", "meaning": "Patience.", "what_to_do": "", "who_has_it": ""}
    note = "These words have a draft."
    words = wording(language="fr", hidden=True, draft=draft)
    text = HEADER + f"{CUSTOMS},fr,,En douane,Attendez.,,,\n"
    response = upload(admin_client, text)
    page = response.content.decode()
    assert page.count(note) == 1
    assert reverse("admin:tracking_status_change", args=[words.status_id]) in page
    admin_client.post(IMPORT, {"text": text, "shown": response.context["plan"].fingerprint})
    words.refresh_from_db()
    assert (words.title, words.hidden, words.draft) == ("En douane", False, draft)
    same = HEADER + f"{CUSTOMS},fr,,Chez la douane,Patience.,,,\n"
    assert note not in upload(admin_client, same).content.decode()


def test_imported_words_are_in_the_history_with_their_author(admin_client):
    text = HEADER + f"{CUSTOMS},fr,,En douane,Attendez.,,,\n{CUSTOMS},en,,Customs,Look.,,,\n"
    shown = upload(admin_client, text).context["plan"].fingerprint
    admin_client.post(IMPORT, {"text": text, "shown": shown})
    address = reverse("admin:tracking_status_history", args=[Status.objects.get(slug=CUSTOMS).pk])
    changes = admin_client.get(address).context["changes"]
    assert {(one.what, one.happened, one.who) for one in changes[:2]} == {
        ("Words, any destination in French", "written", "admin"),
        ("Words, any destination in English", "changed", "admin"),
    }


def test_an_outdated_confirmation_shows_the_new_plan_first(admin_client):
    text = HEADER + f"{CUSTOMS},fr,,En douane,Attendez.,,,\n"
    shown = upload(admin_client, text).context["plan"].fingerprint
    wording(language="fr", title="Chez la douane", meaning="Attendez.")
    page = admin_client.post(IMPORT, {"text": text, "shown": shown}).content.decode()
    assert "a colleague changed words here in the meantime" in page
    assert "Chez la douane" in page and "0 new, 1 changed" in page
    assert Wording.objects.get(language="fr").title == "Chez la douane"


def test_a_bad_row_leaves_no_button_to_confirm(admin_client):
    page = upload(admin_client, HEADER + f"{CUSTOMS},fr,,A,B,,,\ncustom,fr,,A,B,,,\n").content.decode()
    assert "Row 3: There is no status “custom”" in page and "Nothing was changed" in page
    assert 'name="shown"' not in page


def test_a_missing_or_too_large_file_is_refused(admin_client):
    assert "Choose a file first." in admin_client.post(IMPORT, {"x": "y"}).content.decode()
    assert "The file is empty." in upload(admin_client, "").content.decode()
    assert "More than 1 MB" in upload(admin_client, "x" * (1024 * 1024 + 1)).content.decode()
    large = SimpleUploadedFile("utf-16.csv", ("x" * 600_000).encode("utf-16"))
    assert "More than 1 MB" in admin_client.post(IMPORT, {"file": large}).content.decode()


@pytest.mark.parametrize(
    ("permissions", "export", "import_"),
    [
        ([], 403, 403),
        (["view_wording"], 200, 403),
        (["view_wording", "change_wording"], 200, 403),
        (["view_wording", "add_wording"], 200, 403),
        (["add_wording", "change_wording"], 403, 200),
    ],
)
def test_export_and_import_need_their_permissions(client, permissions, export, import_):
    user = User.objects.create_user("ann", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    assert client.get(EXPORT).status_code == client.get(EXPORT, {"language": "all"}).status_code == export
    assert client.get(IMPORT).status_code == upload(client, HEADER).status_code == import_
    text = HEADER + f"{CUSTOMS},fr,,A,B,,,\n"
    client.post(IMPORT, {"text": text, "shown": plan_import(text).fingerprint})
    assert Wording.objects.filter(language="fr").exists() == (import_ == 200)
    page = client.get(reverse("admin:tracking_wording_changelist")).content.decode()
    assert (IMPORT in page) == (export == import_ == 200)
