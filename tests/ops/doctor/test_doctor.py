"""The commands as a whole: what `doctor` and `check --deploy` print, in which order, and how they end."""

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core import checks
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection

from tests import PROJECT
from tests.support import processes
from tracking import VERSION
from tracking.ops import doctor


def run_doctor(database: Path) -> subprocess.CompletedProcess[str]:
    """Run `manage.py doctor` on this database in a process of its own, as an operator does."""
    kept = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "production " * 6,
        "ALLOWED_HOSTS": "track.shop.jp",
        "DATABASE_URL": f"sqlite:///{database}",
        "JAPANPOST_URL": "http://127.0.0.1:9",
        "no_proxy": "*",
    }
    return processes.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=PROJECT,
        env=kept,
        capture_output=True,
        text=True,
    )


def test_doctor_prints_what_is_wrong_first_and_exits_with_1(tmp_path: Path) -> None:
    done = run_doctor(tmp_path / "db.sqlite3")
    first, *lines = done.stdout.splitlines()
    assert first == f"emsguide {VERSION}"
    assert done.returncode == 1 and not done.stderr
    assert [line for line in lines if "Migrations that are not applied" in line]
    assert all(line[:5] in ("WRONG", "note ", "     ") for line in lines[:-1])
    kinds = [line[:5] for line in lines[:-1:2]]
    assert kinds == sorted(kinds, key="note ".__eq__)
    assert lines[-1] == f"{kinds.count('WRONG')} things are wrong."
    assert all(line.startswith("       → ") for line in lines[1:-1:2])


def test_without_a_database_doctor_reports_the_rest(tmp_path: Path) -> None:
    done = run_doctor(tmp_path / "nowhere" / "db.sqlite3")
    assert "The database does not answer (OperationalError)" in done.stdout
    assert "EMAIL_URL is missing" in done.stdout and "no active members" not in done.stdout
    assert done.returncode == 1


@pytest.mark.django_db
def test_doctor_reports_the_findings_of_django_too(production, settings, no_network, capsys) -> None:
    settings.SESSION_COOKIE_SECURE = False
    with pytest.raises(SystemExit, match="1"):
        call_command("doctor")
    said = capsys.readouterr().out
    assert "Django says (security.W010): You have" in said and "security.W008" not in said
    settings.DEBUG = True
    with pytest.raises(SystemExit, match="1"):
        call_command("doctor")
    assert "Django says" not in capsys.readouterr().out


def checked(**options: object) -> str:
    """Run `manage.py check`; returns what it prints."""
    out = StringIO()
    call_command("check", stdout=out, stderr=out, **options)
    return out.getvalue()


def ids_in(text: str) -> list[str]:
    """The ids of findings of the doctor, in the order of the text."""
    return re.findall(r"emsguide\.[A-Z][0-9]+", text)


@pytest.mark.django_db
def test_check_deploy_with_a_database_reports_the_same(production, settings, no_network) -> None:
    settings.SITE_URL, settings.SESSION_COOKIE_SECURE = "", False
    findings, output = doctor.findings(), checked(deploy=True, databases=["default"])
    assert {f"emsguide.{number}" for number in ("W005", "W109", "W204", "I218")} < set(ids_in(output))
    assert sorted(ids_in(output)) == sorted(one.id for one in findings if doctor.is_ours(one))
    assert "security.W010" in [one.id for one in findings]
    for one in findings:
        assert f"({one.id}) {one.msg}" in output and (one.hint or "") in output


def test_without_a_database_check_deploy_reads_settings_only(production, settings, no_network) -> None:
    settings.SITE_URL = ""
    ids = ids_in(checked(deploy=True))
    assert "emsguide.W005" in ids and {one[:-2] for one in ids} <= {"emsguide.W0", "emsguide.I0"}


def test_without_deploy_no_check_runs(production, settings, no_network) -> None:
    settings.SITE_URL = ""
    assert not [one for one in run_checks(databases=[]) if doctor.is_ours(one)]
    assert not ids_in(checked())


@pytest.mark.django_db
def test_a_finding_can_be_silenced_by_its_id(production, settings, no_network, capsys) -> None:
    silenced = {"emsguide.W109", "emsguide.W204"}
    assert silenced < {one.id for one in doctor.findings()}
    settings.SILENCED_SYSTEM_CHECKS = [*settings.SILENCED_SYSTEM_CHECKS, *silenced]
    assert not silenced & {one.id for one in doctor.findings()}
    assert not silenced & set(ids_in(checked(deploy=True, databases=["default"])))
    with pytest.raises(SystemExit):
        call_command("doctor")
    assert "Japan Post cannot be reached" not in capsys.readouterr().out


def test_the_deployment_guide_lists_every_id_once() -> None:
    code = "".join(file.read_text() for file in Path(doctor.__file__).parent.glob("*.py"))
    used = re.findall(r'id="(emsguide\.\w+)"', code)
    table = re.findall(r"^\| `(emsguide\.\w+)` \|", (PROJECT / "docs/deploying.md").read_text(), re.MULTILINE)
    assert table == sorted(used, key=lambda one: one[-3:]) and len(table) == len(set(table))


@pytest.mark.django_db
def test_a_correct_installation_has_nothing_wrong(
    production, settings, shop, standin, tmp_path: Path, capsys, monkeypatch
) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "parcels@shop.jp"
    settings.SECURE_HSTS_SECONDS, settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE = (
        3600,
        True,
        True,
    )
    settings.BACKUP_FOLDER = str(tmp_path / "backups")
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    shop.name, shop.email = "Sakura", "shop@sakura.jp"
    shop.save()
    User.objects.create_superuser("ann", password="a long password")
    # The test database may be in a temporary folder, which the doctor would report.
    monkeypatch.setitem(connection.settings_dict, "NAME", "/usr/db.sqlite3")
    assert [one.msg for one in doctor.findings() if one.is_serious(checks.WARNING)] == []
    call_command("doctor")
    assert capsys.readouterr().out.endswith("All is well.\n")
