"""Odd arguments of the commands, and a database that does not work: each gets a sentence and never a traceback."""

from pathlib import Path

import pytest
from axes.models import AccessAttempt
from django.core.management import get_commands
from django.db import OperationalError, ProgrammingError, connection

import manage

COMMANDS = sorted(name for name, app in get_commands().items() if app == "tracking")
TAKES_A_TEXT = ["backup", "export", "forget", "remove_second_factor", "restore"]


def run(*arguments: str | Path) -> object:
    """Run a command as a shell does. Returns its exit code, or the sentence with which it exits."""
    with pytest.raises(SystemExit) as ended:
        manage.main(["manage.py", *map(str, arguments)])
    return ended.value.code


def test_each_of_our_commands_is_looked_at() -> None:
    others = {"digest", "doctor", "learn", "prune", "watch"}
    assert {*TAKES_A_TEXT, *others} == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("argument", ["\udcff", "EM123456785JP\udc80", "a\0b"])
def test_an_argument_that_is_no_text_is_refused(command: str, argument: str) -> None:
    assert run(command, argument) == f"{argument!r} is not a text in UTF-8, so no command can use it."


@pytest.mark.django_db(transaction=True)  # a command closes its connection at the end
@pytest.mark.parametrize("command", TAKES_A_TEXT)
def test_odd_texts_are_refused_with_a_sentence(command: str, settings, tmp_path: Path, capsys) -> None:
    file = tmp_path / "file"
    file.write_text("Dear shop")
    settings.BACKUP_FOLDER = str(tmp_path / "backups")
    odd = ["x" * 100_000, file / "folder"]
    odd += [""] if command == "backup" else ["", "-9" * 30, "\u202e", "/dev/null", tmp_path]
    odd += [file] if command in ("backup", "restore") else []
    for argument in odd:
        assert run(command, "--", argument) in (1, 2)
        said = capsys.readouterr().err
        assert said.strip() and "Traceback" not in said


@pytest.mark.parametrize("command", ["backup", "restore"])
@pytest.mark.parametrize("argument", ["", " "])
def test_an_empty_path_is_refused_as_an_unset_variable(
    command: str, argument: str, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(command, argument) in (1, 2)
    assert "The path is empty: was a variable of the shell not set?" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["axes_reset_ip", "junk"], "“junk” is no network address"),
        (["axes_reset_ip", ""], "“” is no network address"),
        (["axes_reset_ip_username", "junk", "ann"], "“junk” is no network address"),
        (["axes_reset_ip_username", "192.0.2.1", ""], "The user name is empty"),
        (["axes_reset_username", ""], "The user name is empty"),
    ],
)
def test_odd_failures_to_reset_are_refused(arguments: list[str], sentence: str, capsys) -> None:
    AccessAttempt.objects.create(username="ann", ip_address="192.0.2.1", failures_since_start=1)
    assert run(*arguments) == 1
    assert sentence in capsys.readouterr().err
    assert AccessAttempt.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("keep", ["-1", "0", "-99999999999999999999", "", "many", "1.5", "9" * 5000])
def test_odd_numbers_to_keep_are_refused(keep: str, tmp_path: Path, capsys) -> None:
    assert run("backup", tmp_path / "new", f"--keep={keep}") in (1, 2)
    assert "--keep" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("command", ["export", "learn", "remove_second_factor"])
def test_a_database_that_does_not_work_is_named(command: str, monkeypatch) -> None:
    arguments = [] if command == "learn" else ["EM123456785JP"]

    def fail(*_: object, **__: object) -> None:
        raise OperationalError("unable to open database file")

    monkeypatch.setattr(connection, "ensure_connection", fail)
    assert "does not work: unable to open database file. Is DATABASE_URL right" in str(
        run(command, *arguments)
    )
    with pytest.raises(OperationalError):
        manage.main(["manage.py", command, *arguments, "--traceback"])


@pytest.mark.parametrize(("state", "kind"), [("42P01", SystemExit), ("42601", ProgrammingError)])
def test_a_missing_table_of_postgresql_is_named(state: str, kind: type[BaseException], monkeypatch) -> None:
    def fail(*_: object) -> None:
        cause = ValueError()
        cause.sqlstate = state  # type: ignore[attr-defined]
        raise ProgrammingError('relation "auth_user" does not exist') from cause

    monkeypatch.setattr(manage, "execute_from_command_line", fail)
    with pytest.raises(kind, match="does not exist"):
        manage.main(["manage.py", "learn"])
