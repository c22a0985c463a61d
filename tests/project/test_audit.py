"""scripts/audit: a known vulnerability stops the build; a missing network is only reported."""

import json
import sys

import pytest

from tests import PROJECT
from tests.support import processes

SOUND = {"name": "django", "version": "5.2.19", "vulns": []}
VULNERABLE = {
    "name": "lxml",
    "version": "6.1.3",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["6.1.4"], "aliases": [], "description": "Bad."}],
}
UNKNOWN = {"name": "requests", "skip_reason": "Dependency not found on PyPI and could not be audited"}
NO_NETWORK = "Traceback …\nrequests.exceptions.ConnectionError: Failed to resolve 'pypi.org'\n"


@pytest.mark.parametrize(
    ("report", "errors", "code", "said"),
    [
        ([SOUND], "", 0, "1 packages audited, 0 vulnerabilities."),
        ([SOUND, VULNERABLE], "", 1, "VULNERABLE: lxml 6.1.3: PYSEC-2026-1, fixed in 6.1.4"),
        ([SOUND, UNKNOWN], "", 0, "NOT AUDITED: requests"),
        ([UNKNOWN, VULNERABLE], "", 1, "VULNERABLE: lxml"),
        ([UNKNOWN], "", 0, "NOT AUDITED: the package index here has no data"),
        (None, NO_NETWORK, 0, "NOT AUDITED: the data about vulnerabilities cannot be reached: requests.exc"),
        (None, "", 0, "NOT AUDITED: the data about vulnerabilities cannot be reached: no report"),
    ],
)
def test_each_report_gives_its_exit_code_and_sentence(tmp_path, report, errors, code, said):
    written = tmp_path / "report"
    written.write_text("" if report is None else json.dumps({"dependencies": report, "fixes": []}))
    (tmp_path / "errors").write_text(errors)
    command = [sys.executable, "scripts/read_audit.py", str(written), str(tmp_path / "errors")]
    done = processes.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert (done.returncode, said in done.stdout) == (code, True), done.stdout + done.stderr


def test_the_build_looks_for_known_vulnerabilities():
    assert (
        "for stage in lint audit test test-system test-postgresql; do"
        in (PROJECT / ".ci" / "run").read_text()
    )
